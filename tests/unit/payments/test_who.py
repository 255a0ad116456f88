"""Who did what with money stays in the bill for good, no two steps of it are one person's, and no event tells his words."""

from __future__ import annotations

import pytest

from chassis.errors import Refusal
from services.payments.domain.messages import PayOut, RequestRefund, Settle
from services.payments.domain.questions import Refund
from tests.records import NOON
from tests.unit.payments.bills import AMOUNT, Story, after, at_the_counter, call_of, captured, created, refund, started

IN_CHECKOUT = (started(), created())
AT_THE_COUNTER = at_the_counter()
ORDER = refund(20_000, ("chup-anh", 20_000))
TOLD = "theo quyết định của cán bộ"


def pay_out(story: Story, by: str, voucher: str = "PC-1") -> PayOut:
    assert story.bill is not None
    return PayOut(refund_id=story.bill.refunds[-1].refund_id, reference=voucher, by=by)


def test_a_bill_knows_who_took_its_cash() -> None:
    story = after(AT_THE_COUNTER)
    assert story.bill is not None
    assert [each.by for each in story.bill.captures] == [AT_THE_COUNTER.by]


def test_a_bill_knows_who_had_money_returned_and_why() -> None:
    story = after(*IN_CHECKOUT, captured(amount=1_000), Settle(action="return", by="operator", reason="sai số tiền"))
    assert story.bill is not None
    assert [(each.by, each.reason) for each in story.bill.refunds] == [("operator", "sai số tiền")]


def test_a_bill_knows_who_took_money_for_its_fees_after_all_and_why() -> None:
    accepted = Settle(action="accept", by="operator", reason="người nộp đồng ý")
    story = after(*IN_CHECKOUT, captured(amount=AMOUNT + 1_000), accepted)
    assert story.bill is not None
    assert [(each.by, each.reason, each.use) for each in story.bill.captures] == [
        ("operator", "người nộp đồng ý", "fees")
    ]


@pytest.mark.parametrize("by", [AT_THE_COUNTER.by, ORDER.by])
def test_whoever_took_the_cash_or_ordered_the_refund_does_not_pay_it_out(by: str) -> None:
    took = AT_THE_COUNTER.model_copy(update={"by": "thu ngân"})
    for money, order in (
        (took, ORDER.model_copy(update={"by": by})),
        (took.model_copy(update={"by": by}), ORDER.model_copy(update={"by": "lan"})),
    ):
        story = after(money, order)
        assert story.refunds == [("by_hand", 20_000)]
        with pytest.raises(Refusal) as refused:
            story.on(pay_out(story, by))
        assert refused.value.status == 403
        assert story.refunds == [("by_hand", 20_000)]
        story.on(pay_out(story, "thủ quỹ"))
        assert story.refunds == [("done", 20_000)]


def test_what_a_person_writes_leaves_neither_as_event_nor_for_the_gateway() -> None:
    secret = "ông An, số định danh 019090001234, xin rút hồ sơ"
    order: RequestRefund = ORDER.model_copy(update={"reason": secret})
    story = after(*IN_CHECKOUT, captured())
    call = call_of(story.on(order))
    assert isinstance(call.request, Refund)
    assert call.request.reason == TOLD
    by_hand = after(AT_THE_COUNTER, order)
    by_hand.on(pay_out(by_hand, "thủ quỹ"), NOON)
    for each in (story, by_hand):
        assert each.bill is not None
        assert each.bill.refunds[-1].reason == secret
        assert secret not in " ".join(told.model_dump_json() for told in each.told)
        assert TOLD in " ".join(told.model_dump_json() for told in each.told)
