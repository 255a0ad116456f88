"""Asking a bill's gateways now, for whoever waits for the answer."""

from __future__ import annotations

from uuid import UUID

from chassis.clock import utc_now
from chassis.errors import Refusal
from chassis.identifiers import new_id
from chassis.work import Work
from services.payments import store
from services.payments.adapters.gateways import Gateways
from services.payments.domain.bill import Bill
from services.payments.domain.checkout import nudge
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import Nudge
from services.payments.domain.questions import Asking


async def ask_now(work: Work, gateways: Gateways, bill: Bill, seconds: float, attempt_id: UUID | None = None) -> Bill:
    """Ask about a page (the running one where none is named) and about refunds: the bill after the answers, or as it is by then.

    Raises Refusal 409 where there is nobody to answer: all that would be asked are switched off here.
    """
    message = Nudge(call_id=new_id(), attempt_id=attempt_id)
    decided = nudge(bill, message, utc_now())
    requests = [call.request for call in decided.calls] if decided is not None else []
    asked = {request.gateway for request in requests if isinstance(request, Asking)}
    if asked and not asked & gateways.by_name.keys():
        raise _switched_off(sorted(asked))
    after: Bill = await work.send(store.bills.aggregate, bill.key, message, seconds)
    return after


def _switched_off(names: list[str]) -> Refusal:
    vi = ", ".join(f"“{manner_of(name).title_vi}”" for name in names)
    return Refusal(
        "gateway_switched_off",
        f"Hiện không hỏi được {vi}: cách nộp này đang tạm ngừng ở đây. Nếu đã nộp, xin không nộp lại; khoản tiền được xác "
        "nhận khi cách nộp này hoạt động trở lại.",
        f"{', '.join(names)} is not configured here and cannot be asked. Whoever has paid does not pay again: the money is "
        "confirmed once it is configured again.",
    )
