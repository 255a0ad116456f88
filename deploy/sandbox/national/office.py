"""The platform's rules: a page for a reference, what a payer does on it, and what is told of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import VIETNAM
from deploy.sandbox.national import checks
from deploy.sandbox.national.notices import owe_notice
from deploy.sandbox.national.settings import Settings
from deploy.sandbox.national.store import Store

LATE_SECONDS = 2.0
NEVER = None


class ReferenceTakenError(Exception):
    """The reference has another page already."""


@dataclass(frozen=True)
class Office:
    """`due` is set when something may have to be sent sooner than was planned."""

    settings: Settings
    store: Store
    faults: Faults
    clock: Callable[[], float] = time.time
    due: asyncio.Event = field(default_factory=asyncio.Event)

    def open_page(self, message: Mapping[str, Any]) -> sqlite3.Row:
        """The page of an INIT: the first one again where the whole message is the same.

        Raises ReferenceTakenError otherwise. That references are unique is the platform's; that the same message finds
        its page again is from memory.
        """
        reference = str(message["MaThamChieu"])
        fingerprint = hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()
        known = self.store.payment(reference)
        if known is None:
            amount, words = checks.whole(message["SoTien"]), str(message["ThongTinGiaoDich"])
            return self.store.open_payment(reference, "page", fingerprint, message, words, amount or 0, self.clock())
        if known["fingerprint"] != fingerprint:
            raise ReferenceTakenError(reference)
        return known

    def open_due(self, bill: Mapping[str, Any], amount: int) -> sqlite3.Row:
        """The page of what an agency says is due; one that was opened before is brought up to date while nobody paid."""
        reference = str(bill["MaTraCuuTT"])
        known = self.store.payment(reference)
        if known is None:
            words = str(bill.get("NoiDungThanhToan", ""))[:50]
            return self.store.open_payment(reference, "code", "", bill, words, amount, self.clock())
        if known["state"] == "open" and known["lane"] == "code":
            self.store.change_payment(reference, amount=amount, message=json.dumps(bill, ensure_ascii=False))
        return self.store.get(reference)

    def pay(self, reference: str, bank: str) -> sqlite3.Row:
        """The payer has confirmed at his bank; a page that was paid, or failed, stays as it is."""
        with self.store.transaction():
            row = self.store.get(reference)
            if row["state"] != "open":
                return row
            if fault := self.faults.fires("failed_then_captured", reference):
                later = self.clock() + (fault.delay_seconds or LATE_SECONDS)
                self._fail(row, bank, later)
            else:
                self._take(row, bank)
            if self.faults.fires("unknown_payment", reference):
                self._invent(row)
        self.due.set()
        return self.store.get(reference)

    def fail(self, reference: str, bank: str) -> sqlite3.Row:
        """The payer's bank has refused: the reference is used up."""
        with self.store.transaction():
            row = self.store.get(reference)
            if row["state"] == "open":
                self._fail(row, bank, None)
        self.due.set()
        return self.store.get(reference)

    def take_late(self) -> None:
        """The money of payments that had failed and whose time has come."""
        for row in self.store.taken_by(self.clock()):
            with self.store.transaction():
                self.store.change_payment(row["reference"], taken_later_at=None)
                self._take(row, row["bank"])

    def _take(self, row: sqlite3.Row, bank: str) -> None:
        now, reference = self.clock(), row["reference"]
        tenth = self.faults.fires("wrong_amount", reference)
        foreign = self.faults.fires("wrong_currency", reference)
        tells_from: float | None = now
        if late := self.faults.fires("unknown_for_a_while", reference):
            tells_from = now + (late.delay_seconds or LATE_SECONDS)
        silent = self.faults.fires("pending_forever", reference)
        self.store.change_payment(
            reference, state="paid", bank=bank, number=self._number(), at=now,
            taken=row["amount"] // 10 if tenth else row["amount"], currency="USD" if foreign else "VND",
            tells_from=NEVER if silent else tells_from,
        )  # fmt: skip
        if not silent:
            owe_notice(self.settings, self.store, self.faults, self.store.get(reference), now)

    def _fail(self, row: sqlite3.Row, bank: str, taken_later_at: float | None) -> None:
        now, reference = self.clock(), row["reference"]
        self.store.change_payment(
            reference, state="failed", bank=bank, number=self._number(), at=now, taken_later_at=taken_later_at
        )
        owe_notice(self.settings, self.store, self.faults, self.store.get(reference), now)

    def _invent(self, row: sqlite3.Row) -> None:
        """A payment that nobody asked for."""
        reference, now = f"LA{secrets.token_hex(8).upper()}", self.clock()
        self.store.open_payment(reference, row["lane"], "", {}, "Nop tien", 50_000, now)
        self.store.change_payment(
            reference, state="paid", bank="VCB", number=self._number(), at=now, taken=50_000, tells_from=now
        )
        owe_notice(self.settings, self.store, self.faults, self.store.get(reference), now)

    def _number(self) -> str:
        """A new MaGiaoDich."""
        day = datetime.fromtimestamp(self.clock(), VIETNAM).strftime("%Y%m%d")
        return f"{day}{secrets.randbelow(10**10):010}"
