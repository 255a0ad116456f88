"""Webhooks that never came, where a gateway tells its events again: kept like those that rang, and worked off with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import structlog

from chassis.chores import Chore
from chassis.clock import Clock
from chassis.postgres import Pool
from services.payments.domain.gateway import Gateway
from services.payments.domain.tidings import Ring
from services.payments.store import rings, statements
from services.payments.store.rings import Heard

# Not sooner: what is still on its way need not be fetched.
_EVERY_SECONDS = 600.0
_OVERLAP = timedelta(minutes=5)  # what is listed a little later than it was created
_AT_FIRST = timedelta(days=1)

log = structlog.get_logger()


@runtime_checkable
class TellsAgain(Protocol):
    """A gateway that lists its events of some time, whether their webhooks came or not."""

    def events_since(self, since: datetime) -> AsyncIterator[Sequence[Ring]]: ...


class Missed:
    """Fetches what was missed, from where it looked last."""

    def __init__(self, gateways: Mapping[str, Gateway], clock: Clock) -> None:
        self._gateways, self._clock = gateways, clock

    @property
    def chore(self) -> Chore:
        return Chore("missed-webhooks", _EVERY_SECONDS, self.fetch)

    async def fetch(self, pool: Pool) -> None:
        """Keep all events since the last look; those that are known are left as they are. Raises Unanswered."""
        for name, gateway in self._gateways.items():
            if isinstance(gateway, TellsAgain):
                await self._fetch(pool, name, gateway)

    async def _fetch(self, pool: Pool, name: str, gateway: TellsAgain) -> None:
        now, place, missed = self._clock(), f"events {name}", 0
        looked = await statements.cursor(pool, place)
        newest = now - _AT_FIRST if looked == "0" else datetime.fromisoformat(looked)
        async for events in gateway.events_since(newest - _OVERLAP):
            kept = await rings.keep(pool, [Heard(name, ring, None) for ring in events])
            missed += sum(each.is_new for each in kept)
            # By the gateway's clock, which may be behind ours; but never ahead of us, for it may be put right.
            newest = max([newest, *(min(ring.created, now) for ring in events if ring.created)])
        # The place last: what is fetched twice is known the second time.
        await statements.move_cursor(pool, place, newest.isoformat())
        if missed:
            log.warning("webhooks had not come and were fetched", gateway=name, missed=missed)
