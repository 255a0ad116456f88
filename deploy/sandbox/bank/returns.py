"""Sending credited money back: asked for under the client's own reference, settled later.

pending → done → returned (the payer's bank sends it back) · pending → refused
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from deploy.sandbox.bank.office import Office
from deploy.sandbox.bank.store import Entry

WINDOW_SECONDS = 90 * 24 * 3600.0
LONG_SECONDS, BACK_SECONDS = 24 * 3600.0, 2.0
CLOSED = "account_closed"


class RefusedError(Exception):
    """The bank does not take the return."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Wanted:
    """`line` is the credited line, `amount` in đồng; `remark` is shown to the payer, `client_data` only to the client."""

    reference: str
    line: str
    amount: int
    remark: str
    client_data: str


def take(office: Office, wanted: Wanted) -> tuple[sqlite3.Row, bool]:
    """(the return as it stands, is it new), in one transaction. Raises RefusedError."""
    with office.store.transaction():
        earlier = office.store.sent_back(wanted.reference)
        if earlier is not None:
            if any(earlier[name] != value for name, value in vars(wanted).items()):
                raise RefusedError(409, "reference_reused", "this reference was taken with another body")
            return earlier, False
        _check(office, wanted)
        now, settles = office.clock(), office.settings.settle_seconds
        if fault := office.faults.fires("refund_pending", wanted.reference):
            settles += fault.delay_seconds or LONG_SECONDS
        fate, back_after = _fate(office, wanted.reference)
        kept = {**vars(wanted), "status": "pending", "fate": fate, "back_after": back_after}
        office.store.add("returns", {**kept, "taken_at": now, "due_at": now + settles})
    office.due.set()
    return _standing(office, wanted.reference), True


def _fate(office: Office, reference: str) -> tuple[str, float]:
    """(how the return will end, seconds after which it comes back where it does)."""
    if office.faults.fires("refund_refused", reference):
        return "refused", 0.0
    if fault := office.faults.fires("refund_returned", reference):
        return "returned", fault.delay_seconds or BACK_SECONDS
    return "done", 0.0


def _check(office: Office, wanted: Wanted) -> None:
    line = office.store.line(wanted.line)
    if line is None:
        raise RefusedError(404, "line_unknown", "there is no such line")
    if line["direction"] != "credit" or line["return_reference"] is not None:
        raise RefusedError(422, "not_returnable", "only money that a payer transferred is sent back")
    if line["currency"] != "VND":
        raise RefusedError(422, "currency_not_returned", "only đồng are sent back")
    if office.clock() - line["booked_at"] > WINDOW_SECONDS:
        raise RefusedError(422, "window_over", "the line is older than 90 days")
    left = line["amount"] - office.store.given_back(wanted.line)
    if wanted.amount > left:
        raise RefusedError(422, "more_than_left", f"of this line {left} đồng are left")


def settle(office: Office, row: sqlite3.Row) -> None:
    """What was to become of a return happens now. Within a transaction."""
    step = {"pending": _refuse if row["fate"] == "refused" else _pay_out, "done": _come_back}[row["status"]]
    step(office, row)


def _refuse(office: Office, row: sqlite3.Row) -> None:
    _becomes(office, row, "refused", reason=CLOSED, due_at=None)


def _pay_out(office: Office, row: sqlite3.Row) -> None:
    due = office.clock() + row["back_after"] if row["fate"] == "returned" else None
    _becomes(office, row, "done", debit_line=_booked(office, row, "debit", row["line"]), due_at=due)


def _come_back(office: Office, row: sqlite3.Row) -> None:
    back = _booked(office, row, "credit", row["debit_line"])
    _becomes(office, row, "returned", credit_line=back, reason=CLOSED, due_at=None)


def _booked(office: Office, row: sqlite3.Row, direction: str, original: str) -> str:
    payer = office.told_line(row["line"])["counterparty"]
    words = (
        f"{'HOAN TRA' if direction == 'debit' else 'HOAN TRA KHONG THANH CONG'} {row['line']} {row['remark']}".upper()
    )
    entry = Entry(office.clock(), direction, row["amount"], "VND", words, payer, row["reference"], original)
    (identifier,) = office.store.book([entry])
    return identifier


def _becomes(office: Office, row: sqlite3.Row, status: str, **more: str | float | None) -> None:
    office.store.change("returns", "reference", row["reference"], status=status, **more)
    office.ring(f"return.{status}", {"return": office.told_return(_standing(office, row["reference"]))})


def _standing(office: Office, reference: str) -> sqlite3.Row:
    row = office.store.sent_back(reference)
    assert row is not None
    return row
