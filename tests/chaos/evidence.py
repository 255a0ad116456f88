"""Everything that the oracle judges by: Kafka's log, the services' databases, and the outside world's own records."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from chassis.envelope import text_headers
from chassis.postgres import use_json
from tests.chaos.log import Log
from tests.chaos.people import People
from tests.chaos.stack import Stack

# Each about these dossiers, or about all that there are.
_DOSSIERS = "select code, status, sequence from dossier where $1::text[] is null or code = any($1)"
# A bill's state, or what became of its money on the way back; that of a paid one is of its fees, not of what was too much.
_BILLS = """
select dossier_code, bill_id, sequence, amount,
    array(select receipt ->> 'number' from jsonb_array_elements(receipts) as receipt) as receipts,
    case when state not in ('paid', 'expired', 'cancelled') or going = '{}' then state
        when 'refused' = any(going) then 'refund_failed' when going && '{ready, by_hand}' then 'refund_ready'
        else 'refunded' end as state
from bill, lateral (
    select coalesce(array_agg(refund ->> 'state'), '{}') as going from jsonb_array_elements(refunds) as refund
    where state <> 'paid' or refund ->> 'unexpected' = 'false'
) as refund
where $1::text[] is null or dossier_code = any($1)
"""
_LEDGER = """
select dossier_code, transaction_id, account, debit, credit from ledger_entry
where $1::text[] is null or dossier_code = any($1)
"""
_NOTICES = """
select n.key, n.notice_id, n.dossier_code, n.channel, n.state, n.sequence,
    coalesce(s.tries > 1 and s.handed_over_at is not null, false) as in_doubt
from notice n left join sending s using (notice_id) where $1::text[] is null or n.dossier_code = any($1)
"""
_APPOINTMENTS = "select dossier_code, sequence from appointment where $1::text[] is null or dossier_code = any($1)"
_VIEWS = "select * from view where $1::text[] is null or dossier_code = any($1)"
# They belong to no dossier.
_PEOPLE = "select person_id, sequence from person where $1::text[] is null"
_PROCEDURES = "select code, sequence from procedure where $1::text[] is null"
_MESSAGES = """
select m.reference, m.recipient, m.text, r.last_answer as receipt, r.done_at
from message m join receipt r on r.message_id = m.id
"""
# A dossier has several notices and bills, and each counts its own events.
_COUNTED_BY = {"notifications.v1": "notice_id", "payments.v1": "bill_id"}
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^@>]+)@", re.IGNORECASE | re.MULTILINE)


class Span(NamedTuple):
    """From when to when, in seconds of the epoch."""

    begin: float
    end: float


@dataclass(frozen=True)
class Letter:
    """A letter in the mail box: the notice that it names itself after, and when it came, in seconds of the epoch."""

    notice: str
    received_at: float


@dataclass(frozen=True)
class Told:
    """One event of the log, where it stands for the first time. `aggregate` is what its sequence counts."""

    topic: str
    event_id: str
    type: str
    subject: str
    sequence: int
    aggregate: str
    record: Any


@dataclass(frozen=True)
class Evidence:
    """`codes` are the dossiers of the journeys; what names any other is nobody's.

    `people` and `procedures` are looked at where the stack is the run's own. `troubles` tell when faults may have come
    between the mail server and the commit of notifications.
    """

    codes: Collection[str]
    told: Sequence[Told]
    dossiers: Sequence[Any]
    bills: Sequence[Any]
    ledger: Sequence[Any]
    notices: Sequence[Any]
    appointments: Sequence[Any]
    views: Sequence[Any]
    movements: Sequence[Any]
    messages: Sequence[Any]
    letters: Sequence[Letter]
    people: Sequence[Any] = ()
    procedures: Sequence[Any] = ()
    troubles: Sequence[Span] = ()


async def gather(
    stack: Stack, log: Log, people: People, codes: Collection[str], alone: bool, troubles: Sequence[Span]
) -> Evidence:
    """What is there now: all of it where these dossiers are `alone` on the stack, or what is about them."""
    wanted = None if alone else list(codes)
    notices = await _rows(stack, "notifications", _NOTICES, wanted)
    known = {str(row["notice_id"]) for row in notices}
    movements = (await people.look("gateway", "/_control/charges"))["movements"]
    return Evidence(
        codes=codes,
        told=[each for each in first_appearances(log.records) if alone or each.subject in codes],
        dossiers=await _rows(stack, "intake", _DOSSIERS, wanted),
        bills=await _rows(stack, "payments", _BILLS, wanted),
        ledger=await _rows(stack, "payments", _LEDGER, wanted),
        notices=notices,
        appointments=await _rows(stack, "notifications", _APPOINTMENTS, wanted),
        views=await _rows(stack, "status", _VIEWS, wanted),
        movements=[each for each in movements if alone or (each["client_reference_id"] or "") in {*codes, ""}],
        messages=_messages(stack, wanted),
        letters=[each for each in _letters(stack) if alone or each.notice in known],
        people=await _rows(stack, "intake", _PEOPLE, wanted),
        procedures=await _rows(stack, "intake", _PROCEDURES, wanted),
        troubles=troubles,
    )


def receipts_owed(stack: Stack, wanted: Collection[str] | None) -> int:
    """How many SMS have a receipt to come, of all or of these dossiers."""
    return sum(row["done_at"] is None for row in _messages(stack, wanted))


def first_appearances(records: Sequence[Any]) -> Iterator[Told]:
    """Each event where it stands in its partition for the first time, in the order of the log."""
    known: set[str] = set()
    for record in records:
        headers = text_headers(record.headers)
        event_id = headers.get("ce_id", "")
        if event_id in known:
            continue
        known.add(event_id)
        subject = headers.get("ce_subject", "")
        counted = _COUNTED_BY.get(record.topic)
        yield Told(
            topic=record.topic,
            event_id=event_id,
            type=headers.get("ce_type", "").removeprefix("vn.motcua.").removesuffix(".v1"),
            subject=subject,
            sequence=int(headers.get("ce_sequence", "0")),
            aggregate=json.loads(record.value)[counted] if counted else subject,
            record=record,
        )


async def _rows(stack: Stack, database: str, query: str, wanted: Collection[str] | None) -> list[Any]:
    connection = await stack.database(database)
    try:
        await use_json(connection)
        return await connection.fetch(query, wanted)
    finally:
        await connection.close()


def _messages(stack: Stack, wanted: Collection[str] | None) -> list[dict[str, Any]]:
    """The carrier's SMS, each with what became of its receipt."""
    rows = _lines(stack.layout.data / "sandbox" / "sms" / "sms.sqlite", _MESSAGES)
    return [dict(row) for row in rows if wanted is None or _codes_in(row["text"]) & set(wanted)]


def _letters(stack: Stack) -> list[Letter]:
    rows = _lines(stack.layout.data / "sandbox" / "mail" / "mail.sqlite", "select raw, received_at from mail")
    return [Letter(_notice_of(row["raw"]), row["received_at"]) for row in rows]


def _lines(path: Path, query: str) -> list[sqlite3.Row]:
    """The sandbox's own record, looked at and not touched."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query).fetchall()


def _codes_in(text: str) -> set[str]:
    return set(re.findall(r"[A-Z0-9.]+-\d{6}-\d{4,}", text))


def _notice_of(raw: bytes) -> str:
    found = _MESSAGE_ID.search(raw)
    return found[1].decode() if found else ""
