"""A whole stack of the suite's own: real services behind proxies, each with the named points put in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from deploy.kafka.connection import Connection
from deploy.local import environment, launch, logs
from deploy.local.child import Child, StackError
from deploy.local.kafka import connection, kafka_child
from deploy.local.keeper import CODE, Pace
from deploy.local.layout import Layout
from deploy.local.plan import SERVICES, plan
from deploy.local.postgres import connect
from deploy.local.secrets import Secrets
from deploy.local.supervisor import Supervisor
from tests.chaos.points import Points
from tests.chaos.proxy import Proxy

# Whoever is killed every few seconds comes back at once.
PACE = Pace(probe=0.1, watch=0.5, first_pause=0.05, longest_pause=0.3, patience=150.0)
START_SECONDS = 180
BACK_SECONDS = 60


class StuckError(Exception):
    """A child did not come back, or did not go; the text says which."""


@dataclass(frozen=True)
class Stack:
    """The running stack. `kafka` and `postgres[service]` are what stands between the services and their servers."""

    layout: Layout
    secrets: Secrets
    supervisor: Supervisor
    points: Points
    kafka: Proxy
    postgres: Mapping[str, Proxy]

    @property
    def admin(self) -> Connection:
        """How Kafka's administrator logs in."""
        return connection(self.layout, self.secrets)

    def pid(self, name: str) -> int | None:
        """The process that is this child now; None while there is none."""
        shown = next(child for child in self.supervisor.shown.children if child.name == name)
        return shown.process.pid if shown.process is not None else None

    def signal(self, name: str, number: int) -> int | None:
        """Send a signal to a child; answers which process got it."""
        pid = self.pid(name)
        if pid is None:
            return None
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return pid

    async def back(self, *names: str, other_than: int | None = None) -> None:
        """Wait until these children serve, as other processes than `other_than`. Raises StuckError."""
        end = time.monotonic() + BACK_SECONDS
        while gone := [name for name in names if not self._serves(name) or self.pid(name) == other_than]:
            if time.monotonic() > end:
                raise StuckError(f"{', '.join(gone)} not back within {BACK_SECONDS} s")
            await asyncio.sleep(0.05)

    def _serves(self, name: str) -> bool:
        return any(child.name == name and child.state == "ready" for child in self.supervisor.shown.children)

    async def database(self, name: str) -> asyncpg.Connection[Any]:
        """A connection of the suite's own to a service's database, past every proxy; the caller closes it."""
        async with asyncio.timeout(BACK_SECONDS):
            while True:
                try:
                    return await connect(self.layout, self.secrets, name)
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.1)

    async def mutate(self, mutation: str | None) -> None:
        """Put a mistake into every service, or take it out, by starting them anew."""
        file = self.points.folder / "mutation"
        file.unlink(missing_ok=True)
        if mutation is not None:
            file.write_text(mutation)
        before = {name: self.signal(name, signal.SIGKILL) for name in SERVICES}
        for name, pid in before.items():
            await self.back(name, other_than=pid)

    @asynccontextmanager
    async def second(self, name: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
        """A second process of a service, which takes part in everything but HTTP, until the block is left."""
        child = next(each for each in self.supervisor.children if each.name == name)
        told = {"MOTCUA_INSTANCE": f"{name}-1", "MOTCUA_HTTP_PORT": str(port)}
        with logs.open_for(self.layout.data, f"{name}-second") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGKILL))),
                *(*child.command, "--roles", "consumers,relay,timers"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment.base(self.layout.data), **child.environment, **told},
                cwd=CODE,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@asynccontextmanager
async def running(layout: Layout, learn: bool) -> AsyncIterator[Stack]:
    """The stack in `layout.data`, until the block is left. With `learn`, Kafka starts slower once and faster then.

    Raises StackError when it cannot come up.
    """
    layout.data.mkdir(parents=True, exist_ok=True)
    secrets, points = Secrets.open(layout.data), Points(layout.data / "chaos")
    points.prepare()
    async with AsyncExitStack() as proxies:
        kafka = await proxies.enter_async_context(Proxy(layout.port("kafka")).listening())
        postgres = {
            name: await proxies.enter_async_context(Proxy(layout.port("postgres")).listening()) for name in SERVICES
        }
        children = [
            child
            for child in _children(layout, secrets, points, kafka, postgres, learn)
            if child.name not in ("traces", "portal")
        ]
        supervisor = Supervisor(children, layout.data, layout.offset, pace=PACE)
        stack = Stack(layout, secrets, supervisor, points, kafka, postgres)
        task = asyncio.create_task(supervisor.run())
        try:
            await _until_ready(supervisor, task)
            yield stack
        finally:
            supervisor.stop.set()
            await asyncio.wait([task])
        task.result()


async def _until_ready(supervisor: Supervisor, task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while supervisor.shown.state != "ready":
            if task.done():
                task.result()
                raise StackError("hệ thống đã dừng · the stack has ended")
            await asyncio.sleep(0.05)


def _children(
    layout: Layout, secrets: Secrets, points: Points, kafka: Proxy, postgres: Mapping[str, Proxy], learn: bool
) -> list[Child]:
    """The plan's children, where services go through proxies and points, and the sandbox does not let us wait."""
    told = {
        "MOTCUA_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka.port}",
        "MOTCUA_TRACES_EXPORTER": "none",
        "CHAOS_FOLDER": str(points.folder),
        # One officer uploads all results, and again whenever an answer was lost.
        "MOTCUA_UNATTACHED_DOCUMENTS": "1000000",
    }
    sandbox = {"GATEWAY_SETTLE_SECONDS": "1", "GATEWAY_RETRY_SECONDS": "0.2"}
    found = []
    for child in plan(layout, secrets):
        if child.name == "kafka":
            child = kafka_child(layout, secrets, learn=learn, advertised_port=kafka.port)
        elif child.name in SERVICES:
            port = layout.port("postgres")
            database = child.environment["MOTCUA_DATABASE_URL"].replace(f":{port}/", f":{postgres[child.name].port}/")
            child = replace(
                child,
                command=(sys.executable, "-m", "tests.chaos.service", child.name),
                environment={**child.environment, **told, "MOTCUA_DATABASE_URL": database},
            )
        elif child.name == "gateway":
            child = replace(child, environment={**child.environment, **sandbox})
        found.append(child)
    return found
