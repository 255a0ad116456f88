"""Money in: one function takes it in, whoever saw it, and each đồng is posted once (docs/model, rule 21)."""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.decider import Call, Decision
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import payments
from contracts.money import MOST_DONG
from services.payments.domain import ledger
from services.payments.domain.answers import Captured
from services.payments.domain.bill import PAYABLE, Bill, Capture, known, to
from services.payments.domain.checkout import page_is_gone
from services.payments.domain.ending import ended_unpaid
from services.payments.domain.gateways import manner_of
from services.payments.domain.messages import AttemptSilence, BillExpiry, BillReminder
from services.payments.domain.pages import asking, closing, with_past, without_page
from services.payments.domain.receipting import receipt_follows
from services.payments.domain.refunding import all_back, back, joined, noted

LATE, SECOND, EXCESS = "nộp sau khi khoản phí đã đóng", "nộp lần thứ hai", "nộp thừa"
FOREIGN = "chuyển khoản bằng ngoại tệ"
BELIEVED_FOR = timedelta(days=3)
"""A webhook that tells of money of longer ago makes us ask the gateway, or is left to its statement."""


def captured(bill: Bill | None, message: Captured, now: datetime) -> Decision[Bill] | None:
    """Take money in: once for what names it, whoever saw it, whatever was thought of its page before.

    Raises Refusal `no_money`: no adapter tells of a payment of nothing.
    """
    bill = known(bill)
    if message.amount <= 0:
        raise Refusal("no_money", "Khoản thu phải lớn hơn 0.", f"{message.amount} is no money.", 422)
    if message.money_id in bill.taken:
        return None
    if message.heard_only and not _is_expected(bill, message, now):
        return _asked(bill, message)
    if message.amount > MOST_DONG:
        return _left_to_reconciliation(bill, message, now)
    bill = _knowing_its_page_is_paid(bill.model_copy(update={"taken": (*bill.taken, message.money_id)}), message)
    capture = _capture(bill, message)
    if bill.state not in PAYABLE:
        return _unwanted(bill, capture, SECOND if bill.state in ("paid", "discrepancy") else LATE, now)
    if capture.currency != bill.currency and manner_of(capture.gateway).parts:
        return _unwanted(bill, capture, FOREIGN, now)
    if capture.currency != bill.currency or not _is_what_was_asked(bill, capture):
        return _discrepancy(bill, capture)
    if capture.amount < bill.outstanding:
        return _part(bill, capture, now)
    return paid(bill, capture, now)


def taken_for_fees(bill: Bill, capture: Capture, now: datetime, message: type) -> Decision[Bill]:
    """Money that was kept apart is taken for the fees after all."""
    others = tuple(each for each in bill.captures if each.capture_id != capture.capture_id)
    bare = bill.model_copy(update={"captures": others})
    settled = ledger.settled(derived_id(bill.bill_id, "settled"), bill.fee_lines)
    return paid(bare, capture.model_copy(update={"use": "fees"}), now, message, settled)


def paid(
    bill: Bill,
    capture: Capture,
    now: datetime,
    message: type = Captured,
    postings: tuple[ledger.Posting, ...] = (),
) -> Decision[Bill]:
    """All of the fees are there: post them, number the receipt, close what else is open, send back what is too much."""
    excess = capture.amount - bill.outstanding
    direct = not excess and bill.outstanding == bill.amount
    settled = bill.model_copy(update={"captures": (*bill.captures, capture)})
    other = bill.attempt if bill.attempt and bill.attempt.attempt_id != capture.attempt_id else None
    after = to(without_page(settled, closed=other is None), message, "paid")
    told = payments.Succeeded(
        bill_id=bill.bill_id,
        attempt_id=capture.attempt_id or capture.capture_id,
        amount=bill.amount,
        gateway=capture.gateway,
        gateway_reference=capture.reference,
        paid_at=capture.paid_at,
        request_id=bill.request_id,
    )
    decided = Decision(
        after,
        (told,),
        cancels=(BillExpiry, BillReminder, AttemptSilence),
        calls=closing(other),
        notes=noted(bill, postings or _postings(bill, capture, direct)),
    )
    decided = joined(decided, receipt_follows(after, "", now))
    if not excess:
        return decided
    refund_id = derived_id(capture.capture_id, "refund")
    return joined(decided, back(decided.state, capture, excess, EXCESS, now, refund_id))


def _postings(bill: Bill, capture: Capture, direct: bool) -> tuple[ledger.Posting, ...]:
    if direct:
        return ledger.capture(capture.capture_id, capture.gateway, capture.reference, bill.fee_lines)
    return (
        *ledger.kept_apart(capture.capture_id, capture.gateway, capture.reference, capture.amount, "part"),
        *ledger.settled(derived_id(bill.bill_id, "settled"), bill.fee_lines),
    )


def _left_to_reconciliation(bill: Bill, message: Captured, now: datetime) -> Decision[Bill] | None:
    """More than any bill is of, or an event can tell: its line is raised as a difference, and an operator returns it.

    Nobody can pay on its page any more, but where pages never close: those are asked about until it is raised.
    """
    return None if manner_of(message.gateway).closes == "never" else page_is_gone(bill, message, now)


