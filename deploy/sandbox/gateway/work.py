"""One transaction at work: what it may use, and on whose behalf it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from deploy.sandbox.gateway.queue import Queue
from deploy.sandbox.gateway.settings import Settings
from deploy.sandbox.gateway.store import Store
from deploy.sandbox.kit.faults import Faults

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cause:
    """The API request that something happens for; empty for a page or a timer."""

    request_id: str | None = None
    key: str | None = None
    version: str | None = None


@dataclass
class Work:
    """`deliveries` gathers the webhook deliveries that the transaction owes, in the order of their events."""

    settings: Settings
    store: Store
    queue: Queue
    faults: Faults
    moment: float
    version: str
    cause: Cause
    deliveries: list[int] = field(default_factory=list)

    @property
    def now(self) -> int:
        """Seconds since 1970, as every `created` is written."""
        return int(self.moment)


@dataclass(frozen=True)
class Office:
    """Where transactions are run, from requests, pages and timers alike."""

    settings: Settings
    store: Store
    queue: Queue
    faults: Faults
    clock: Callable[[], float]
    closing: tuple[Callable[[Work], None], ...]
    """What is done at the end of each transaction, inside it."""
    deliveries_due: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self, step: Callable[[Work], Result], cause: Cause | None = None) -> tuple[Result, Work]:
        """Do `step` in one transaction; what it raises undoes it."""
        work = self._work(cause or Cause())
        with self.store.transaction():
            result = step(work)
            for close in self.closing:
                close(work)
        if work.deliveries:
            self.deliveries_due.set()
        return result, work

    def reading(self, version: str) -> Work:
        """For looking only: no transaction, since nothing else runs before the answer is made."""
        return self._work(Cause(version=version))

    def _work(self, cause: Cause) -> Work:
        version = cause.version or self.settings.api_version
        return Work(self.settings, self.store, self.queue, self.faults, self.clock(), version, cause)
