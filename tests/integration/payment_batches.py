"""Batches of payments.v1 for status' own consumer, deciders that fail, and a look at what became of all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from chassis.consumer import Fold
from chassis.decider import Decide, Decision
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import new_id
from chassis.parking import Record
from chassis.postgres import Pool, open_pool
from contracts import payments
from contracts.event import Data
from services.status.domain import view as domain
from services.status.domain.view import View
from services.status.main import CONSUMES
from tests.database import Server
from tests.records import NOON, example, record

PAYMENTS = next(fold for fold in CONSUMES if fold.topic == payments.TOPIC)
TOPIC, NAME = PAYMENTS.topic, PAYMENTS.name
BILL = new_id()
GOOD = example(payments.Started, bill_id=BILL)


def with_decider(decide: Decide, kind: type[Data] = payments.Failed) -> Fold:
    """status' own fold, but for one kind of event."""
    return replace(PAYMENTS, on={**PAYMENTS.on, kind: decide})


def refusing(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """A decider that says no."""
    raise Refusal("illegal_move", "Không thể.", "Not possible.")


def too_great(view: View | None, event: Event[Any], now: datetime) -> Decision[View]:
    """A decision that the database cannot hold."""
    decision = domain.on_payment(view, event, now)
    assert decision is not None
    return Decision(decision.state.model_copy(update={"dossier_sequence": 2**70}))


async def views(pool: Pool) -> dict[str, list[int]]:
    """For each dossier the sequences of its timeline."""
    rows = await pool.fetch("select dossier_code, timeline from view order by dossier_code")
    return {row["dossier_code"]: [line["sequence"] for line in row["timeline"]] for row in rows}


async def parked(pool: Pool) -> list[tuple[int, str]]:
    """Offsets and states of all records in the parking place."""
    rows = await pool.fetch('select "offset", state from parked order by partition, "offset"')
    return [(row["offset"], row["state"]) for row in rows]


async def blocked(pool: Pool) -> list[str]:
    return [row["key"] for row in await pool.fetch("select key from parked_key order by key")]


def started(subject: str, sequence: int, offset: int, **more: Any) -> Record:
    return record(GOOD, offset, sequence, NOON, subject, **more)


def failed(subject: str, sequence: int, offset: int) -> Record:
    return record(example(payments.Failed, bill_id=BILL), offset, sequence, NOON, subject)


@asynccontextmanager
async def empty_database(server: Server) -> AsyncIterator[Pool]:
    """A pool on status' database as it is before the first event."""
    pool = await open_pool((await server.fresh("status")).url, "test", 8)
    try:
        yield pool
    finally:
        await pool.close()


async def forget(pool: Pool) -> None:
    """Empty what consumers write."""
    for table in ("view", "inbox", "parked", "parked_key"):
        await pool.execute(f"delete from {table}")
