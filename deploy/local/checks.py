"""What stands in the way of a start, said in one line with what to do about it."""

from __future__ import annotations

import errno
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from deploy.local.child import Child, StackError

ROOM_BYTES = 500 * 1024 * 1024  # PostgreSQL's and Kafka's first segments, logs, and some way to go
WITH_DATA = ("postgres", "kafka")  # whose damage only they themselves may find


def remedy(name: str) -> str:
    """What may help when the child of this name does not start, to stand behind the reason; empty where nothing is
    known."""
    if name not in WITH_DATA:
        return ""
    return (
        " — dữ liệu hỏng? khôi phục bản sao, hoặc `make reset` để bỏ hết · "
        "damaged data? restore a copy, or `make reset` to begin anew"
    )


def explained(error: OSError, where: Path) -> StackError:
    """The operating system's refusal as one line; `where` is what was being written when the error names no file."""
    path = error.filename or where
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StackError(
            f"Đĩa chứa {path} đã đầy: dọn bớt rồi chạy lại, hoặc đặt MOTCUA_DATA sang đĩa khác · "
            f"the disk of {path} is full: free some room, or set MOTCUA_DATA to a folder on another disk"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StackError(
            f"Không có quyền với {path}: cấp quyền, hoặc đặt MOTCUA_DATA sang thư mục ghi được · "
            f"no permission for {path}: grant it, or set MOTCUA_DATA to a folder that can be written"
        )
    return StackError(f"Lỗi hệ điều hành tại {path} · operating system error at {path}: {error.strerror}")


def check_room(data: Path, needed: int = ROOM_BYTES) -> None:
    """Raises StackError when the disk of the data folder has less than `needed` bytes left."""
    free = shutil.disk_usage(data).free
    if free < needed:
        raise StackError(
            f"Đĩa chứa {data} chỉ còn {free >> 20} MB, cần {needed >> 20} MB: dọn bớt, hoặc đặt MOTCUA_DATA sang "
            f"đĩa khác · the disk of {data} has {free >> 20} MB left of {needed >> 20} MB needed: free some room, "
            f"or set MOTCUA_DATA to a folder on another disk"
        )


def check_ports(children: Iterable[Child]) -> None:
    """Raises StackError naming the first port that another process holds, and that process where it can be found."""
    for child in children:
        for port in child.ports:
            if not is_free(port):
                holder = _holder(port)
                raise StackError(
                    f"Cổng {port} ({child.name}) đang bị {holder or 'một tiến trình khác'} chiếm: dừng tiến trình đó, "
                    f"hoặc đặt MOTCUA_PORT_OFFSET=100 để dời mọi cổng · port {port} ({child.name}) is taken by "
                    f"{holder or 'another process'}: end it, or set MOTCUA_PORT_OFFSET=100 to move all ports"
                )


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier run that still linger are no hindrance, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _holder(port: int) -> str | None:
    """`NAME (pid N)` of the process that listens on the port, where this user may see it."""
    for process in psutil.process_iter(["name", "pid"]):
        try:
            connections = process.net_connections("tcp")
        except (psutil.Error, OSError):
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections):
            return f"{process.info['name']} (pid {process.info['pid']})"
    return None
