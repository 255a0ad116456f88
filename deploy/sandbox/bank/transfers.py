"""Payers and their transfers to our account, with what their banks make of them."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from deploy.sandbox.bank.office import Office, masked
from deploy.sandbox.bank.purposes import mangled, mangled_by_all
from deploy.sandbox.bank.store import Entry

MOST = 499_999_999
"""The switch between the banks carries less than 500 million đồng at once."""

_DONG_A_DOLLAR = 25_000
_LATE_SECONDS = 2.0


@dataclass(frozen=True)
class Payer:
    """Somebody with an account at a bank; `way` is how it passes purposes on, `balance` what he can spend at once."""

    name: str
    bank: str
    account: str
    way: str
    balance: int = MOST


PAYERS = {
    "an": Payer("Nguyễn Văn An", "Vietcombank", "0071001234567", "vcb"),
    "binh": Payer("Trần Thị Bình", "MB", "0680123456789", "mb"),
    "chi": Payer("Lê Thị Chi", "MoMo", "0912345678", "momo"),
    "dung": Payer("Phạm Văn Dũng", "BIDV", "21510000123456", "bidv"),
    "giang": Payer("Hoàng Thị Giang", "Agribank", "3200205123456", "agribank"),
    "hoa": Payer("Vũ Thị Hoa", "ACB", "24681357", "acb"),
    "khanh": Payer("Đỗ Văn Khánh (hết tiền)", "Vietcombank", "0071009876543", "vcb", balance=0),
}
"""Invented people."""


@dataclass(frozen=True)
class Order:
    """What a payer confirms in the app. `token` is the form's own: sent again, nothing is transferred again."""

    token: str
    payer: str
    amount: int
    purpose: str


def transfer(office: Office, order: Order) -> str:
    """Carry it out, in one transaction; answers its state: credited, under_way, failed, or refused for want of money."""
    with office.store.transaction():
        earlier = office.store.transfer(order.token)
        if earlier is not None:
            return str(earlier["state"])
        return _carried_out(office, order)


def _carried_out(office: Office, order: Order) -> str:
    now, payer = office.clock(), PAYERS[order.payer]

    def fires(name: str) -> bool:
        return office.faults.fires(name, order.purpose) is not None

    state, due = "credited", None
    amount, currency = order.amount, "VND"
    if order.amount > payer.balance:
        state = "refused"
    elif fires("pending_forever"):
        state = "under_way"
    elif fault := office.faults.fires("failed_then_captured", order.purpose):
        state, due = "failed", now + (fault.delay_seconds or _LATE_SECONDS)
    if state != "refused":
        if fires("wrong_amount"):
            amount = max(1, amount // 10)
        if fires("foreign_currency"):
            amount, currency = max(1, amount * 100 // _DONG_A_DOLLAR), "USD"
    kept = {
        "token": order.token,
        "made_at": now,
        "payer": order.payer,
        "wanted": order.amount,
        "purpose": order.purpose,
    }
    more = {"amount": amount, "currency": currency, "arrives": _arrives(office, order, payer), "state": state}
    office.store.add("transfer", {**kept, **more, "due_at": due})
    office.due.set()
    if state == "credited":
        for _ in range(2 if fires("credited_twice") else 1):
            _credit(office, order.token)
    if fires("unknown_payment"):
        office.credit([Entry(now, "credit", 50_000, "VND", "CHUYEN TIEN AN TRUA", masked("19036541234018"))])
    return state


def _arrives(office: Office, order: Order, payer: Payer) -> str:
    """The purpose as it will stand in the statement."""
    number = secrets.randbelow(10**10)
    if office.faults.fires("purpose_lost", order.purpose):
        return ""
    if office.faults.fires("purpose_mangled", order.purpose):
        return mangled_by_all(order.purpose, number)
    return mangled(order.purpose, payer.way, number)


def _credit(office: Office, token: str) -> None:
    row = office.store.transfer(token)
    assert row is not None
    account = masked(PAYERS[row["payer"]].account)
    office.credit([Entry(office.clock(), "credit", row["amount"], row["currency"], row["arrives"], account)])


def arrive(office: Office, row: sqlite3.Row) -> None:
    """A transfer that was told as failed comes in all the same. Within a transaction."""
    _credit(office, row["token"])
    office.store.change("transfer", "token", row["token"], state="credited", due_at=None)
