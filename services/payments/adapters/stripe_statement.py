"""Stripe's statement: balance transactions as movements, and what the account holds.

Source: Stripe API reference, Balance transactions; documentation, Balance transaction types.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from services.payments.adapters.statement_lines import read_each
from services.payments.adapters.stripe_http import Api
from services.payments.adapters.stripe_objects import Balance, Line, Source, at, our_id, read
from services.payments.domain.gateways import STRIPE
from services.payments.domain.tidings import Movement

_KINDS: Mapping[str, Literal["capture", "refund", "refund_returned"]] = {
    "charge": "capture",
    "payment": "capture",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_returned",
}


async def movements(api: Api, since: datetime, until: datetime, limit: int) -> AsyncIterator[Sequence[Movement]]:
    """The lines of [since, until), newest first, at most `limit` at once. Stripe writes whole seconds."""
    query = {
        "created[gte]": str(math.ceil(since.timestamp())),
        "created[lt]": str(math.ceil(until.timestamp())),
        "expand[]": "data.source",
    }
    async for lines in api.pages("/v1/balance_transactions", query, limit):
        yield movements_of(lines, since)


def movements_of(lines: Sequence[Any], otherwise: datetime) -> list[Movement]:
    """Lines as Stripe told them; `otherwise` is when something happened that does not say when."""
    return read_each(STRIPE, lines, lambda told: movement(read(Line, told)), _moment, "id", otherwise)


async def balance(api: Api) -> Mapping[str, int]:
    """What the gateway holds for us, by currency: what may be paid out, and what may be soon."""
    found = await api.get("/v1/balance", {}, Balance)
    sums: Counter[str] = Counter()
    for each in (*found.available, *found.pending):
        sums[each.currency.upper()] += each.amount
    return dict(sums)


def movement(line: Line) -> Movement:
    """A line in our words. Of a kind that moves no payment, or without what it stands for: `other`, with its sign."""
    source = line.source if isinstance(line.source, Source) else None
    kind = _KINDS.get(line.type)
    reference = _reference(kind, source)
    if kind is None or source is None or reference is None:
        kind, reference = None, (source.id if source else line.source if isinstance(line.source, str) else line.id)
    return Movement(
        line=line.id,
        kind=kind or "other",
        reference=reference,
        amount=abs(line.amount) if kind else line.amount,
        currency=line.currency.upper(),
        at=at(line.created),
        fee=line.fee,
        attempt_id=our_id(source.metadata, "attempt_id") if source and kind == "capture" else None,
        refund_id=our_id(source.metadata, "refund_id") if source and kind and kind != "capture" else None,
        note="" if kind else line.type,
    )


def _moment(told: Any) -> datetime:
    return at(int(told["created"]))


def _reference(kind: str | None, source: Source | None) -> str | None:
    """What Captured and RefundDone call it: the PaymentIntent, and the Refund."""
    if source is None:
        return None
    return source.payment_intent if kind == "capture" else source.id
