"""What happens to orders and refunds, each step one transaction: pages, banks, refunds, and the notices that follow."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import VIETNAM
from deploy.sandbox.vnpay.codes import PAYMENT
from deploy.sandbox.vnpay.faults import API, FAULTS
from deploy.sandbox.vnpay.settings import Settings
from deploy.sandbox.vnpay.signature import HASH, mac, query
from deploy.sandbox.vnpay.store import Store

WIRE_TIME = "%Y%m%d%H%M%S"
DELAY_SECONDS = 5.0


def wire_time(seconds: float) -> str:
    """yyyyMMddHHmmss in Vietnam, as all times on the wire."""
    return datetime.fromtimestamp(seconds, VIETNAM).strftime(WIRE_TIME)


def unix_time(text: str) -> float:
    """Raises ValueError for what is no time on the wire."""
    return datetime.strptime(text, WIRE_TIME).replace(tzinfo=VIETNAM).timestamp()


@dataclass
class Office:
    settings: Settings
    store: Store
    faults: Faults
    clock: Callable[[], float] = time.time
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    notices_due: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def open(cls, settings: Settings, clock: Callable[[], float] = time.time) -> Office:
        return cls(settings, Store(settings.data), Faults(dict(FAULTS), api=API), clock)

    def day(self) -> str:
        return wire_time(self.clock())[:8]

    def begin(self, asked: Mapping[str, str], expires_at: float) -> None:
        """An order's page is opened for the first time: now VNPAY knows of it."""
        with self.store.transaction():
            self.store.add_purchase(asked, secrets.token_urlsafe(24), expires_at)
            reference, amount = asked["vnp_TxnRef"], int(asked["vnp_Amount"])
            self.store.add_payment(reference, PAYMENT, amount, "01", asked["vnp_OrderInfo"], self.clock())
            self.store.add_timer(expires_at, "expire", reference)
        self.awake.set()

    def ask_for_password(self, order: sqlite3.Row, card: str) -> None:
        with self.store.transaction():
            self.store.change_purchase(order["txn_ref"], "otp", 0, card)

    def mistake(self, order: sqlite3.Row) -> None:
        with self.store.transaction():
            self.store.change_purchase(order["txn_ref"], order["stage"], order["tries"] + 1, order["card"])

    def fail(self, order: sqlite3.Row, response: str, bank: str = "VNPAY") -> None:
        """The order has failed for good."""
        with self.store.transaction():
            self._fail(order, response, bank)
        self.notices_due.set()

    def confirm(self, order: sqlite3.Row, bank: str, card_type: str) -> None:
        """The payer has agreed, and the bank has answered; in the way of whatever fault is armed."""
        reference = order["txn_ref"]
        with self.store.transaction():
            if self.faults.fires("unknown_payment", reference):
                self._stranger_pays()
            if self.faults.fires("pending_forever", reference):
                self.store.change_purchase(reference, "confirmed", 0, order["card"])
            elif fault := self.faults.fires("failed_then_captured", reference):
                self._fail(order, "99", bank)
                self.store.add_timer(self.clock() + (fault.delay_seconds or 2.0), "capture_late", reference)
            else:
                self._capture(reference, bank, card_type)
        self.awake.set()
        self.notices_due.set()

    def take_refund(self, order: sqlite3.Row, kind: str, amount: int, info: str, request_id: str) -> int:
        """A refund is taken, and decided by its bank later (at once where `refund_seconds` is 0); its number."""
        now, wait = self.clock(), self.settings.refund_seconds
        with self.store.transaction():
            self.store.see(request_id, self.day())
            no = self.store.add_payment(order["txn_ref"], kind, amount, "05", info, now, request_id)
            self._line("refund_request", no, money=False)
            if wait == 0:
                self.settle_refund(str(no))
            else:
                self.store.add_timer(now + wait, "settle_refund", str(no))
        self.awake.set()
        return no

    def expire(self, reference: str) -> None:
        """Timer: the page's time is over. What a payer has confirmed is the bank's to end."""
        order = self.store.purchase(reference)
        if order is not None and order["stage"] in ("card", "otp"):
            self._fail(order, "11", "VNPAY")

    def capture_late(self, reference: str) -> None:
        """Timer of the fault failed_then_captured."""
        self._capture(reference, "NCB", "ATM")

    def settle_refund(self, no: str) -> None:
        """Timer: the refund goes to the bank, or is refused."""
        row, now = self.store.payment(int(no)), self.clock()
        if self.faults.fires("refund_pending", row["txn_ref"]):
            return
        if self.faults.fires("refund_refused", row["txn_ref"]):
            self.store.change_status(row["no"], "09")
            self._line("refund_refused", row["no"], money=False)
            return
        self.store.change_status(row["no"], "06")
        self._line("refund", row["no"])
        if fault := self.faults.fires("refund_returned", row["txn_ref"]):
            self.store.add_timer(now + (fault.delay_seconds or 1.0), "return_refund", no)

    def return_refund(self, no: str) -> None:
        """Timer of the fault refund_returned: the payer's bank sends the money back."""
        self.store.change_status(int(no), "09")
        self._line("refund_returned", int(no))

    def told(self, row: sqlite3.Row) -> dict[str, str]:
        """What the IPN and the way back say of a payment."""
        return {
            "vnp_Amount": str(row["amount"]), "vnp_BankCode": row["bank"], "vnp_BankTranNo": row["bank_no"],
            "vnp_CardType": row["card_type"], "vnp_OrderInfo": row["info"], "vnp_PayDate": wire_time(row["at"]),
            "vnp_ResponseCode": row["response"], "vnp_TmnCode": self.settings.terminal,
            "vnp_TransactionNo": str(row["no"]), "vnp_TransactionStatus": row["status"], "vnp_TxnRef": row["txn_ref"],
        }  # fmt: skip

    def _payment(self, reference: str) -> sqlite3.Row:
        return self.store.payments_of(reference)[0]

    def _line(self, kind: str, no: int, *, money: bool = True) -> None:
        self.store.add_line(kind, no, self.clock(), self.day(), money=money)

    def _fail(self, order: sqlite3.Row, response: str, bank: str) -> None:
        row = self._payment(order["txn_ref"])
        self.store.change_purchase(order["txn_ref"], "ended", order["tries"], None)
        self.store.settle(row["no"], "02", response, row["amount"], self.clock(), (bank, "", "ATM"))
        self._line("payment_failed", row["no"], money=False)
        self._owe(row["no"])

    def _capture(self, reference: str, bank: str, card_type: str) -> None:
        row = self._payment(reference)
        amount = row["amount"]
        if self.faults.fires("wrong_amount", reference):
            amount = max(100, amount // 1000 * 100)
        self.store.change_purchase(reference, "ended", 0, None)
        bank_no = f"{bank}{wire_time(self.clock())}{row['no'] % 1000:03}"
        self.store.settle(row["no"], "00", "00", amount, self.clock(), (bank, bank_no, card_type))
        self._line("payment", row["no"])
        self._owe(row["no"])

    def _stranger_pays(self) -> None:
        reference, now = secrets.token_hex(16), self.clock()
        asked = {
            "vnp_TxnRef": reference, "vnp_CreateDate": wire_time(now), "vnp_Amount": "5000000",
            "vnp_OrderInfo": "Thanh toan la", "vnp_ReturnUrl": self.settings.public_url,
        }  # fmt: skip
        self.store.add_purchase(asked, secrets.token_urlsafe(24), now + 900)
        self.store.add_payment(reference, PAYMENT, 5_000_000, "01", asked["vnp_OrderInfo"], now)
        self._capture(reference, "NCB", "ATM")

    def _owe(self, no: int) -> None:
        """The IPN of a payment, written down with it so that it survives a kill, and what faults make of it."""
        row, now, fires = self.store.payment(no), self.clock(), self.faults.fires
        reference, values = row["txn_ref"], self.told(row)
        text = query(values)
        signed = f"{text}&{HASH}={mac(self.settings.secret, text)}"
        state = "held" if fires("notice_reordered", reference) else "pending"
        state = "lost" if fires("notice_lost", reference) else state
        late = fires("notice_delayed", reference)
        due_at = now + (late.delay_seconds or DELAY_SECONDS) if late else now
        first = self.store.add_notice(reference, signed, state, now, due_at)
        if fires("notice_duplicated", reference):
            self.store.add_notice(reference, signed, "pending", now, due_at, "duplicate", first)
        if fires("notice_forged", reference):
            forged = query(values | {"vnp_Amount": str(row["amount"] * 10), "vnp_ResponseCode": "00"})
            self.store.add_notice(reference, f"{forged}&{HASH}={mac('stolen', forged)}", "pending", now, now, "forged")
        if fires("notice_unsigned", reference):
            self.store.add_notice(reference, text, "pending", now, now, "unsigned")


def asked_for(order: sqlite3.Row) -> dict[str, str]:
    """The parameters with which an order's page was first opened."""
    values: dict[str, str] = json.loads(order["asked"])
    return values
