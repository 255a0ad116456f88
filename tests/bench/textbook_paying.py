"""The textbook's webhooks, as a process: FastAPI and asyncpg, one webhook, one transaction, answered after the commit.

What a webhook says and what becomes of a bill are the same functions as ours, so are the tables and their triggers. What
differs is how a webhook meets the database: alone, statement by statement, the number of its receipt drawn as late as can
be. It asks no gateway: what is not exactly what the bill waits for is answered 409.
"""

from __future__ import annotations

import json
import os
from typing import Any

import uvloop
from fastapi import HTTPException, Request

from chassis import logs
from chassis.clock import utc_now
from chassis.postgres import Connection
from services.payments.adapters import stripe_webhooks
from services.payments.domain.answers import Captured
from services.payments.domain.bill import Bill
from services.payments.domain.ledger import Posting
from services.payments.domain.money import captured
from services.payments.domain.receipts import Issued
from tests.bench.textbook_http import application, opened, say, serve

_HEAR = """
insert into ring (gateway, event_id, kind, body, outcome, done_at) values ('stripe', $1, $2, $3, $4, now())
on conflict do nothing returning true"""
_BILL = "select bill.* from attempt join bill using (key) where attempt_id = $1 for update of bill"
# All lines of a transaction in one statement, as the ledger's trigger wants it.
_POST = """
insert into ledger_entry (transaction_id, line, dossier_code, bill_id, account, debit, credit, reason, reference)
select * from unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[],
    $8::text[], $9::text[])"""
_CANCEL = "delete from timer where aggregate = 'bill' and key = $1 and kind = any($2::text[])"
# Those who wait for a row to be updated stand in a queue; those who wait to insert it all wake up at each commit.
_NEXT = "update series set last = last + 1 where name = $1 returning last"
_FIRST = """
insert into series (name, last) values ($1, 1) on conflict (name) do update set last = series.last + 1 returning last"""
_RECEIPT = """
insert into receipt (number, year, ordinal, dossier_code, bill_id, agency, amount, lines, issued_at, replaces)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_SAVE = """
update bill set state = $2, attempt = $3, past = $4, taken = $5, captures = $6, refunds = $7, receipts = $8,
    version = version + 1, sequence = $9
where key = $1"""


async def run(url: str, port: int, secret: str) -> None:
    """Answer webhooks until killed."""
    pool, app = await opened(url), application()

    @app.post("/webhooks/stripe")
    async def hear(request: Request) -> dict[str, bool]:
        ring = stripe_webhooks.heard(await request.body(), request.headers, [secret], utc_now())
        tidings = stripe_webhooks.told(ring)
        outcome = "done" if tidings else "nothing"
        async with pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_HEAR, ring.event_id, ring.kind, ring.body, outcome):
                for tiding in tidings:
                    await take(connection, tiding.captured)
        return {"received": True}

    await serve(app, port)


async def take(connection: Connection, money: Captured | None) -> None:
    """Money that pays a bill, with all that follows. Raises HTTPException 404 and 409."""
    row = await connection.fetchrow(_BILL, money.attempt_id) if money else None
    if money is None or row is None:
        raise HTTPException(404, "there is no such bill")
    bill, now = Bill.model_validate(dict(row)), utc_now()
    paid = captured(bill, money, now)
    if paid is None or paid.state.state != "paid" or paid.calls:
        raise HTTPException(409, "the bill waits for something else")
    await connection.execute(_POST, *_columns([note for note in paid.notes if isinstance(note, Posting)]))
    await connection.execute(_CANCEL, bill.key, [each.__name__ for each in paid.cancels])
    (draw,) = paid.draws
    # From here on until the commit, whoever else is paid waits.
    number = await connection.fetchval(_NEXT, draw.series) or await connection.fetchval(_FIRST, draw.series)
    numbered = draw.numbered(paid.state, number, now)
    for note in numbered.notes:
        if isinstance(note, Issued):
            await connection.execute(_RECEIPT, *note.model_dump(exclude={"note"}).values())
    events, after = (*paid.events, *numbered.events), numbered.state
    parts = (after.attempt, after.past, after.taken, after.captures, after.refunds, after.receipts)
    await connection.execute(_SAVE, bill.key, after.state, *parts, bill.sequence + len(events))
    await say(connection, "/motcua/payments", bill.dossier_code, bill.sequence + 1, events, now)


def _columns(postings: list[Posting]) -> list[list[Any]]:
    rows = [posting.model_dump(exclude={"note"}).values() for posting in postings]
    return [list(column) for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    told = json.loads(os.environ["BENCH"])
    logs.configure("textbook", "error")
    uvloop.run(run(told["url"], told["port"], told["secret"]))
