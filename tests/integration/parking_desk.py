"""Orders given by hand, a clock that stands still, and deciders that fail, for tests of parked records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chassis import orders
from chassis.decider import Decision
from chassis.envelope import Event
from chassis.errors import Retry
from chassis.orders import Action, Place
from chassis.postgres import Pool
from services.status.domain.view import View
from tests.integration.payment_batches import NAME, TOPIC

START = datetime(2026, 1, 9, 5, tzinfo=UTC)


class Hands:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def order(
    pool: Pool, action: Action, *offsets: int, first: datetime = START, per_second: float | None = None
) -> int:
    """Order this about records of partition 0; answers how many orders were written."""
    async with pool.acquire() as connection:
        places = [Place(NAME, TOPIC, 0, offset) for offset in offsets]
        return len(await orders.place(connection, action, places, "lan", "sửa xong", first, per_second))


async def outcomes(pool: Pool) -> list[tuple[int, str | None, str | None]]:
    rows = await pool.fetch('select "offset", outcome, note from parked_order order by ordered_at, id')
    return [(row["offset"], row["outcome"], row["note"]) for row in rows]


async def tries(pool: Pool) -> int:
    return int(await pool.fetchval("select sum(tries) from parked"))


def broken(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    raise ZeroDivisionError


def troubled(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    raise Retry("the other side is away")
