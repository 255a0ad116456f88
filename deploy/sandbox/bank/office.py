"""What every part of the bank works with: its memory, its faults and its clock; and how it says what it knows."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.sandbox.bank.settings import Settings
from deploy.sandbox.bank.store import Entry, Store
from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import VIETNAM

COPIES = ("forged", "unsigned", "stale")
HELD_SECONDS, DELAY_SECONDS = 60.0, 5.0


@dataclass(frozen=True)
class Office:
    """`due` is set when something was written that is to happen later, `notices_due` when a notice is owed."""

    settings: Settings
    store: Store
    faults: Faults
    clock: Callable[[], float]
    due: asyncio.Event = field(default_factory=asyncio.Event)
    notices_due: asyncio.Event = field(default_factory=asyncio.Event)

    def credit(self, entries: Iterable[Entry], notify: bool = True) -> list[str]:
        """Book money that came in, and owe a notice of each line. Within a transaction."""
        booked = self.store.book(entries)
        if notify:
            for identifier in booked:
                self.ring("line.credited", {"line": self.told_line(identifier)})
        return booked

    def ring(self, kind: str, data: dict[str, Any]) -> None:
        """Owe a notice, and what the armed faults make of it. Within a transaction."""
        now, fires = self.clock(), self.faults.fires
        event = {"id": f"ntc_{secrets.token_hex(12)}", "type": kind, "created_at": local_time(now), "data": data}
        due, held, state = now, 0, "lost" if fires("notice_lost", kind) else "pending"
        if fault := fires("notice_delayed", kind):
            due += fault.delay_seconds or DELAY_SECONDS
        if fault := fires("notice_reordered", kind):
            due, held = now + (fault.delay_seconds or HELD_SECONDS), 1
        self._owe(event, due, held=held, state=state)
        if fires("notice_duplicated", kind):
            self._owe(event, due, oddity="duplicate")
        for oddity in COPIES:
            if fires(f"notice_{oddity}", kind):
                self._owe(_ten_times(event) if oddity == "forged" else event, due, oddity=oddity)
        if fires("unknown_event", kind):
            self._owe({**event, "id": f"ntc_{secrets.token_hex(12)}", "type": "sandbox.unheard_of"}, due)
        self.notices_due.set()

    def _owe(self, event: dict[str, Any], due: float, **more: Any) -> None:
        told = {"event": event["id"], "type": event["type"], "body": json.dumps(event, ensure_ascii=False)}
        self.store.add("notice", {**told, "created_at": self.clock(), "due_at": due, **more})

    def told_line(self, identifier: str) -> dict[str, Any]:
        row = self.store.line(identifier)
        assert row is not None
        return told_line(row)

    def told_return(self, row: sqlite3.Row) -> dict[str, Any]:
        """A return as its owner hears of it, with the line whose money it is."""
        names = ("reference", "status", "reason", "remark", "client_data", "debit_line", "credit_line")
        return {
            **{name: row[name] for name in names},
            "amount": amount_text(row["amount"], "VND"),
            "currency": "VND",
            "taken_at": local_time(row["taken_at"]),
            "original": self.told_line(row["line"]),
        }


def told_line(row: sqlite3.Row) -> dict[str, Any]:
    """A line of the statement as its owner reads it: the other side's account is masked."""
    return {
        "id": row["id"],
        "cursor": str(row["seq"]),
        "booked_at": local_time(row["booked_at"]),
        "direction": row["direction"],
        "amount": amount_text(row["amount"], row["currency"]),
        "currency": row["currency"],
        "purpose": row["purpose"],
        "counterparty": row["counterparty"],
        "return_reference": row["return_reference"],
        "original": row["original"],
    }


def amount_text(amount: int, currency: str) -> str:
    """A decimal number: đồng have no places, all other money has two."""
    return str(amount) if currency == "VND" else f"{amount // 100}.{amount % 100:02}"


def local_time(seconds: float) -> str:
    """RFC 3339 in Vietnam's time, with milliseconds."""
    return datetime.fromtimestamp(seconds, VIETNAM).isoformat(timespec="milliseconds")


def masked(account: str) -> str:
    return f"******{account[-4:]}"


def _ten_times(event: dict[str, Any]) -> dict[str, Any]:
    """The notice as a thief would have it: another event, ten times the money."""
    copy: dict[str, Any] = json.loads(json.dumps(event))
    for thing in copy["data"].values():
        thing["amount"] = f"{thing['amount']}0"
    return {**copy, "id": f"ntc_{secrets.token_hex(12)}"}
