"""Stripe's public API over httpx: Checkout Sessions and Refunds, under one pinned API version.

Source: Stripe API reference, Checkout Sessions, PaymentIntents, Refunds, Idempotent requests, Webhook signatures.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from chassis.calls import Calling
from chassis.errors import Refusal, Unanswered
from services.payments.domain.gateway import (
    AskCheckout,
    AskRefund,
    Captured,
    CheckoutCreated,
    CheckoutRefused,
    CloseCheckout,
    CreateCheckout,
    Refund,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
    Truth,
)

API_VERSION = "2026-10-28.endive"
TOLERANCE_SECONDS = 300
LOOK_BACK_SECONDS = 2 * 3600  # a page is made an hour before it closes, by clocks that may differ

# Stripe's decline codes in our words; one that is not here is told as "declined".
DECLINES = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "processing_error": "processing_error",
    "lost_card": "card_blocked",
    "stolen_card": "card_blocked",
    "authentication_required": "authentication_failed",
    "payment_intent_authentication_failure": "authentication_failed",
    "generic_decline": "declined",
    "card_declined": "declined",
}


class Stripe:
    """The gateway port over a Stripe-compatible API."""

    name = "stripe"

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused:
        """Make a page. The body follows from the request alone, so that a repetition is the same under the same key."""
        back = request.return_url
        ours = {
            "dossier_code": request.dossier_code,
            "bill_id": str(request.bill_id),
            "attempt_id": str(request.attempt_id),
        }
        form = {
            "mode": "payment",
            "client_reference_id": request.dossier_code,
            "success_url": f"{back}?session={{CHECKOUT_SESSION_ID}}",
            "cancel_url": back,
            "expires_at": str(int(request.closes_at.timestamp())),
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "vnd",
            "line_items[0][price_data][unit_amount]": str(request.amount),
            "line_items[0][price_data][product_data][name]": request.description,
            "locale": "vi",
            **{f"metadata[{name}]": value for name, value in ours.items()},
            **{f"payment_intent_data[metadata][{name}]": value for name, value in ours.items()},
        }
        status, body = await self._post("/v1/checkout/sessions", form, str(request.attempt_id))
        if status >= 500 or _key_is_taken(body):
            # Kept under our key for good: a failure, or what an older release asked. The page may stand all the same.
            body = await self._page_of(request) or body
            if _key_is_taken(body) and datetime.now(UTC) < request.closes_at:
                raise Unanswered("the gateway knows this key with another body")
        if "url" in body:
            return CheckoutCreated(attempt_id=request.attempt_id, session_id=body["id"], url=body["url"] or "")
        return CheckoutRefused(attempt_id=request.attempt_id, reason=_code(body))

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        """What the gateway says of a page now."""
        expanded = {"expand[]": "payment_intent.latest_charge"}
        found = await self._get(f"/v1/checkout/sessions/{request.session_id}", expanded)
        # The page says what was asked for, its PaymentIntent what was taken.
        intent = found.get("payment_intent") or {}
        status = intent.get("status")
        if status == "succeeded":
            return Captured(
                attempt_id=request.attempt_id,
                amount=intent["amount_received"],
                currency=str(intent["currency"]).upper(),
                reference=intent["id"],
                paid_at=datetime.fromtimestamp(intent["latest_charge"]["created"], UTC),
            )
        # A bank that says no after the page was left leaves the page complete, and nobody can pay on it again.
        failed_later = found["status"] == "complete" and status in ("requires_payment_method", "canceled")
        closed = found["status"] == "expired" and status != "processing"
        decline, reference = _last_decline(intent)
        kind = SessionClosed if closed or failed_later else StillOpen
        return kind(attempt_id=request.attempt_id, decline=decline, decline_reference=reference)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        """Expire the page, then tell the truth: it may have been paid a moment before. Unanswered while it is open."""
        # No key: expiring twice is harmless, and a refusal (already paid or closed) is settled by asking.
        await self._post(f"/v1/checkout/sessions/{request.session_id}/expire", {}, None)
        truth = await self.ask_checkout(AskCheckout(**request.model_dump()), calling)
        if isinstance(truth, StillOpen):
            raise Unanswered("the page is not closed yet")
        return truth

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        """Send money back; the refund's id is the key of every repetition.

        It looks first: the key gives the first answer again, `pending` for ever too, and is forgotten after a day.
        """
        body = await self._refund_of(request)
        if body is None:
            form = {
                "payment_intent": request.reference,
                "amount": str(request.amount),
                "metadata[refund_id]": str(request.refund_id),
                "metadata[dossier_code]": request.dossier_code,
                **({"metadata[bill_id]": str(request.bill_id)} if request.bill_id else {}),
            }
            status, body = await self._post("/v1/refunds", form, str(request.refund_id))
            if status >= 500 or _key_is_taken(body):
                raise Unanswered("what became of the refund is kept under its key")
            if status != 200:
                return RefundRefused(refund_id=request.refund_id, reason=_code(body))
        return _outcome(request.refund_id, body)

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused:
        """What has become of a refund that was taken."""
        return _outcome(request.refund_id, await self._get(f"/v1/refunds/{request.reference}", {}))

    async def _page_of(self, request: CreateCheckout) -> dict[str, Any] | None:
        """The page that was made for this attempt, should there be one."""
        closes_at = int(request.closes_at.timestamp())
        query = {"limit": "100", "created[gte]": str(closes_at - LOOK_BACK_SECONDS), "created[lte]": str(closes_at)}
        while True:
            listed = await self._get("/v1/checkout/sessions", query)
            for page in listed["data"]:
                if page["metadata"].get("attempt_id") == str(request.attempt_id):
                    return dict(page)
            if not listed["has_more"]:
                return None
            query["starting_after"] = listed["data"][-1]["id"]

    async def _refund_of(self, request: Refund) -> dict[str, Any] | None:
        listed = await self._get("/v1/refunds", {"payment_intent": request.reference, "limit": "100"})
        ours = (each for each in listed["data"] if each["metadata"].get("refund_id") == str(request.refund_id))
        return next(ours, None)

    async def _post(self, path: str, form: Mapping[str, str], key: str | None) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": key} if key else {}
        return await self._answer(self._client.build_request("POST", path, data=dict(form), headers=headers))

    async def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        status, body = await self._answer(self._client.build_request("GET", path, params=dict(query)))
        if status != 200:
            raise Unanswered(f"the gateway answers {status} {_code(body)}")
        return body

    async def _answer(self, request: httpx.Request) -> tuple[int, dict[str, Any]]:
        """A definite answer: 200, 400, 402, and whatever is kept under our key. All else, and silence, is Unanswered."""
        try:
            response = await self._client.send(request)
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unanswered(f"the gateway does not answer: {type(error).__name__}") from None
        kept = response.headers.get("Idempotent-Replayed") == "true"
        if not isinstance(body, dict) or not (kept or response.status_code in (200, 400, 402)):
            raise Unanswered(f"the gateway answers {response.status_code}")
        return response.status_code, body


def client(url: str, secret_key: str) -> httpx.AsyncClient:
    """An HTTP client for the gateway; it dials when it is first used."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {secret_key}", "Stripe-Version": API_VERSION},
        timeout=httpx.Timeout(10, connect=3),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
    )


