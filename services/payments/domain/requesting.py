"""Refunds that an officer orders: by fee line and its own rule, with the amount named that he believes is available.

Refund rules vary by circular; some fees are never refunded (docs of each fee line: `refundable`, `refund_until`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts.money import FeeLine
from services.payments.domain.bill import Bill, Capture, known
from services.payments.domain.messages import LineRefund, RequestRefund
from services.payments.domain.refund import RefundLine
from services.payments.domain.refunding import back, joined, left_of


def request_refund(bill: Bill | None, message: RequestRefund, now: datetime) -> Decision[Bill] | None:
    """Send fees of a paid bill back. Raises Refusal, naming what is available, and each line that may not go back."""
    bill = known(bill)
    if any(each.refund_id == message.refund_id for each in bill.refunds):
        return None
    if bill.state != "paid":
        raise Refusal("not_paid", "Khoản phí này chưa được nộp.", "This bill is not paid.")
    left = available(bill, message.reached)
    total = sum(left.values())
    if message.available != total:
        raise Refusal(
            "available_differs",
            f"Số tiền còn có thể hoàn trả là {_vnd(total)} đồng, không phải {_vnd(message.available)} đồng. "
            "Xin xem lại rồi yêu cầu lại.",
            f"{total} đồng can be refunded, not {message.available}. Look again, then ask again.",
        )
    asked = message.lines or tuple(LineRefund(code=code, amount=amount) for code, amount in left.items() if amount)
    if errors := [*_wrong(bill, asked, left)]:
        raise Refusal(
            "not_refundable", "Có dòng phí không hoàn trả được.", "Some fees cannot be refunded.", 422, tuple(errors)
        )
    wanted = {line.code: line.amount for line in asked}
    lines = tuple(
        line.model_copy(update={"amount": wanted[line.code]}) for line in bill.fee_lines if wanted.get(line.code)
    )
    if not lines:
        raise Refusal("nothing_left", "Không còn khoản nào có thể hoàn trả.", "Nothing is left to refund.")
    decided = Decision(bill)
    for number, (capture, refunded) in enumerate(allocated(bill, lines)):
        refund_id = derived_id(message.refund_id, f"capture {number}") if number else message.refund_id
        amount = sum(line.amount for line in refunded)
        decided = joined(
            decided, back(decided.state, capture, amount, message.reason, now, refund_id, refunded, message.by)
        )
    return decided


def available(bill: Bill, reached: str | None) -> dict[str, int]:
    """Đồng of each fee line that may still go back, by its rule and by what went before."""
    left, may = unreturned(bill), {line.code: may_go_back(line, reached) for line in bill.fee_lines}
    return {code: amount if may[code] else 0 for code, amount in left.items()}


def unreturned(bill: Bill) -> dict[str, int]:
    """Đồng of each paid fee line that are not on their way back, whether or not its rule lets them."""
    left = {line.code: line.amount for line in bill.fee_lines}
    for refund in bill.refunds:
        for line in refund.lines:
            left[line.code] -= line.amount
    return left if bill.state == "paid" else dict.fromkeys(left, 0)


def may_go_back(line: FeeLine, reached: str | None) -> bool:
    """Whether a line's own circular lets it be returned, now that its dossier has come so far."""
    over = {"acceptance": ("acceptance", "result"), "result": ("result",), None: ()}[line.refund_until]
    return line.refundable and reached not in over


def allocated(bill: Bill, lines: Sequence[FeeLine]) -> Iterator[tuple[Capture, tuple[RefundLine, ...]]]:
    """Which capture gives back what of these lines: the newest first, none more than is left of it."""
    owed = [RefundLine(code=line.code, beneficiary=line.beneficiary, amount=line.amount) for line in lines]
    for capture in reversed([each for each in bill.captures if each.use == "fees"]):
        room, taken = left_of(bill, capture), list[RefundLine]()
        while owed and room > 0:
            part = owed[0].model_copy(update={"amount": min(room, owed[0].amount)})
            rest = owed[0].amount - part.amount
            owed[:1] = [owed[0].model_copy(update={"amount": rest})] if rest else []
            taken.append(part)
            room -= part.amount
        if taken:
            yield capture, tuple(taken)


def _wrong(bill: Bill, asked: Sequence[LineRefund], left: dict[str, int]) -> Iterator[dict[str, str]]:
    seen = set[str]()
    for place, line in enumerate(asked):
        if line.code in seen:
            yield _error(place, "twice", "Dòng phí được nêu hai lần.", "The line is named twice.")
        elif line.code not in left:
            yield _error(place, "unknown_line", "Khoản phí không có dòng này.", "The bill has no such line.")
        elif line.amount > left[line.code]:
            amount = left[line.code]
            yield _error(
                place, "more_than_available", f"Chỉ hoàn trả được {_vnd(amount)} đồng.", f"At most {amount} đồng."
            )
        seen.add(line.code)


def _error(place: int, code: str, vi: str, en: str) -> dict[str, str]:
    return {"path": f"lines.{place}", "code": code, "vi": vi, "en": en}


def _vnd(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")
