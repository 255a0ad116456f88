"""Charges and balance transactions: the money itself, and reading it over the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.sandbox.gateway import identifiers
from deploy.sandbox.gateway.cards import Decline
from deploy.sandbox.gateway.errors import missing
from deploy.sandbox.gateway.events import emit
from deploy.sandbox.gateway.lists import page, where_equal
from deploy.sandbox.gateway.operations import Operation
from deploy.sandbox.gateway.parameters import EXPAND, PAGE, Values, text
from deploy.sandbox.gateway.store import Object
from deploy.sandbox.gateway.work import Work

GOOD = {"network_status": "approved_by_network", "reason": None, "risk_level": "normal", "type": "authorized",
        "advice_code": None, "seller_message": "Payment complete."}  # fmt: skip


def outcome(decline: Decline) -> Object:
    return {
        "network_status": "declined_by_network", "reason": decline.decline_code, "risk_level": "normal",
        "type": "issuer_declined", "advice_code": "try_again_later", "seller_message": decline.message,
    }  # fmt: skip


def open_charge(work: Work, intent: Object, method: Object, *, authenticated: bool, **state: Any) -> Object:
    """Write a charge for an intent's amount; `state` is what became of it (status, paid, captured, …)."""
    card = method["card"]
    secure = {"authentication_flow": "challenge", "result": "authenticated", "result_reason": None, "version": "2.2.0"}
    charge: Object = {
        "id": identifiers.new("charge"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or "MOTCUA SANDBOX",
        "captured": False,
        "created": work.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": GOOD,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                **{name: card[name] for name in ("brand", "country", "exp_month", "exp_year", "funding", "last4")},
                "checks": {**card["checks"], "cvc_check": "pass"},
                "network": card["brand"],
                "three_d_secure": secure if authenticated else None,
                "wallet": None,
            },
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
        "_token": method["_token"],
        **state,
    }
    intent["latest_charge"] = charge["id"]
    return work.store.insert(charge)


def capture(work: Work, charge: Object, amount: int, *, late_balance: bool) -> None:
    """Take the money: written down at once; the balance transaction follows where capture is asynchronous."""
    charge |= {"paid": True, "captured": True, "status": "succeeded", "amount_captured": amount, "outcome": GOOD}
    if amount < charge["amount"]:
        charge["amount_refunded"] = charge["amount"] - amount
    work.store.move("charge", charge["id"], charge, amount, work.now)
    if late_balance:
        work.queue.start_timer("charge.balance", charge["id"], work.moment + work.settings.balance_seconds)
    else:
        charge["balance_transaction"] = balance_transaction(work, "charge", charge["id"], charge, amount)
    work.store.save(charge)


def balance_transaction(work: Work, kind: str, source: str, charge: Object, amount: int) -> str:
    """Enter a movement in the account's statement; gives its id. Charges pay the account's fee, and keep none back later."""
    fee = amount * work.settings.fee_basis_points // 10_000 if kind == "charge" else 0
    told = {"amount": fee, "application": None, "currency": charge["currency"], "description": "Processing fees"}
    return str(
        work.store.insert(
            {
                "id": identifiers.new("balance_transaction"),
                "object": "balance_transaction",
                "amount": amount,
                "available_on": work.now,
                "balance_type": "payments",
                "created": work.now,
                "currency": charge["currency"],
                "description": charge["description"],
                "exchange_rate": None,
                "fee": fee,
                "fee_details": [{**told, "type": "stripe_fee"}] if fee else [],
                "net": amount - fee,
                "reporting_category": kind,
                "source": source,
                "status": "available",
                "type": kind,
            }
        )["id"]
    )


def enter_balance(work: Work, identifier: str) -> None:
    """Timer: an asynchronous capture has reached the account."""
    charge = work.store.get("charge", identifier)
    transaction = balance_transaction(work, "charge", charge["id"], charge, charge["amount_captured"])
    charge["balance_transaction"] = transaction
    work.store.save(charge)
    emit(work, "charge.updated", charge, {"balance_transaction": None})


def retrieve(work: Work, _: Values, identifier: str) -> Object:
    found = work.store.find("charge", identifier)
    if found is None:
        raise missing("charge", identifier, "id")
    return found


def index(work: Work, values: Values, _: str) -> Object:
    return page(work, "charge", "/v1/charges", values, *where_equal(values, "payment_intent", "customer"))


def retrieve_transaction(work: Work, _: Values, identifier: str) -> Object:
    found = work.store.find("balance_transaction", identifier)
    if found is None:
        raise missing("balance transaction", identifier, "id")
    return found


def index_transactions(work: Work, values: Values, _: str) -> Object:
    conditions = where_equal(values, "source", "type", "currency")
    return page(work, "balance_transaction", "/v1/balance_transactions", values, *conditions)


def balance(work: Work, _: Values, __: str) -> Object:
    """What the statement comes to, after fees, and what was taken and does not stand there yet."""
    entered = work.store.entered()
    none = (0, 0)
    available = {code: entered.get(code, none)[1] for code in work.store.balances()}
    pending = {code: moved - entered.get(code, none)[0] for code, moved in work.store.balances().items()}
    return {
        "object": "balance", "available": _amounts(available), "livemode": False, "pending": _amounts(pending),
    }  # fmt: skip


def _amounts(sums: Mapping[str, int]) -> list[Object]:
    return [{"amount": total, "currency": code, "source_types": {"card": total}} for code, total in sums.items()]


OPERATIONS = (
    Operation("GET", "/v1/charges/{id}", retrieve, EXPAND),
    Operation("GET", "/v1/charges", index, {**PAGE, "payment_intent": text(200), "customer": text(200)}),
    Operation("GET", "/v1/balance_transactions/{id}", retrieve_transaction, EXPAND),
    Operation(
        "GET", "/v1/balance_transactions", index_transactions,
        {**PAGE, "source": text(200), "type": text(100), "currency": text(3)},
    ),
    Operation("GET", "/v1/balance", balance, EXPAND),
)  # fmt: skip
