"""A page whose gateway does not say for days what became of it: given up without being closed, so that its bill goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from services.payments.domain.bill import Bill, known, to
from services.payments.domain.ending import ended_unpaid
from services.payments.domain.messages import AbandonPage, AttemptSilence
from services.payments.domain.pages import with_past, without_page
from services.payments.domain.refund import SILENCE


def abandon_page(bill: Bill | None, message: AbandonPage, now: datetime) -> Decision[Bill] | None:
    """The bill goes where it was going: it can be paid in another way, or has ended. Nobody waits for the page's gateway.

    The page stays known as one that may be paid, like those that never close: late money on it pays a bill that waits for
    it, or goes back by itself (docs/model, rule 22). Raises Refusal `not_silent_yet`.
    """
    bill = known(bill)
    after = to(without_page(bill), AbandonPage)
    page = after.past[-1]
    if now - page.closes_at < SILENCE:
        raise Refusal(
            "not_silent_yet",
            f"Cổng thanh toán còn được hỏi lại. Chỉ bỏ trang thanh toán sau {SILENCE.days} ngày kể từ khi trang hết giờ.",
            f"The gateway is still being asked. A page is given up {SILENCE.days} days after its time is over.",
        )
    after = with_past(after, page.model_copy(update={"abandoned_by": message.by}))
    decided = Decision(after) if after.state == "open" else ended_unpaid(after, now)
    return replace(decided, cancels=(*decided.cancels, AttemptSilence), drops=message.calls)
