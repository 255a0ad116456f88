"""Real child processes for the supervisor's tests, and a supervisor in a process of its own that may be killed."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from deploy.local import state
from deploy.local.child import Child
from deploy.local.keeper import Pace
from deploy.local.processes import Process
from deploy.local.state import StackState
from deploy.local.supervisor import Supervisor
from tests.ports import free_port

PACE = Pace(probe=0.02, watch=0.05, first_pause=0.05, longest_pause=0.5, healthy=0.5, patience=10.0)

SERVE = """
import signal, socket, sys
port, stubborn = int(sys.argv[1]), sys.argv[2] == "stubborn"
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", port))
print("serving", port, flush=True)
while True:
    server.accept()[0].close()
"""


def server(name: str, after: tuple[str, ...] = (), manner: str = "polite") -> Child:
    """A child that listens on a port of its own; a stubborn one must be killed."""
    port = free_port()

    async def ready() -> str | None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            return str(error)
        writer.close()
        return None

    return Child(
        name=name,
        command=(sys.executable, "-I", "-S", "-c", SERVE, str(port), manner),
        address=f"127.0.0.1:{port}",
        ready=ready,
        after=after,
        ports=(port,),
        stop_seconds=0.5,
    )


Answer = TypeVar("Answer")


def until(condition: Callable[[], Answer | None], seconds: float = 60.0) -> Answer:
    """The condition's first true answer; fails when there is none in time. Blocking."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("the condition did not come true in time")


def ready_stack(data: Path) -> Callable[[], StackState | None]:
    def look() -> StackState | None:
        seen = state.read(data)
        ready = seen is not None and seen.state == "ready" and seen.supervisor.runs()
        return seen if ready else None

    return look


def all_gone(processes: list[Process]) -> Callable[[], bool]:
    return lambda: not any(process.runs() for process in processes)


def main() -> None:
    """Supervise children (`NAME:MANNER` each, every one after the one before) in the data folder given first."""
    data, specifications = Path(sys.argv[1]), sys.argv[2:]
    names = [specification.split(":")[0] for specification in specifications]
    children = [
        server(name, after=tuple(names[:index][-1:]), manner=specification.split(":")[1])
        for index, (name, specification) in enumerate(zip(names, specifications, strict=True))
    ]

    async def run() -> None:
        supervisor = Supervisor(children, data, pace=PACE)
        supervisor.obey_signals()
        await supervisor.run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
