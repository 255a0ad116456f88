"""The life of a Checkout Session: open until it is paid (complete) or its time is over (expired).

A declined card leaves it open: its PaymentIntent waits for another card. `sessions` is its API, `pages` its page.
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gateway import payments
from deploy.sandbox.gateway.events import emit
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work


def intent_of(work: Work, session: Object) -> Object:
    """The session's PaymentIntent, opened when there is none yet."""
    if session["payment_intent"] is not None:
        return work.store.get("payment_intent", session["payment_intent"])
    data: dict[str, Any] = session["_intent_data"]
    intent = payments.open_intent(
        work, session["amount_total"], session["currency"],
        **{"customer": session["customer"], "receipt_email": None, "_session": session["id"], **data},
    )  # fmt: skip
    session["payment_intent"] = intent["id"]
    work.store.save(session)
    return intent


def pay(work: Work, session: Object, method: Object, *, authenticated: bool = False) -> Object:
    """Try the card for an open session; gives the intent, which says what came of it."""
    intent = intent_of(work, session)
    if intent["status"] not in payments.CHARGEABLE:
        return intent
    person = method["billing_details"]
    session["customer_details"] = {
        "address": None, "email": person["email"], "name": person["name"], "phone": None,
        "tax_exempt": "none", "tax_ids": [],
    }  # fmt: skip
    work.store.save(session)
    payments.attempt(work, intent, method, authenticated=authenticated)
    follow(work, intent)
    return intent


def follow(work: Work, intent: Object) -> None:
    """Bring the session that an intent belongs to, if it does, to where the intent has got."""
    session = work.store.find("checkout.session", intent.get("_session") or "")
    if session is None:
        return
    status = intent["status"]
    if session["status"] == "open" and status in ("succeeded", "processing", "requires_capture"):
        session |= {"status": "complete", "url": None}
        _report(work, session, intent, "checkout.session.completed")
    elif session["status"] == "complete" and session["payment_status"] == "unpaid":
        if status == "succeeded":
            # A manual capture is the merchant's own doing: only a payment that was processing is told of.
            kind = None if intent["capture_method"] == "manual" else "checkout.session.async_payment_succeeded"
            _report(work, session, intent, kind)
        elif status == "requires_payment_method":
            _report(work, session, intent, "checkout.session.async_payment_failed")


def _report(work: Work, session: Object, intent: Object, kind: str | None) -> None:
    session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    session |= {"amount_total": intent["amount"], "currency": intent["currency"]}
    work.store.save(session)
    if kind is not None:
        emit(work, kind, session)


def expire(work: Work, session: Object) -> None:
    """Close an open session for good: from now on no card can pay it."""
    session |= {"status": "expired", "url": None}
    work.store.save(session)
    if session["payment_intent"] is not None:
        intent = work.store.get("payment_intent", session["payment_intent"])
        payments.cancel(work, intent, "automatic")
    emit(work, "checkout.session.expired", session)


def expire_in_time(work: Work, identifier: str) -> None:
    """Timer: nobody paid in time."""
    session = work.store.get("checkout.session", identifier)
    if session["status"] == "open":
        expire(work, session)
