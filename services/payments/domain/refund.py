"""A refund: money of one capture on its way back, and the table of what may become of it.

Its row is written under the bill's lock before anybody is asked, its id is the key of every call (docs/model, rule 23).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.errors import Refusal
from chassis.table import Move, Table
from contracts import payments
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.gateways import STRIPE
from services.payments.domain.messages import PayOut, RequestRefund, TakeOver

ORDERED = "theo quyết định của cán bộ"
SILENCE = timedelta(days=3)
"""So long must a gateway be silent before a refund is taken out of its hands."""
RefundState = Literal["ready", "by_hand", "refused", "done"]


class RefundLine(BaseModel):
    """What goes back of one fee line, in đồng."""

    model_config = ConfigDict(frozen=True)

    code: str
    beneficiary: str
    amount: int


class Refund(BaseModel):
    """Money that goes back: of the bill's fee lines, or `unexpected` money that belongs to none.

    ready: the gateway is being asked · by_hand: it cannot, an officer must pay out · refused: it will not, was silent
    for days, or the money came back, so an officer must · done. `rung`: the gateway had something to say of it before its answer was taken in, so
    it must be asked once more. `by` is the officer who ordered it, or the operator; nobody where it follows by rule.
    """

    model_config = ConfigDict(frozen=True)

    refund_id: UUID
    capture_id: UUID
    gateway: str = STRIPE
    amount: int
    currency: str = "VND"
    reason: str
    lines: tuple[RefundLine, ...] = ()
    unexpected: bool = False
    state: RefundState = "ready"
    rung: bool = False
    reference: str | None = None
    failure: str | None = None
    by: str | None = None
    requested_at: datetime | None = None
    done_at: datetime | None = None
    paid_out_by: str | None = None
    taken_over_by: str | None = None

    @property
    def is_dong(self) -> bool:
        """The ledger knows đồng only; other money is told in the event."""
        return self.currency == "VND"

    @property
    def in_dong(self) -> int:
        return self.amount if self.is_dong else 0

    @property
    def told_reason(self) -> str:
        """The reason as others are told it: what a person wrote may name somebody, and stays here."""
        return self.reason if self.by is None else ORDERED


_NAMES = {
    "ready": "đang hoàn trả",
    "by_hand": "chờ chi trả tại quầy",
    "refused": "cổng không hoàn trả",
    "done": "đã hoàn trả",
}

REFUND_MOVES = Table(
    [
        #    from        message        to         event
        Move(None, RequestRefund, "ready", payments.RefundStarted),
        Move(None, RequestRefund, "by_hand", payments.RefundStarted),
        Move("ready", RefundDone, "done", payments.Refunded),
        Move("ready", RefundRefused, "refused", payments.RefundFailed),
        # The gateway has not answered for days: its call is dropped, and an officer pays out.
        Move("ready", TakeOver, "refused", payments.RefundFailed),
        Move("done", RefundRefused, "refused", payments.RefundFailed),
        # It went out after all, as far as nobody paid it out by hand.
        Move("refused", RefundDone, "done", payments.Refunded),
        Move("by_hand", PayOut, "done", payments.Refunded),
        Move("refused", PayOut, "done", payments.Refunded),
    ],
    _NAMES,
    {RequestRefund: "hoàn trả", PayOut: "ghi nhận đã chi trả", TakeOver: "chuyển sang chi trả tại quầy"},
    voices=(PayOut, TakeOver),
    rests=("done",),
)


def require_silence(requested_at: datetime, now: datetime) -> None:
    """Raises Refusal `not_silent_yet` while a gateway that was asked to send money back may still answer."""
    if now - requested_at < SILENCE:
        raise Refusal(
            "not_silent_yet",
            f"Cổng thanh toán còn được hỏi lại. Chỉ chuyển sang chi trả tại quầy sau {SILENCE.days} ngày không trả lời.",
            f"The gateway is still being asked. A refund is taken over after {SILENCE.days} days of silence.",
        )
