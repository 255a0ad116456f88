"""Ids of Stripe's form: a prefix that tells the kind, then letters and digits that nobody can guess."""

from __future__ import annotations

import secrets

PREFIXES = {
    "balance_transaction": "txn",
    "charge": "ch",
    "checkout.session": "cs_test",
    "customer": "cus",
    "event": "evt",
    "item": "li",
    "payment_intent": "pi",
    "payment_method": "pm",
    "price": "price",
    "product": "prod",
    "refund": "re",
    "request": "req",
    "webhook_endpoint": "we",
}


def new(kind: str) -> str:
    """A fresh id; a checkout session's is longer, because its page is open to whoever knows it."""
    return f"{PREFIXES[kind]}_{secrets.token_hex(24 if kind == 'checkout.session' else 12)}"
