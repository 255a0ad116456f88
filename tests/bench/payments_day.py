"""A day of transfers that paid bills: in the bank's statement and in our books, with what goes wrong on any day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

import httpx
from opentelemetry.trace import NoOpTracer

from chassis.answering import Answering
from chassis.clock import VIETNAM, utc_now
from chassis.consumer import Consumer
from chassis.envelope import Reader
from chassis.fold import Voice
from chassis.metrics import Metrics
from chassis.postgres import open_pool
from contracts.registry import EVENTS
from services.payments.domain.answers import Captured
from services.payments.domain.reading import NIGHTLY, RECENT
from services.payments.domain.vietqr import capture_of_line
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from services.payments.store import bills
from tests.bench.ground import Store
from tests.bench.payments_pages import AMOUNT, submitted

EVERY = 100  # of so many notices one is lost
WRONG, SHORT = 7, 1_000  # so many lines tell of so much less than our books have
STRANGERS, STRANGE = 5, 70_000
_BATCH = 500
_THEN = """
update ledger_entry set posted_at = (c ->> 'paid_at')::timestamptz
from bill, jsonb_array_elements(bill.captures) as c where bill.bill_id = ledger_entry.bill_id"""
# What the clock asks for by itself was done a moment ago.
_DONE = """
insert into reconciliation_run (run_id, gateway, since, until, asked_by, finished_at, report)
select gen_random_uuid(), gateway, now(), now(), asked_by, now(), '{}'
from unnest($1::text[]) as gateway, unnest($2::text[]) as asked_by"""


class Till:
    """Where bills are opened and paid, by the service's own deciders."""

    def __init__(self, client: httpx.AsyncClient, answering: Answering, consumers: Sequence[Consumer]) -> None:
        self._client, self._answering, self._consumers = client, answering, consumers

    async def filed(self, first: int, count: int) -> list[str]:
        """New dossiers; the keys of their bills."""
        keys = [f"G09.20-20260609-{number:07}" for number in range(first, first + count)]
        for consumer in self._consumers:
            await consumer.take([submitted(key, first + place) for place, key in enumerate(keys)])
        return keys

    async def booked(self, lines: Sequence[tuple[int, str, datetime]]) -> list[str]:
        """(amount, purpose, when) in the bank's statement: the lines' ids."""
        told = [{"amount": amount, "purpose": purpose, "at": at.isoformat()} for amount, purpose, at in lines]
        answer = await self._client.post("/_control/lines", json={"lines": told})
        ids: list[str] = answer.raise_for_status().json()["ids"]
        return ids

    async def hears(self, notices: Sequence[tuple[str, str, datetime]]) -> None:
        """(bill's key, line, when): the notices of the bank."""
        await self._answering.many(bills.aggregate, [(key, _notice(line, at)) for key, line, at in notices])


async def paid(store: Store, settings: PaymentsSettings, bank_url: str, day: date, count: int) -> None:
    """So many bills, paid on that day as the bank's statement says: but for what is lost, wrong, strange or nowhere."""
    service, pool = payments(settings), await open_pool(store.database.url, "bench", 2)
    voice = Voice("/motcua/payments", NoOpTracer(), utc_now)
    consumers = [Consumer(fold, pool, voice, Reader(EVENTS, {}), Metrics(), 100) for fold in service.consumes]
    begin, step = datetime.combine(day, time_of_day(), VIETNAM), timedelta(days=1) / (count + 2)
    async with httpx.AsyncClient(base_url=bank_url, timeout=120) as client:
        till = Till(client, Answering(pool, voice, service.decides), consumers)
        for first in range(0, count, _BATCH):
            keys = await till.filed(first, min(_BATCH, count - first))
            codes = dict(await pool.fetch("select key, code from bill where key = any($1)", keys))
            at = [begin + step * (first + place + 1) for place in range(len(keys))]
            amounts = [AMOUNT - SHORT if first + place < WRONG else AMOUNT for place in range(len(keys))]
            ids = await till.booked([(amounts[place], codes[key], at[place]) for place, key in enumerate(keys)])
            heard = [(key, ids[place], at[place]) for place, key in enumerate(keys) if place % EVERY != EVERY - 1]
            await till.hears(heard)
        await till.booked([(STRANGE, f"chuyen tien {number}", begin + step) for number in range(STRANGERS)])
        (key,) = await till.filed(count, 1)
        await till.hears([(key, "FT-nowhere", begin + step)])
    await pool.close()
    await store.connection.execute(_THEN)
    await store.connection.execute(_DONE, ["vietqr", "stripe", "dossiers"], [RECENT, NIGHTLY])
    await store.connection.execute("vacuum analyze")


def _notice(line: str, at: datetime) -> Captured:
    return Captured(
        attempt_id=None,
        capture_id=capture_of_line(line),
        amount=AMOUNT,
        currency="VND",
        reference=line,
        paid_at=at,
        gateway="vietqr",
        heard_only=True,
    )
