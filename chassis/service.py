"""A service put together: what it reads, answers, waits for and calls, run in the roles that are asked for."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import httpx
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client.registry import Collector
from pydantic import BaseModel

from chassis import http, logs, migrations, telemetry
from chassis.access import Verifier
from chassis.answering import Answering
from chassis.backgrounds import Background, keep_at
from chassis.backlog import Backlog
from chassis.calls import Calls, Handler
from chassis.chores import Chore, keep_doing
from chassis.clock import Clock, utc_now
from chassis.consumer import Consumer, Fold
from chassis.decider import Decides, Message
from chassis.drainer import Drainer
from chassis.effects import CALLS
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.garbage import collect_rarely
from chassis.health import Health
from chassis.housekeeping import keep_house
from chassis.kafka import Kafka
from chassis.metrics import Metrics
from chassis.postgres import Pool, open_pool
from chassis.refreshing import Refresh, keep_fresh
from chassis.relay import Relay
from chassis.sealing import Sealer
from chassis.settings import Settings
from chassis.subscriptions import Subscriptions
from chassis.tasks import for_ever
from chassis.timers import Timers
from chassis.wakes import Wakes
from chassis.work import Work

Role = Literal["api", "consumers", "relay", "timers"]
# After SIGTERM, one after the other: 18 s at most, before whoever supervises the process loses patience at 20 s.
_REQUESTS_SECONDS, _DRAIN_SECONDS, _TRACES_SECONDS = 5, 10.0, 3.0

ROLES: tuple[Role, ...] = get_args(Role)

log = structlog.get_logger()


@dataclass(frozen=True)
class Service:
    """A service's table of contents.

    `routes` answer HTTP; `consumes` folds topics; `publishes` names the topics it owns; `decides` lists commands, timers and answers; `calls` maps requests to
    outside systems to the functions that make them; `sealed` names the topics whose values are sealed; `chores` are done
    every so often, `backgrounds` as soon as there is work; `uploads` are the paths that take larger bodies than others, by their most bytes; `measures` are the
    service's own metrics; `refreshes` read what each process keeps in memory, at the start and once a second; `at_start`
    runs once the database is there.
    """

    name: str
    description: str
    settings: Settings
    registry: Mapping[str, type[BaseModel]]
    routes: Sequence[APIRouter] = ()
    consumes: Sequence[Fold] = ()
    publishes: Sequence[str] = ()
    decides: Sequence[Decides] = ()
    calls: Mapping[type[Message], Handler] = field(default_factory=dict)
    sealed: Mapping[str, Sealer] = field(default_factory=dict)
    chores: Sequence[Chore] = ()
    backgrounds: Sequence[Background] = ()
    uploads: Mapping[str, int] = field(default_factory=dict)
    measures: Sequence[Collector] = ()
    refreshes: Sequence[Refresh] = ()
    at_start: Callable[[Work], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True)
class Running:
    """The parts of one process, wired in one place."""

    service: Service
    pool: Pool
    voice: Voice
    health: Health
    metrics: Metrics
    calls: Calls
    backlog: Backlog
    work: Work

    @classmethod
    async def of(
        cls, service: Service, tracing: TracerProvider, health: Health, metrics: Metrics, clock: Clock
    ) -> Running:
        settings = service.settings
        pool = await open_pool(
            settings.database_url.get_secret_value(), settings.instance, settings.database_connections
        )
        voice = Voice(f"/motcua/{service.name}", tracing.get_tracer("motcua"), clock, service.sealed)
        calls = Calls(service.calls, service.decides, pool, voice, metrics)
        backlog = Backlog(settings.outbox_limit)
        work = Work(pool, voice, service.decides, calls, backlog)
        return cls(service, pool, voice, health, metrics, calls, backlog, work)

    def tasks(self, roles: Sequence[Role]) -> list[Coroutine[Any, Any, None]]:
        """What runs beside HTTP in these roles."""
        settings, kafka = self.service.settings, Kafka.from_settings(self.service.settings)
        tasks: list[Coroutine[Any, Any, None]] = [keep_house(self.pool, self.backlog, self.metrics, self.health)]
        tasks += [keep_fresh(refresh, self.pool) for refresh in self.service.refreshes]
        if "relay" in roles and self.service.publishes:
            url = settings.database_url.get_secret_value()
            tasks.append(Relay(url, kafka, settings.instance, self.voice.tracer, self.metrics, self.health).forever())
        if "consumers" in roles and self.service.consumes:
            consumers = [self.consumer(fold) for fold in self.service.consumes]
            tasks.append(Subscriptions(consumers, kafka, settings.instance, self.metrics, self.health).forever())
            tasks += [Drainer(consumer).forever() for consumer in consumers]
        if "timers" in roles:
            tasks.append(Timers(self.service.decides, self.pool, self.voice, self.metrics).forever())
            wakes = Wakes(settings.database_url.get_secret_value(), settings.instance, CALLS)
            tasks += [wakes.forever(), self.calls.forever(wakes)]
            tasks += [keep_doing(chore, self.pool, self.metrics) for chore in self.service.chores]
            for background in self.service.backgrounds:
                tasks += self.kept_at(background)
        return tasks

    def kept_at(self, background: Background) -> list[Coroutine[Any, Any, None]]:
        """A service's own work, and being woken for it."""
        settings = self.service.settings
        wakes = Wakes(settings.database_url.get_secret_value(), settings.instance, background.channel)
        answering = Answering(self.pool, self.voice, self.service.decides)
        return [wakes.forever(), keep_at(background, wakes, self.pool, answering)]

    def consumer(self, fold: Fold) -> Consumer:
        reader = Reader(self.service.registry, self.service.sealed)
        return Consumer(fold, self.pool, self.voice, reader, self.metrics, self.service.settings.parking_limit)

    async def database_is_there(self) -> None:
        """Wait until the database answers and its schema is the one of this code."""
        while True:
            reason = await self._database_trouble()
            if reason is None:
                self.health.well("database")
                return
            self.health.waits("database", reason)
            log.warning("waits for the database", reason=reason)
            await asyncio.sleep(0.5)

    async def _database_trouble(self) -> str | None:
        try:
            async with self.pool.acquire(timeout=5) as connection:
                waiting = await migrations.missing(connection, f"services.{self.service.name}")
            return f"run `motcua migrate {self.service.name}`: {', '.join(waiting)} missing" if waiting else None
        except Exception as error:
            return str(error) if isinstance(error, migrations.MigrationError) else f"away ({type(error).__name__})"


