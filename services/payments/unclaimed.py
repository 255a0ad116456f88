"""Money that a webhook tells of and no bill takes: left to reconciliation, or raised at once where nobody else will tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.answering import Answering
from chassis.decider import Message
from chassis.postgres import Connection
from services.payments import store
from services.payments.domain import hearing
from services.payments.domain.answers import Captured
from services.payments.domain.bill import Bill
from services.payments.domain.reconciling import finding
from services.payments.domain.sides import Stated
from services.payments.domain.tidings import Movement


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """Such money; `movement` is the line that no statement will have of it, `bill` whose page or code it names."""

    money: Captured
    movement: Movement | None
    key: str | None
    bill: Bill | None = None


def of_nobody(money: Captured, payment_code: str | None, key: str | None) -> Unclaimed:
    """Money that no bill can be told of: nobody knows whose it is, or it is too much for the bill of that key."""
    is_last_word = hearing.tells_in_notices_only(money.gateway)
    return Unclaimed(money, hearing.line_of(money, payment_code) if is_last_word else None, key)


def of_bill(bill: Bill, money: Captured) -> Unclaimed | None:
    """Money that this bill was told of, and neither took in nor asks about."""
    match hearing.became(bill, money):
        case "settled":
            return None
        case "not_taken":
            return Unclaimed(money, None, bill.key, bill)
        case "other_money":
            return Unclaimed(money, hearing.line_of(money, None), bill.key, bill)


async def raise_all(connection: Connection, answering: Answering, unclaimed: Sequence[Unclaimed]) -> None:
    """Write down the lines that no statement will have, and raise each as a difference."""
    lines, found = defaultdict[str, list[Movement]](list), dict[str, Message]()
    for each in unclaimed:
        if each.movement is None:
            continue
        lines[each.money.gateway].append(each.movement)
        if (difference := finding(_stated(each, each.movement))) is not None:
            found[difference.key] = difference
    for gateway, movements in lines.items():
        await store.statements.keep(connection, gateway, movements)
    if found:
        await answering.each(connection, store.differences.aggregate, sorted(found.items()))


def _stated(each: Unclaimed, line: Movement) -> Stated:
    return Stated(
        gateway=each.money.gateway,
        reference=line.reference,
        incoming=True,
        kind=line.kind,
        line=line.line,
        lines=1,
        each=line.amount,
        amount=line.amount,
        currency=line.currency,
        at=line.at,
        attempt_id=line.attempt_id,
        bill_key=each.key,
        bill_id=each.bill.bill_id if each.bill else None,
        dossier_code=each.bill.dossier_code if each.bill else None,
    )
