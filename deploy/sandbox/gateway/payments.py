"""The life of a PaymentIntent, whoever drives it: the API, a checkout page, a 3-D Secure page or a timer.

requires_payment_method → requires_confirmation → requires_action (3-D Secure) → processing | requires_capture |
succeeded; a decline leads back to requires_payment_method. `canceled` and `succeeded` are final.
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.gateway import identifiers
from deploy.sandbox.gateway.cards import GENERIC, Card, Decline, by_token
from deploy.sandbox.gateway.charges import capture, open_charge, outcome
from deploy.sandbox.gateway.errors import describe
from deploy.sandbox.gateway.events import emit
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.versions import shown
from deploy.sandbox.gateway.work import Work

LATE_CAPTURE_SECONDS = 2.0
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication.",
    "Thẻ này cần xác thực 3-D Secure.",
)  # fmt: skip
AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure", "",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    "Xác thực 3-D Secure không thành công. Hãy thử lại hoặc dùng thẻ khác.",
)  # fmt: skip
CHARGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def open_intent(work: Work, amount: int, currency: str, **members: Any) -> Object:
    """Write a new PaymentIntent and tell of it; `members` override what it starts with."""
    identifier = identifiers.new("payment_intent")
    intent: Object = {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{identifiers.new('request')[4:]}",
        "confirmation_method": "automatic",
        "created": work.now,
        "currency": currency,
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        **members,
    }
    work.store.insert(intent)
    emit(work, "payment_intent.created", intent)
    return intent


def attempt(
    work: Work, intent: Object, method: Object, *, authenticated: bool = False, return_url: str | None = None
) -> None:
    """Try to take the money with this card; the intent says what came of it."""
    card = by_token(method["_token"])
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    if return_url is not None:
        intent["_return_url"] = return_url
    if card.three_d_secure and not authenticated:
        url = f"{work.settings.public_url}/3ds/{intent['client_secret']}"
        redirect = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
        intent |= {"status": "requires_action", "next_action": redirect}
        emit(work, "payment_intent.requires_action", work.store.save(intent))
        return
    if fault := work.faults.fires("failed_then_captured", intent["id"]):
        _decline(work, intent, method, GENERIC, authenticated=authenticated)
        due_at = work.moment + (fault.delay_seconds or LATE_CAPTURE_SECONDS)
        work.queue.start_timer("intent.capture_late", intent["id"], due_at)
    elif card.settles != "now":
        _process(work, intent, method, card, authenticated=authenticated)
    elif card.decline is not None:
        _decline(work, intent, method, card.decline, authenticated=authenticated)
    elif work.faults.fires("pending_forever", intent["id"]):
        _process(work, intent, method, None, authenticated=authenticated)
    else:
        _take(work, intent, method, authenticated=authenticated)


def _misreport(work: Work, intent: Object) -> None:
    """Faults: the bank takes another amount, or another currency, and says so everywhere."""
    if work.faults.fires("wrong_amount", intent["id"]):
        intent["amount"] = max(1, intent["amount"] // 10)
    if work.faults.fires("wrong_currency", intent["id"]):
        intent["currency"] = "usd" if intent["currency"] != "usd" else "vnd"


def _take(work: Work, intent: Object, method: Object, *, authenticated: bool) -> None:
    _misreport(work, intent)
    charge = open_charge(work, intent, method, authenticated=authenticated, paid=True)
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        emit(work, "charge.succeeded", charge)
        emit(work, "payment_intent.amount_capturable_updated", work.store.save(intent))
    else:
        _succeed(work, intent, charge)


def _succeed(work: Work, intent: Object, charge: Object) -> None:
    capture(work, charge, charge["amount"], late_balance=intent["capture_method"] == "automatic_async")
    intent |= {"status": "succeeded", "amount_received": charge["amount"], "processing": None}
    intent |= {"last_payment_error": None, "next_action": None, "latest_charge": charge["id"]}
    emit(work, "charge.succeeded", charge)
    emit(work, "payment_intent.succeeded", work.store.save(intent))


def _process(work: Work, intent: Object, method: Object, card: Card | None, *, authenticated: bool) -> None:
    """The bank will say later; with no card (a fault), never."""
    _misreport(work, intent)
    charge = open_charge(work, intent, method, authenticated=authenticated, status="pending")
    intent |= {"status": "processing", "processing": {"type": "card", "card": {}}}
    emit(work, "charge.pending", charge)
    emit(work, "payment_intent.processing", work.store.save(intent))
    if card is not None:
        work.queue.start_timer("intent.settle", intent["id"], work.moment + work.settings.settle_seconds)


def _decline(work: Work, intent: Object, method: Object, decline: Decline, *, authenticated: bool) -> None:
    charge = open_charge(
        work, intent, method, authenticated=authenticated,
        status="failed", failure_code=decline.code, failure_message=decline.message, outcome=outcome(decline),
    )  # fmt: skip
    fail(work, intent, decline, method, charge)


def fail(work: Work, intent: Object, decline: Decline, method: Object, charge: Object | None) -> None:
    """The intent waits for another card; `charge` is the one that failed, if it came to one."""
    error = describe(
        "card_error", decline.message, code=decline.code, decline_code=decline.decline_code or None,
        charge=charge["id"] if charge else None, param={"expiry": "exp_month", "cvc": "cvc"}.get(decline.field),
        payment_method=shown(work.store, method, work.version),
    )  # fmt: skip
    intent |= {"status": "requires_payment_method", "payment_method": None, "processing": None}
    intent |= {"last_payment_error": error, "next_action": None}
    if charge is not None:
        emit(work, "charge.failed", charge)
    emit(work, "payment_intent.payment_failed", work.store.save(intent))


def settle(work: Work, intent: Object) -> None:
    """The bank has decided on a payment that was processing."""
    if intent["status"] != "processing":
        return
    charge = work.store.get("charge", intent["latest_charge"])
    card = by_token(charge["_token"])
    if card.settles != "fails_later":
        _succeed(work, intent, charge)
        return
    decline = card.decline or GENERIC
    charge |= {"status": "failed", "failure_code": decline.code, "failure_message": decline.message}
    charge["outcome"] = outcome(decline)
    work.store.save(charge)
    fail(work, intent, decline, work.store.get("payment_method", charge["payment_method"]), charge)


def capture_late(work: Work, intent: Object) -> None:
    """Fault failed_then_captured: the bank took the money after all, unless the intent was paid or closed meanwhile."""
    if intent["status"] not in CHARGEABLE:
        return
    failed = work.store.get("charge", intent["latest_charge"])
    method = work.store.get("payment_method", failed["payment_method"])
    intent["payment_method"] = method["id"]
    _take(work, intent, method, authenticated=False)


def cancel(work: Work, intent: Object, reason: str | None) -> None:
    """Close the intent for good; an authorised amount is released."""
    if intent["status"] == "requires_capture":
        charge = work.store.get("charge", intent["latest_charge"])
        charge |= {"refunded": True, "amount_refunded": charge["amount"]}
        emit(work, "charge.refunded", work.store.save(charge))
    intent |= {"status": "canceled", "canceled_at": work.now, "cancellation_reason": reason, "next_action": None}
    intent["amount_capturable"] = 0
    emit(work, "payment_intent.canceled", work.store.save(intent))


def collect(work: Work, intent: Object, amount: int) -> None:
    """Capture an authorised payment, perhaps only a part of it."""
    charge = work.store.get("charge", intent["latest_charge"])
    capture(work, charge, amount, late_balance=False)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    emit(work, "charge.captured", charge)
    emit(work, "payment_intent.succeeded", work.store.save(intent))