def build(service: Service, roles: Sequence[Role] = ROLES, clock: Clock = utc_now) -> FastAPI:
    """The service's ASGI application; its consumers, relay and timers live as long as the application's lifespan."""
    health, metrics, tracing = Health(), Metrics(), telemetry.provider(service.name, service.settings)
    for collector in service.measures:
        metrics.registry.register(collector)
    health.waits("start", "starting")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = await Running.of(service, tracing, health, metrics, clock)
        async with httpx.AsyncClient(timeout=5) as client:
            app.state.work = running.work
            app.state.verifier = Verifier(service.settings.oidc_issuer, service.settings.oidc_audience, client)
            task = asyncio.create_task(_run(running, roles))
            task.add_done_callback(_stop_the_process_after_a_crash)
            try:
                yield
            finally:
                task.remove_done_callback(_stop_the_process_after_a_crash)
                task.cancel()
                # However it ends, and whether it does: what follows must happen within the budget of a SIGTERM.
                await asyncio.wait([task], timeout=_DRAIN_SECONDS)
                running.pool.terminate()
                telemetry.close(tracing, _TRACES_SECONDS)

    routes = service.routes if "api" in roles else ()
    tracer = tracing.get_tracer("motcua")
    return http.application(
        service.name, service.description, routes, health, metrics, tracer, service.uploads, lifespan=lifespan
    )


async def _run(running: Running, roles: Sequence[Role]) -> None:
    await running.database_is_there()
    for refresh in running.service.refreshes:
        await refresh(running.pool)
    if running.service.at_start is not None and "api" in roles:
        await running.service.at_start(running.work)
    running.health.well("start")
    await for_ever(running.tasks(roles))


def _stop_the_process_after_a_crash(task: asyncio.Task[None]) -> None:
    """A process without its consumers or its relay must not look alive: whoever supervises it starts a new one."""
    log.critical("background work crashed", exc_info=None if task.cancelled() else task.exception())
    signal.raise_signal(signal.SIGTERM)


def serve(service: Service, roles: Sequence[Role] = ROLES) -> None:
    """Run one process of the service until SIGTERM or SIGINT, then drain and stop."""
    logs.configure(service.name, service.settings.log_level)
    app = build(service, roles)
    collect_rarely()
    uvicorn.run(
        app,
        host=service.settings.http_host,
        port=service.settings.http_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who is believed to be a proxy is each service's setting
        timeout_graceful_shutdown=_REQUESTS_SECONDS,
    )


def main(make: Callable[[], Service]) -> None:
    """The command line of a service: `python -m services.NAME [--roles api,consumers,relay,timers]`."""
    parser = argparse.ArgumentParser(description="Run one service, or some of its roles, as a process.")
    parser.add_argument("--roles", default=",".join(ROLES), help="comma-separated; default: %(default)s")
    asked = [role.strip() for role in parser.parse_args().roles.split(",")]
    if unknown := sorted(set(asked) - set(ROLES)):
        parser.error(f"unknown role {', '.join(unknown)}; choose from {', '.join(ROLES)}")
    serve(make(), [role for role in ROLES if role in asked])
