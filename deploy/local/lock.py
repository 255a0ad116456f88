"""One supervisor per data folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import state
from deploy.local.checks import explained
from deploy.local.child import StackError

POLL_SECONDS = 0.1


class AlreadyRunningError(StackError):
    """Another supervisor holds the data folder."""


def path_in(data: Path) -> Path:
    return data / "supervisor.lock"


def acquire(data: Path, wait_seconds: float = 30.0, tell: Callable[[str], None] = lambda text: None) -> int:
    """Take the lock and give its file descriptor; the lock lasts until every copy of it is closed.

    A guard that still ends the processes of a killed supervisor is waited for. Raises AlreadyRunningError while a
    supervisor lives, StackError when the folder cannot be written or the guard does not come to its end.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path_in(data), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise explained(error, data) from error
    until = time.monotonic() + wait_seconds
    while not _locked(descriptor):
        seen = state.read(data)
        if seen is not None and seen.supervisor.runs():
            os.close(descriptor)
            raise AlreadyRunningError(
                f"Hệ thống đã chạy từ {data} (tiến trình {seen.supervisor.pid}): xem `make status`, dừng bằng "
                f"`make stop` · the stack already runs: see `make status`, end it with `make stop`"
            )
        if time.monotonic() > until:
            os.close(descriptor)
            raise StackError(
                f"Thư mục {data} đang bị một tiến trình khác giữ: chạy `make stop` rồi thử lại · "
                f"another process holds {data}: run `make stop`, then try again"
            )
        tell("chờ dọn các tiến trình cũ · waiting for old processes to end")
        time.sleep(POLL_SECONDS)
    return descriptor


def is_free(data: Path) -> bool:
    """Whether nobody supervises (or cleans up) this data folder now."""
    try:
        descriptor = os.open(path_in(data), os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        return _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
