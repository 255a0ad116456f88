"""Money that is taken without a page of ours: at the counter, or by the payer's own bank. A page is closed first."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from services.payments.domain.bill import Bill, Capture, known, to
from services.payments.domain.messages import AttemptSilence, PayElsewhere
from services.payments.domain.money import paid
from services.payments.domain.pages import can_abandon, closing, without_page


def pay_elsewhere(bill: Bill | None, message: PayElsewhere, now: datetime) -> Decision[Bill] | None:
    """Take the money, where no page can take it too; close a page that stands: then the same must be said again.

    The bill is `paid` after it, or `closing`. Raises Refusal `taken_already`, `not_payable`, `other_amount`.
    """
    bill = known(bill)
    if message.capture_id in bill.taken:
        raise Refusal("taken_already", "Khoản tiền này đã được ghi nhận.", "This money was recorded already.")
    if bill.state not in ("open", "checkout_ready", "in_checkout", "closing"):
        raise Refusal(
            "not_payable",
            f"Không thu được: khoản phí {_WHY.get(bill.state, 'đã đóng')}.",
            f"It cannot be paid: the bill is {bill.state}.",
        )
    if message.amount != bill.outstanding:
        raise Refusal(
            "other_amount",
            f"Còn phải nộp đúng {bill.outstanding:,} đồng.".replace(",", "."),
            f"Exactly {bill.outstanding} đồng are due.",
            422,
        )
    if bill.state == "closing":
        return None
    if bill.attempt is not None and not can_abandon(bill):
        return Decision(to(bill, PayElsewhere, "closing"), cancels=(AttemptSilence,), calls=closing(bill.attempt))
    capture = Capture(attempt_id=None, currency=bill.currency, **message.model_dump())
    taken = bill.model_copy(update={"taken": (*bill.taken, message.capture_id)})
    return paid(without_page(taken), capture, now, PayElsewhere)


_WHY = {
    "paid": "đã được nộp",
    "expired": "đã hết hạn",
    "expiring": "đã hết hạn",
    "discrepancy": "đang chờ xử lý chênh lệch",
}
