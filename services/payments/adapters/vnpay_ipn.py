"""How VNPAY wants an IPN answered: by what we know of the order, in its own codes."""

from __future__ import annotations

from uuid import UUID

from services.payments.adapters.vnpay_codes import Heard
from services.payments.adapters.vnpay_reading import dong, id_in
from services.payments.adapters.vnpay_signature import values_of


def order_of(query: bytes) -> UUID | None:
    """The attempt that a genuine IPN names; None for an order that is none of ours."""
    return id_in(values_of(query).get("vnp_TxnRef", ""))


def verdict(query: bytes, asked_for: int | None, is_known: bool) -> Heard:
    """What to answer a genuine IPN, when its attempt asked for so many đồng (None: there is no such attempt).

    `is_known`: it was heard before, or the money was taken in already.
    """
    if asked_for is None:
        return "unknown"
    try:
        if dong(values_of(query).get("vnp_Amount", "")) != asked_for:
            return "wrong_amount"
    except ValueError:
        return "wrong_amount"
    return "done_before" if is_known else "ok"