def _knowing_its_page_is_paid(bill: Bill, message: Captured) -> Bill:
    """The bill, knowing that a page of before which can be paid once was paid now: nobody can pay on it any more."""
    past = next((each for each in bill.past if each.attempt_id == message.attempt_id), None)
    if past is None or manner_of(past.gateway).parts:
        return bill
    return with_past(bill, past.model_copy(update={"closed": True}))


def _capture(bill: Bill, message: Captured) -> Capture:
    attempt = bill.attempt_of(message.attempt_id)
    return Capture(
        **message.model_dump(include={"attempt_id", "gateway", "amount", "currency", "reference", "paid_at"}),
        capture_id=message.money_id,
        session_id=attempt.session_id if attempt else None,
        began=attempt.began if attempt else None,
    )


def _is_expected(bill: Bill, message: Captured, now: datetime) -> bool:
    """Whether what a webhook says is just what a page of this bill asks for, or a transfer of any amount may be.

    Of money of another time than this, it is not: gateways ring again for some days, and clocks do not differ by as much.
    """
    if message.currency != bill.currency or abs(now - message.paid_at) > BELIEVED_FOR:
        return False
    if manner_of(message.gateway).parts:
        return True
    attempt = bill.attempt_of(message.attempt_id)
    return attempt is not None and (attempt.gateway, attempt.amount) == (message.gateway, message.amount)


def _asked(bill: Bill, message: Captured) -> Decision[Bill] | None:
    """Ask the gateway itself; money on a page that nobody remembers is found by reconciliation."""
    attempt = bill.attempt_of(message.attempt_id)
    if attempt is None or attempt.session_id is None:
        return None
    call = Call(derived_id(attempt.attempt_id, f"heard of {message.reference}"), asking(attempt, attempt.session_id))
    return Decision(bill, calls=(call,))


def _is_what_was_asked(bill: Bill, capture: Capture) -> bool:
    """Whether a page took what it asked for; of money that names no page we know, whether it is enough."""
    if manner_of(capture.gateway).parts:
        return True
    attempt = bill.attempt_of(capture.attempt_id)
    return capture.amount == attempt.amount if attempt else capture.amount >= bill.outstanding


def _part(bill: Bill, capture: Capture, now: datetime) -> Decision[Bill]:
    """Less than is due: keep it, and show what is still missing on a page of its own."""
    kept = bill.model_copy(update={"captures": (*bill.captures, capture)})
    # A transfer may not name its page; a picture that asks for all of it would now ask for too much.
    if bill.state == "in_checkout" and bill.attempt and manner_of(bill.attempt.gateway).parts:
        after = to(without_page(kept), Captured, "open")
    else:
        after = to(kept, Captured, bill.state)
    told = payments.PartlyPaid(
        bill_id=bill.bill_id,
        amount=capture.amount,
        outstanding=after.outstanding,
        gateway=capture.gateway,
        gateway_reference=capture.reference,
        paid_at=capture.paid_at,
    )
    postings = ledger.kept_apart(capture.capture_id, capture.gateway, capture.reference, capture.amount, "part")
    return Decision(after, (told,), notes=noted(bill, postings))


def _unwanted(bill: Bill, capture: Capture, reason: str, now: datetime) -> Decision[Bill]:
    """Money that a bill does not ask for (any more): keep it apart and send it back."""
    apart = capture.model_copy(update={"use": "apart"})
    bill = bill.model_copy(update={"captures": (*bill.captures, apart)})
    decided = Decision(to(bill, Captured, bill.state), notes=_kept_apart(bill, apart, "unexpected"))
    if bill.state == "withdrawing" and (bill.attempt is None or bill.attempt.attempt_id == capture.attempt_id):
        decided = joined(decided, ended_unpaid(to(without_page(bill, closed=True), Captured, "cancelled"), now))
    return joined(decided, all_back(decided.state, [apart], reason, now))


def _discrepancy(bill: Bill, capture: Capture) -> Decision[Bill]:
    """Not the amount or the currency that the page asked for: nothing is settled, a person must look."""
    apart = capture.model_copy(update={"use": "apart"})
    other = bill.attempt if bill.attempt and bill.attempt.attempt_id != capture.attempt_id else None
    found = bill.model_copy(update={"captures": (*bill.captures, apart)})
    told = payments.DiscrepancyFound(
        bill_id=bill.bill_id,
        attempt_id=capture.attempt_id or capture.capture_id,
        expected=bill.outstanding,
        found=capture.amount,
        found_currency=capture.currency,
        kind="not_as_asked",
        gateway=capture.gateway,
        gateway_reference=capture.reference,
    )
    return Decision(
        to(without_page(found, closed=other is None), Captured, "discrepancy"),
        (told,),
        cancels=(AttemptSilence, BillExpiry, BillReminder),
        calls=closing(other),
        notes=_kept_apart(bill, apart, "not as asked"),
    )


def _kept_apart(bill: Bill, capture: Capture, reason: str) -> tuple[ledger.Posting, ...]:
    """The ledger knows đồng only; other money is told in the event, and goes back as it came."""
    if capture.currency != bill.currency:
        return ()
    postings = ledger.kept_apart(capture.capture_id, capture.gateway, capture.reference, capture.amount, reason)
    return noted(bill, postings)
