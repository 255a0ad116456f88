"""The commands of the embedded stack; each answers the exit code and may raise StackError."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from deploy.local import environment, lock, processes, state
from deploy.local import logs as log_files
from deploy.local.checks import explained
from deploy.local.child import StackError
from deploy.local.layout import Layout
from deploy.local.state import StackState

READY, NOT_READY, DOWN = 0, 1, 3
POLL_SECONDS = 0.2
# What the stack makes in its data folder, beside the lock that a reset holds. Nothing else there is touched by it.
MADE = (
    *("postgres", "kafka", "documents", "sandbox", "zipkin"),
    *("secrets", "logs", "bytecode", "state.json", "state.new"),
)


def data_folder() -> Path:
    return Layout.from_environment().data


def up(names: Sequence[str], zipkin: bool) -> int:
    from deploy.local.foreground import run

    layout = Layout.from_environment()
    try:
        run(layout, names, zipkin, Console())
    except lock.AlreadyRunningError as error:
        Console(stderr=True).print(str(error), soft_wrap=True)
        return _show(running(layout.data), as_json=False)
    return READY


def start(names: Sequence[str], zipkin: bool, as_json: bool) -> int:
    data = data_folder()
    child = None if running(data) else _detached(data, names, zipkin)
    try:
        seen = _until_ready(data, child, Console(stderr=True))
    except KeyboardInterrupt:
        if child is not None:
            child.terminate()
            child.wait()
        raise
    return _show(seen, as_json)


def stop() -> int:
    data = data_folder()
    seen = state.read(data)
    console = Console(stderr=True)
    if seen is None or (lock.is_free(data) and not any(process.runs() for process in seen.processes())):
        console.print("Hệ thống không chạy · the stack is not running")
        return READY
    with console.status("đang dừng · stopping"):
        processes.end([seen.supervisor])
        os.close(lock.acquire(data))  # a guard that cleans up has come to its end, too
        processes.end(seen.processes())
    console.print("Đã dừng, dữ liệu được giữ · stopped, its data are kept")
    return READY


def status(as_json: bool) -> int:
    return _show(running(data_folder()), as_json)


def logs(name: str | None, follow: bool, lines: int) -> int:
    data = data_folder()
    paths = {path.stem: path for path in sorted(log_files.folder(data).glob("*.log"))}
    if name is not None and name not in paths:
        known = ", ".join(paths) or "—"
        raise StackError(f"Không có nhật ký {name}; có: {known} · there is no log {name}, only: {known}")
    chosen = paths if name is None else {name: paths[name]}
    width = max(map(len, chosen), default=0) if name is None else 0
    for part, path in chosen.items():
        for line in log_files.last_lines(path, lines):
            print(f"{part:{width}} {line}" if width else line)
    if follow:
        for part, line in log_files.follow(chosen):
            print(f"{part:{width}} {line}" if width else line, flush=True)
    return READY


def reset() -> int:
    data = data_folder()
    if not data.exists():
        return READY
    stop()
    descriptor = lock.acquire(data)
    try:
        for path in (data / name for name in MADE):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError as error:
        raise explained(error, data) from error
    finally:
        os.close(descriptor)
    Console(stderr=True).print("Đã quên mọi dữ liệu · all data are forgotten")
    return READY


def measure(as_json: bool) -> int:
    from deploy.local.measure import measure as measured

    result = asdict(measured(Console(stderr=True)))
    print(json.dumps(result) if as_json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return READY


def running(data: Path) -> StackState | None:
    """What the supervisor of this data folder last told, if it still lives."""
    seen = state.read(data)
    return seen if seen is not None and seen.supervisor.runs() else None


def _detached(data: Path, names: Sequence[str], zipkin: bool) -> subprocess.Popen[bytes]:
    """A supervisor in a session of its own, which outlives this terminal."""
    try:
        log_files.folder(data).mkdir(parents=True, exist_ok=True)
        with log_files.path_of(data, "supervisor").open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own command; unknown names are refused there
                [sys.executable, "-m", "motcua", "up", *names, *(["--traces"] if zipkin else [])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment.supervisor(data),
                start_new_session=True,
            )
    except OSError as error:
        raise explained(error, data) from error


def _until_ready(data: Path, child: subprocess.Popen[bytes] | None, console: Console) -> StackState:
    """Follow the supervisor (`child`, or one that runs already) until the stack is ready. Raises StackError."""
    from deploy.local.view import View

    with View(console) as view:
        while True:
            ended = child is not None and child.poll() is not None
            seen = running(data)
            if seen is not None and (child is None or seen.supervisor.pid == child.pid):
                view.show(seen)
                if seen.state == "ready":
                    return seen
            if ended or (child is None and seen is None):
                words = log_files.last_lines(log_files.path_of(data, "supervisor"), 1)
                raise StackError(words[0] if words else "Hệ thống đã dừng · the stack has ended")
            time.sleep(POLL_SECONDS)


def _show(seen: StackState | None, as_json: bool) -> int:
    from deploy.local.view import report

    if as_json:
        print(json.dumps(_told(seen), ensure_ascii=False))
    elif seen is None:
        print("Hệ thống không chạy: `make up` hoặc `make start` · the stack is not running")
    else:
        report(Console(), seen)
    if seen is None:
        return DOWN
    return READY if seen.state == "ready" else NOT_READY


def _told(seen: StackState | None) -> dict[str, object]:
    if seen is None:
        return {"state": "stopped", "children": []}
    fields = asdict(seen)
    supervisor = fields.pop("supervisor")
    for child in fields["children"]:
        process = child.pop("process")
        child["pid"] = process and process["pid"]
    return {**fields, "pid": supervisor["pid"]}