def verify_webhook(body: bytes, signature: str | None, secret: str, now: float | None = None) -> None:
    """Check `Stripe-Signature: t=…,v1=…` over the raw body, in constant time and within five minutes.

    Raises Refusal 400 for a signature that is missing, forged or too old.
    """
    parts = [part.partition("=")[::2] for part in (signature or "").split(",")]
    stamps = [value for name, value in parts if name.strip() == "t"]
    if not stamps or not re.fullmatch("[0-9]{1,12}", stamps[0]):
        raise _forged("the signature has no time")
    expected = hmac.new(secret.encode(), f"{stamps[0]}.".encode() + body, hashlib.sha256).hexdigest()
    given = [value for name, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
        raise _forged("the signature does not match")
    if abs((time.time() if now is None else now) - int(stamps[0])) > TOLERANCE_SECONDS:
        raise _forged("the signature is too old")


def _forged(reason: str) -> Refusal:
    return Refusal("bad_signature", "Chữ ký của thông báo không hợp lệ.", f"Webhook refused: {reason}.", 400)


def _key_is_taken(body: Mapping[str, Any]) -> bool:
    return bool((body.get("error") or {}).get("type") == "idempotency_error")


def _code(body: Mapping[str, Any]) -> str:
    error = body.get("error") or {}
    return str(error.get("code") or error.get("type") or "unknown")


def _outcome(refund_id: UUID, refund: Mapping[str, Any]) -> RefundDone | RefundRefused:
    """A refund in our words. Raises Unanswered while the bank has not decided."""
    status = refund["status"]
    if status in ("failed", "canceled"):
        return RefundRefused(refund_id=refund_id, reason=refund.get("failure_reason") or status)
    if status != "succeeded":
        raise Unanswered(f"the refund is {status}")
    return RefundDone(refund_id=refund_id, reference=refund["id"])


def _last_decline(intent: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Why the last try failed, in our words, and which try that was; nothing when none failed."""
    error = intent.get("last_payment_error")
    if not error:
        return None, None
    code = error.get("decline_code") or error.get("code") or "unknown"
    # A try that never came to a charge (3-D Secure) is known by its card: each try brings a new one.
    reference = error.get("charge") or (error.get("payment_method") or {}).get("id") or code
    return DECLINES.get(code, "declined"), str(reference)
