"""Refunds: whole or in part, never more than is left."""

from __future__ import annotations

from deploy.sandbox.gateway import identifiers, money
from deploy.sandbox.gateway import parameters as take
from deploy.sandbox.gateway.cards import by_token
from deploy.sandbox.gateway.charges import balance_transaction
from deploy.sandbox.gateway.errors import invalid, missing
from deploy.sandbox.gateway.events import changed, emit
from deploy.sandbox.gateway.lists import page, where_equal
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import Check, Values
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

CREATE: dict[str, Check] = {
    **take.EXPAND,
    "amount": take.integer(1),
    "charge": take.text(200),
    "payment_intent": take.text(200),
    "currency": take.currency,
    "instructions_email": take.email,
    "metadata": take.metadata,
    "reason": take.text(choices=("duplicate", "fraudulent", "requested_by_customer")),
    **take.refusing("customer", "origin", "refund_application_fee", "reverse_transfer"),
}


def charge_of(work: Work, values: Values) -> Object:
    """The charge that is to be given back, by its own id or its intent's; raises ApiError when it took no money."""
    if ("charge" in values) == ("payment_intent" in values):
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if "charge" in values:
        charge = work.store.find("charge", values["charge"])
        if charge is None:
            raise missing("charge", values["charge"], "charge")
    else:
        intent = work.store.find("payment_intent", values["payment_intent"])
        if intent is None:
            raise missing("payment_intent", values["payment_intent"], "payment_intent")
        charge = work.store.find("charge", intent["latest_charge"] or "")
    if charge is None or not charge["captured"]:
        source = values.get("payment_intent") or values.get("charge")
        raise invalid(
            f"This payment ({source}) does not have a successful, captured charge to refund.",
            code="payment_intent_unexpected_state" if "payment_intent" in values else "charge_not_refundable",
        )
    return charge


def create(work: Work, values: Values, _: str) -> Object:
    charge = charge_of(work, values)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if values.get("currency", charge["currency"]) != charge["currency"]:
        raise invalid(f"The charge was made in {charge['currency']}.", "currency")
    if work.faults.fires("refund_refused", charge["payment_intent"]):
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    amount = values.get("amount", left)
    if amount > left:
        raise invalid(
            f"Refund amount ({money.written(amount, charge['currency'])}) is greater than unrefunded amount on charge "
            f"({money.written(left, charge['currency'])})", "amount",
        )  # fmt: skip
    outcome = (
        "pending"
        if work.faults.fires("refund_pending", charge["payment_intent"])
        else by_token(charge["_token"]).refund
    )
    refund: Object = {
        "id": identifiers.new("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": work.now,
        "currency": charge["currency"],
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        },
        "metadata": take.merged({}, values.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": values.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if outcome == "pending" else "succeeded",
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = balance_transaction(work, "refund", refund["id"], charge, -amount)
    work.store.move("refund", refund["id"], charge, -amount, work.now)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    emit(work, "refund.created", work.store.insert(refund))
    emit(work, "charge.refunded", work.store.save(charge), {"amount_refunded": charge["amount_refunded"] - amount})
    if outcome != "succeeded":
        work.queue.start_timer("refund.settle", refund["id"], work.moment + work.settings.settle_seconds)
    return refund


def settle(work: Work, identifier: str) -> None:
    """Timer: the card's bank took the refund, or sent it back (then the money is the account's again)."""
    refund, before = found(work, identifier), found(work, identifier)
    charge = work.store.get("charge", refund["charge"])
    if by_token(charge["_token"]).refund == "fails_later":
        back = balance_transaction(work, "refund_failure", refund["id"], charge, refund["amount"])
        work.store.move("refund_failure", refund["id"], charge, refund["amount"], work.now)
        refund |= {
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
            "failure_balance_transaction": back,
        }
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        work.store.save(charge)
        emit(work, "refund.failed", refund)
    else:
        refund["status"] = "succeeded"
    emit(work, "refund.updated", work.store.save(refund), changed(before, refund))
    emit(work, "charge.refund.updated", refund, changed(before, refund))


def found(work: Work, identifier: str) -> Object:
    refund = work.store.find("refund", identifier)
    if refund is None:
        raise missing("refund", identifier, "id")
    return refund


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    return found(work, identifier)


def update(work: Work, values: Values, identifier: str) -> Object:
    refund, before = found(work, identifier), found(work, identifier)
    refund["metadata"] = take.merged(refund["metadata"], values.get("metadata"))
    if difference := changed(before, refund):
        emit(work, "refund.updated", work.store.save(refund), difference)
    return refund


def index(work: Work, values: Values, _: str) -> Object:
    return page(work, "refund", "/v1/refunds", values, *where_equal(values, "charge", "payment_intent"))


OPERATIONS = (
    Operation("POST", "/v1/refunds", create, CREATE),
    Operation("GET", "/v1/refunds", index, {**take.PAGE, "charge": take.text(200), "payment_intent": take.text(200)}),
    Operation("GET", "/v1/refunds/{id}", retrieve, take.EXPAND),
    Operation("POST", "/v1/refunds/{id}", update, {**take.EXPAND, "metadata": take.metadata}),
)
