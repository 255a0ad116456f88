"""The faults this gateway can be told to show (`/_control/faults`), and those that befall a request.

`match` narrows a fault. Requests are compared as "POST /v1/refunds": without `match` only the API is hit, with
`"match": "/c/pay"` the page too. Payments are compared by the id of their intent, webhooks by the type of their event.
"""

from __future__ import annotations

FAULTS = {
    "timeout_before": "the request has no effect and is never answered (with delay_seconds: cut off after them)",
    "timeout_after_charge": "the POST has its effect and is never answered (with delay_seconds: cut off after them)",
    "error_500_after_charge": "the POST has its effect and is answered with 500, which its idempotency key replays",
    "storm_500": "the request has no effect and is answered with 500, which no idempotency key remembers",
    "rate_limited_429": "the request has no effect and is answered with 429",
    "conflict_409": "the POST has no effect and is answered with 409, as if its idempotency key were in use",
    "slow": "the request is carried out delay_seconds (1 when 0) later",
    "webhook_lost": "the delivery is never sent",
    "webhook_duplicated": "the delivery is sent a second time, freshly signed, after it was accepted",
    "webhook_before_response": "the deliveries of a request are sent before the request is answered",
    "webhook_delayed": "the delivery is first sent delay_seconds (5 when 0) later",
    "webhook_reordered": "the deliveries of one transaction are sent last to first, each after the one before was accepted",
    "webhook_forged": "besides the delivery a copy with ten times the amount is sent once, signed with a wrong secret",
    "webhook_stale": "besides the delivery a copy is sent once with a true signature that is an hour old",
    "webhook_unsigned": "besides the delivery a copy is sent once without a signature",
    "unknown_event": "besides the delivery an event of a type that does not exist is sent once, truly signed",
    "unknown_payment": "besides what is being done, a payment that nobody asked for succeeds",
    "wrong_amount": "the payment takes a tenth of the amount, and says so everywhere",
    "wrong_currency": "the payment is taken in another currency (usd for vnd), and says so everywhere",
    "pending_forever": "the payment stays in processing and never settles",
    "refund_refused": "the refund is refused for good, as of a disputed charge; nothing moves",
    "refund_pending": "the refund is pending first and succeeds a little later, whatever the card",
    "unknown_code": "the answer to GET of a Checkout Session names a status that does not exist",
    "failed_then_captured": "the payment is declined, and captured after all delay_seconds (2 when 0) later",
}
