"""Everything that the oracle judges by: Kafka's log, the services' databases, and the outside world's own records."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.envelope import text_headers
from chassis.postgres import use_json
from tests.chaos.log import Log
from tests.chaos.people import People
from tests.chaos.stack import Stack

_DOSSIERS = "select code, status, sequence from dossier where code = any($1::text[])"
_BILLS = """
select dossier_code, state, sequence, receipt_number, amount from bill where dossier_code = any($1::text[])
"""
_LEDGER = """
select dossier_code, transaction_id, account, debit, credit from ledger_entry where dossier_code = any($1::text[])
"""
_NOTICES = """
select n.key, n.notice_id, n.dossier_code, n.channel, n.state, n.sequence,
    coalesce(s.tries > 1 and s.handed_over_at is not null, false) as in_doubt
from notice n left join sending s using (notice_id) where n.dossier_code = any($1::text[])
"""
_APPOINTMENTS = "select dossier_code, sequence from appointment where dossier_code = any($1::text[])"
_VIEWS = "select * from view where dossier_code = any($1::text[])"
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^@>]+)@", re.IGNORECASE | re.MULTILINE)


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
    """`codes` are the dossiers that it is about; `letters` are the notice ids of the mail box's letters, one for each."""

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
    letters: Sequence[str]


async def gather(stack: Stack, log: Log, people: People, codes: Collection[str]) -> Evidence:
    """What is there about these dossiers now."""
    data = stack.layout.data / "sandbox"
    movements = (await people.look("gateway", "/_control/charges"))["movements"]
    return Evidence(
        codes=codes,
        told=[each for each in first_appearances(log.records) if each.subject in codes],
        dossiers=await _rows(stack, "intake", _DOSSIERS, codes),
        bills=await _rows(stack, "payments", _BILLS, codes),
        ledger=await _rows(stack, "payments", _LEDGER, codes),
        notices=await _rows(stack, "notifications", _NOTICES, codes),
        appointments=await _rows(stack, "notifications", _APPOINTMENTS, codes),
        views=await _rows(stack, "status", _VIEWS, codes),
        movements=[each for each in movements if (each["client_reference_id"] or "") in {*codes, ""}],
        messages=[
            dict(row)
            for row in _lines(data / "sms" / "sms.sqlite", "select reference, recipient, text from message")
            if _codes_in(row["text"]) & set(codes)
        ],
        letters=[_notice_of(row["raw"]) for row in _lines(data / "mail" / "mail.sqlite", "select raw from mail")],
    )


async def strangers(stack: Stack, codes: Collection[str]) -> list[str]:
    """Dossiers that nobody was told of: a repeated request must not make another one."""
    rows = await _rows(stack, "intake", "select code from dossier where code <> all($1::text[])", codes)
    return [row["code"] for row in rows]


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
        notice = record.topic.startswith("notifications.")
        yield Told(
            topic=record.topic,
            event_id=event_id,
            type=headers.get("ce_type", "").removeprefix("vn.motcua.").removesuffix(".v1"),
            subject=subject,
            sequence=int(headers.get("ce_sequence", "0")),
            aggregate=json.loads(record.value)["notice_id"] if notice else subject,
            record=record,
        )


async def _rows(stack: Stack, database: str, query: str, codes: Collection[str]) -> list[Any]:
    connection = await stack.database(database)
    try:
        await use_json(connection)
        return await connection.fetch(query, list(codes))
    finally:
        await connection.close()


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
