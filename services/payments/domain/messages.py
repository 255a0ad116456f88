"""What people, time and other parts of the service say to a bill. What gateways say stands in `answers.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from chassis.decider import Message


class StartCheckout(Message):
    """The citizen, or whoever pays for him by a link, wants to pay; `attempt_id` is used when this starts a new attempt.

    `payer_address` and `payer` as in questions.CreateCheckout.
    """

    attempt_id: UUID
    return_url: str
    gateway: str = "stripe"
    payer_address: str = "127.0.0.1"
    payer: str | None = None
    by: Literal["citizen", "link"] = "citizen"


class CancelCheckout(Message):
    """The citizen wants to pay in another way: close the page."""


class PayElsewhere(Message):
    """Money was taken without a page of ours: at the counter (`gateway` "counter", `by` an officer) or by the payer's own
    bank ("bank"). `capture_id` follows from whoever took it and its reference: the same money is the same id.
    """

    capture_id: UUID
    gateway: Literal["counter", "bank"]
    amount: int = Field(gt=0, le=10**12)
    reference: str
    paid_at: datetime
    by: str


class AbandonPage(Message):
    """An operator gives up a page whose gateway has not said for days what became of it; `calls` are those that ask it."""

    by: str
    calls: tuple[UUID, ...] = ()


class Nudge(Message):
    """Something may have happened at the gateway (a webhook, a citizen's return): ask it. Says nothing by itself.

    `attempt_id` and `session_id` name the page, when it is known which one: money may be found on a page long closed.
    """

    call_id: UUID
    attempt_id: UUID | None = None
    session_id: str | None = None


class BillExpiry(Message):
    """The last day to pay is over."""


class BillReminder(Message):
    """The last day to pay is near."""


class AttemptSilence(Message):
    """Nothing was heard of an open page for a while."""


class LineRefund(Message):
    """So much of one fee line goes back, in đồng."""

    code: str
    amount: int = Field(gt=0, le=10**12)


class RequestRefund(Message):
    """An officer sends fees back: `lines`, or all that can be. `available` is what he believes can still go back, in đồng.

    `reached` is how far the dossier has come, for lines that go back only until then.
    """

    refund_id: UUID
    lines: tuple[LineRefund, ...] = ()
    available: int
    reason: str
    by: str
    reached: Literal["acceptance", "result"] | None = None


class PayOut(Message):
    """An officer has paid a refund out by hand, which the gateway cannot or will not send; `reference` is his voucher's."""

    refund_id: UUID
    reference: str
    by: str


class TakeOver(Message):
    """An operator takes a refund out of the hands of a gateway that has not answered for days: an officer shall pay it out."""

    refund_id: UUID
    by: str


class Settle(Message):
    """An operator settles a discrepancy: the money goes back, or is taken for the fees where it is enough for them."""

    action: Literal["return", "accept"]
    by: str
    reason: str
