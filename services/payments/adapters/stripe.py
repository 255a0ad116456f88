"""The gateway port over Stripe's public API: Checkout Sessions and Refunds, under one pinned API version.

Source: Stripe API reference, Checkout Sessions, PaymentIntents, Refunds, Idempotent requests.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from chassis.calls import Calling
from chassis.errors import Unanswered
from services.payments.adapters import stripe_codes, stripe_statement, stripe_webhooks
from services.payments.adapters.stripe_http import LONGEST_PAGE, Api, client
from services.payments.adapters.stripe_objects import Charge, Intent, Page, PaymentError, Returned, at, read
from services.payments.domain.answers import (
    Captured,
    CheckoutCreated,
    CheckoutRefused,
    RefundDone,
    RefundRefused,
    SessionClosed,
    StillOpen,
    Truth,
)
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.gateways import STRIPE
from services.payments.domain.questions import AskCheckout, AskRefund, CloseCheckout, CreateCheckout, Refund
from services.payments.domain.tidings import Known, Movement, Ring, Tiding

__all__ = ["Stripe", "client"]

LOOK_BACK = timedelta(hours=2)  # a page is made an hour before it closes, by clocks that may differ


class Stripe:
    """The gateway port over a Stripe-compatible API. `webhook_secrets` are several while one is being replaced."""

    name = STRIPE

    def __init__(
        self, client: httpx.AsyncClient, webhook_secrets: Sequence[str] = (), page_lines: int = LONGEST_PAGE
    ) -> None:
        self._api = Api(client)
        self._secrets = tuple(webhook_secrets)
        self._page_lines = page_lines

    async def create_checkout(self, request: CreateCheckout, calling: Calling) -> CheckoutCreated | CheckoutRefused:
        """Make a page. The body follows from the request alone, so that a repetition is the same under the same key."""
        answer = await self._api.post("/v1/checkout/sessions", _form(request), str(request.attempt_id), Page)
        if answer.told is not None:
            return _made(request, answer.told)
        if not answer.is_kept_failure and answer.code in stripe_codes.REFUSALS:
            reason = stripe_codes.refusal(answer.code, "a page")
            return CheckoutRefused(attempt_id=request.attempt_id, reason=reason)
        # A failure, or what an older release asked, that is kept under our key for good; or a code that nobody has
        # documented. The page may stand all the same. Where it does not, nobody pays on it once its time is over.
        page = await self._page_of(request)
        if page is not None:
            return _made(request, page)
        is_over = datetime.now(UTC) >= request.closes_at
        if answer.key_is_taken and not is_over:
            raise Unanswered("the gateway knows this key with another body")
        if not answer.is_kept_failure and not is_over:
            stripe_codes.refusal(answer.code, "a page")
        return CheckoutRefused(attempt_id=request.attempt_id, reason=stripe_codes.NOT_MADE)

    async def ask_checkout(self, request: AskCheckout, calling: Calling) -> Truth:
        """What the gateway says of a page now."""
        expanded = {"expand[]": "payment_intent.latest_charge"}
        page = await self._api.get(f"/v1/checkout/sessions/{request.session_id}", expanded, Page)
        stripe_codes.known(page.status, stripe_codes.PAGE_STATUSES, "a page")
        # The page says what was asked for, its PaymentIntent what was taken.
        intent = page.payment_intent if isinstance(page.payment_intent, Intent) else None
        status = stripe_codes.known(intent.status, stripe_codes.INTENT_STATUSES, "a payment") if intent else None
        if intent and status == "succeeded":
            return _captured(request.attempt_id, intent)
        # A bank that says no after the page was left leaves the page complete, and nobody can pay on it again.
        failed_later = page.status == "complete" and status in ("requires_payment_method", "canceled")
        closed = page.status == "expired" and status != "processing"
        decline, reference = _last_decline(intent.last_payment_error if intent else None)
        kind = SessionClosed if closed or failed_later else StillOpen
        return kind(attempt_id=request.attempt_id, decline=decline, decline_reference=reference)

    async def close_checkout(self, request: CloseCheckout, calling: Calling) -> Truth:
        """Expire the page, then tell the truth: it may have been paid a moment before. Unanswered while it is open."""
        # No key: expiring twice is harmless, and a refusal (already paid or closed) is settled by asking.
        await self._api.post(f"/v1/checkout/sessions/{request.session_id}/expire", {}, None, Page)
        truth = await self.ask_checkout(request, calling)
        if isinstance(truth, StillOpen):
            raise Unanswered("the page is not closed yet")
        return truth

    async def refund(self, request: Refund, calling: Calling) -> RefundDone | RefundRefused:
        """Send money back; the refund's id is the key of every repetition.

        It looks first: the key gives the first answer again, `pending` for ever too, and is forgotten after a day.
        """
        refund = await self._refund_of(request)
        if refund is None:
            answer = await self._api.post("/v1/refunds", _refund_form(request), str(request.refund_id), Returned)
            if answer.is_kept_failure:
                raise Unanswered("what became of the refund is kept under its key")
            if answer.told is None:
                reason = stripe_codes.refusal(answer.code, "a refund")
                return RefundRefused(refund_id=request.refund_id, reason=reason)
            refund = answer.told
        return _outcome(request.refund_id, refund)

    async def ask_refund(self, request: AskRefund, calling: Calling) -> RefundDone | RefundRefused:
        """What has become of a refund that was taken."""
        return _outcome(request.refund_id, await self._api.get(f"/v1/refunds/{request.reference}", {}, Returned))

    def hear(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Ring:
        """A signed event, within five minutes."""
        return stripe_webhooks.heard(body, headers, self._secrets, now)

    def tell(self, ring: Ring) -> Sequence[Tiding]:
        """What an event says: money, or that the gateway must be asked."""
        return stripe_webhooks.told(ring)

    def movements(self, since: datetime, until: datetime, known: Sequence[Known]) -> AsyncIterator[Sequence[Movement]]:
        """The account's balance transactions, with their fees."""
        return stripe_statement.movements(self._api, since, until, self._page_lines)

    async def events_since(self, since: datetime) -> AsyncIterator[Sequence[Ring]]:
        """The events that tell us something, newest first, whether their webhooks came or not. Stripe keeps 30 days."""
        query = {"created[gte]": str(math.floor(since.timestamp())), "types[]": stripe_webhooks.TELLING}
        async for events in self._api.pages("/v1/events", query, self._page_lines):
            yield [stripe_webhooks.listed(each) for each in events]

    async def balance(self) -> Mapping[str, int]:
        """What the gateway holds for us, by currency, after its fees."""
        return await stripe_statement.balance(self._api)

    async def _page_of(self, request: CreateCheckout) -> Page | None:
        """The page that was made for this attempt, should there be one."""
        ends = int(request.closes_at.timestamp())
        begins = int(((request.began or request.closes_at) - LOOK_BACK).timestamp())
        query = {"created[gte]": str(begins), "created[lte]": str(ends)}
        async for pages in self._api.pages("/v1/checkout/sessions", query):
            for page in pages:
                if (page.get("metadata") or {}).get("attempt_id") == str(request.attempt_id):
                    return read(Page, page)
        return None

    async def _refund_of(self, request: Refund) -> Returned | None:
        async for refunds in self._api.pages("/v1/refunds", {"payment_intent": request.reference}):
            for refund in refunds:
                if (refund.get("metadata") or {}).get("refund_id") == str(request.refund_id):
                    return read(Returned, refund)
        return None


