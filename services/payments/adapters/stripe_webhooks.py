"""Stripe's webhooks: whether they are Stripe's, and what they tell.

Source: Stripe, Webhooks, "Verify webhook signatures manually"; API reference, Types of events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError

from chassis.errors import Refusal
from services.payments.adapters import stripe_codes
from services.payments.adapters.stripe_objects import Intent, Ours, Page, Shape, at, our_id, read
from services.payments.adapters.timed_signature import verify
from services.payments.domain.answers import Captured
from services.payments.domain.gateways import STRIPE
from services.payments.domain.tidings import Ring, Tiding

TELLING = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
)
"""The events after which a page, or a refund, may have another truth; the others tell us nothing."""

_CODE = re.compile(r"[\w.-]{1,64}")
_Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class _Head(Shape):
    id: _Name
    type: _Name


class _Data(Shape):
    object: dict[str, Any]


class _Event(Shape):
    created: int
    data: _Data


def heard(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Ring:
    """Check `Stripe-Signature: t=…,v1=…` over the raw body, in constant time and within five minutes.

    `secrets` are several while one is being replaced. Raises Refusal 400 for a signature that is missing, forged or too
    old, and for a body that is no event.
    """
    verify(body, headers.get("stripe-signature"), secrets, now)
    try:
        event = _Head.model_validate_json(body)
    except ValidationError:
        raise Refusal("bad_event", "Nội dung thông báo không đúng.", "The body is not an event.", 400) from None
    return Ring(event.id, event.type, body)


def listed(event: Mapping[str, Any]) -> Ring:
    """An event as the list of events has it: as if its webhook had come."""
    created = event.get("created")
    when = at(created) if isinstance(created, int) else None
    return Ring(str(event.get("id")), str(event.get("type")), json.dumps(event).encode(), when)


def told(ring: Ring) -> Sequence[Tiding]:
    """What an event says of one of our bills; nothing where it says nothing, or is not about one.

    Raises UnknownCode for a status without a meaning, Unanswered for an event that cannot be read.
    """
    if ring.kind not in TELLING:
        return ()
    event = read(_Event, json.loads(ring.body))
    thing = event.data.object
    if ring.kind.startswith("checkout.session."):
        page = read(Page, thing)
        ours = {"dossier_code": page.client_reference_id or "", **page.metadata}
        return _tidings(ours, page.id, _taken_on(page, event.created))
    if ring.kind.startswith("payment_intent."):
        intent = read(Intent, thing)
        return _tidings(intent.metadata, None, _taken(intent, event.created))
    return _tidings(read(_About, thing).metadata, None, None)


class _About(Shape):
    metadata: Ours


def _tidings(ours: Ours, session_id: str | None, captured: Captured | None) -> Sequence[Tiding]:
    attempt_id, bill_id = our_id(ours, "attempt_id"), our_id(ours, "bill_id")
    code = ours.get("dossier_code", "")
    dossier_code = code if _CODE.fullmatch(code) else None
    if not (attempt_id or bill_id or dossier_code):
        return ()
    return (Tiding(attempt_id, None, bill_id, dossier_code, session_id, captured),)


def _taken_on(page: Page, created: int) -> Captured | None:
    status = stripe_codes.known(page.payment_status, stripe_codes.PAYMENT_STATUSES, "a page's payment")
    intent = page.payment_intent.id if isinstance(page.payment_intent, Intent) else page.payment_intent
    if status != "paid" or intent is None or page.amount_total is None or page.currency is None:
        return None
    return _money(page.metadata, page.amount_total, page.currency, intent, created)


def _taken(intent: Intent, created: int) -> Captured | None:
    if stripe_codes.known(intent.status, stripe_codes.INTENT_STATUSES, "a payment") != "succeeded":
        return None
    return _money(intent.metadata, intent.amount_received, intent.currency, intent.id, created)


def _money(ours: Ours, amount: int, currency: str, reference: str, created: int) -> Captured | None:
    """Money that was heard of; None where no attempt names it, or it is nothing: then the gateway is asked."""
    attempt_id = our_id(ours, "attempt_id")
    if attempt_id is None or amount <= 0:
        return None
    return Captured(
        attempt_id=attempt_id,
        amount=amount,
        currency=currency.upper(),
        reference=reference,
        paid_at=at(created),
        gateway=STRIPE,
        heard_only=True,
    )
