"""When a bill gets a receipt, another one, or loses it: the receipt always says what stays paid of the fees."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision, Draw
from contracts import payments
from contracts.money import FeeLine, total
from services.payments.domain import receipts
from services.payments.domain.bill import Bill


def receipt_follows(bill: Bill, reason: str, now: datetime) -> Decision[Bill]:
    """Number a receipt for what stays paid of the fees now; the one before is replaced, or cancelled where nothing stays."""
    lines = lines_kept(bill)
    holds = next((each for each in bill.receipts if each.ended is None), None)
    if (holds.amount if holds else 0) == total(lines):
        return Decision(bill)
    if not lines and holds is not None:
        ended = tuple(_ended(each, "cancelled") if each is holds else each for each in bill.receipts)
        said = payments.ReceiptCancelled(bill_id=bill.bill_id, receipt_number=holds.number, reason=reason)
        note = receipts.Ended(number=holds.number, kind="cancelled", reason=reason, ended_at=now)
        return Decision(bill.model_copy(update={"receipts": ended}), (said,), notes=(note,))

    def numbered(state: Bill, ordinal: int, at: datetime) -> Decision[Bill]:
        return _numbered(state, ordinal, reason, at)

    return Decision(bill, draws=(Draw(receipts.series_of(now), numbered),))


def lines_kept(bill: Bill) -> tuple[FeeLine, ...]:
    """The fee lines that stay paid, with what stays of each."""
    if bill.state != "paid":
        return ()
    gone = {line.code: 0 for line in bill.fee_lines}
    for refund in bill.refunds:
        for line in refund.lines if refund.state == "done" else ():
            gone[line.code] += line.amount
    kept = (line.model_copy(update={"amount": line.amount - gone[line.code]}) for line in bill.fee_lines)
    return tuple(line for line in kept if line.amount)


def _numbered(bill: Bill, ordinal: int, reason: str, now: datetime) -> Decision[Bill]:
    lines, number = lines_kept(bill), receipts.number_of(now, ordinal)
    holds = next((each for each in bill.receipts if each.ended is None), None)
    replaces = holds.number if holds else None
    earlier = tuple(_ended(each, "replaced") if each is holds else each for each in bill.receipts)
    receipt = receipts.Receipt(number=number, amount=total(lines), issued_at=now, replaces=replaces)
    issued = payments.ReceiptIssued(
        bill_id=bill.bill_id, receipt_number=number, amount=receipt.amount, replaces=replaces
    )
    note = receipts.Issued(
        number=number,
        year=receipts.year_of(now),
        ordinal=ordinal,
        dossier_code=bill.dossier_code,
        bill_id=str(bill.bill_id),
        agency=bill.agency,
        amount=receipt.amount,
        lines=lines,
        issued_at=now,
        replaces=replaces,
    )
    end = (receipts.Ended(number=replaces, kind="replaced", reason=reason, ended_at=now),) if replaces else ()
    return Decision(bill.model_copy(update={"receipts": (*earlier, receipt)}), (issued,), notes=(note, *end))


def _ended(receipt: receipts.Receipt, how: str) -> receipts.Receipt:
    return receipt.model_copy(update={"ended": how})