def _made(request: CreateCheckout, page: Page) -> CheckoutCreated:
    return CheckoutCreated(attempt_id=request.attempt_id, session_id=page.id, url=page.url or "")


def _form(request: CreateCheckout) -> dict[str, str]:
    back = request.return_url
    ours = {
        "dossier_code": request.dossier_code,
        "bill_id": str(request.bill_id),
        "attempt_id": str(request.attempt_id),
    }
    return {
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


def _refund_form(request: Refund) -> dict[str, str]:
    return {
        "payment_intent": request.reference,
        "amount": str(request.amount),
        "metadata[refund_id]": str(request.refund_id),
        "metadata[dossier_code]": request.dossier_code,
        **({"metadata[bill_id]": str(request.bill_id)} if request.bill_id else {}),
    }


def _captured(attempt_id: UUID, intent: Intent) -> Captured:
    if not isinstance(intent.latest_charge, Charge):
        raise Unanswered("the gateway tells of a payment without its charge")
    if intent.amount_received <= 0:
        raise UnknownCode(f"a payment of {intent.amount_received} succeeded")
    return Captured(
        attempt_id=attempt_id,
        amount=intent.amount_received,
        currency=intent.currency.upper(),
        reference=intent.id,
        paid_at=at(intent.latest_charge.created),
        gateway=STRIPE,
    )


def _outcome(refund_id: UUID, refund: Returned) -> RefundDone | RefundRefused:
    """A refund in our words. Raises Unanswered while the bank has not decided, UnknownCode."""
    status = stripe_codes.known(refund.status, stripe_codes.REFUND_STATUSES, "a refund")
    if status in ("failed", "canceled"):
        return RefundRefused(refund_id=refund_id, reason=stripe_codes.refund_failure(refund.failure_reason, status))
    if status != "succeeded":
        raise Unanswered(f"the refund is {status}")
    return RefundDone(refund_id=refund_id, reference=refund.id)


def _last_decline(error: PaymentError | None) -> tuple[str | None, str | None]:
    """Why the last try failed, in our words, and which try that was; nothing when none failed."""
    if error is None:
        return None, None
    code = error.decline_code or error.code or "unknown"
    # A try that never came to a charge (3-D Secure) is known by its card: each try brings a new one.
    reference = error.charge or (error.payment_method.id if error.payment_method else code)
    return stripe_codes.decline(code), reference
