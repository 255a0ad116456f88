"""What webhook faults do to the deliveries of a transaction, written down with them so that it survives a kill."""

from __future__ import annotations

import json
from itertools import groupby, pairwise
from typing import Any

from deploy.sandbox.gateway import identifiers, payment_methods, payments
from deploy.sandbox.gateway.cards import CARDS
from deploy.sandbox.gateway.store import Object, dumped
from deploy.sandbox.gateway.work import Work

DELAY_SECONDS = 5.0
COPIES = ("forged", "stale", "unsigned")


def unknown_payment(work: Work) -> None:
    """Fault: somebody pays who was never asked to."""
    if work.deliveries and work.faults.fires("unknown_payment"):
        method = payment_methods.keep(work, CARDS[0], "4242", (12, 2040))
        payments.attempt(work, payments.open_intent(work, 50_000, "vnd"), method)


def tamper(work: Work) -> None:
    """Apply the armed webhook faults to what the transaction owes."""
    for identifier in list(work.deliveries):
        _one(work, identifier)
    rows = sorted((work.queue.delivery(identifier) for identifier in work.deliveries), key=lambda row: row["endpoint"])
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row["endpoint"])]
    for group in groups:
        if len(group) > 1 and work.faults.fires("webhook_reordered"):
            for earlier, later in pairwise(row["id"] for row in group):
                work.queue.change_delivery(earlier, after=later)


def _one(work: Work, identifier: int) -> None:
    row = work.queue.delivery(identifier)
    kind, where = row["type"], (row["event"], row["type"], row["endpoint"], work.moment)
    if work.faults.fires("webhook_lost", kind):
        work.queue.change_delivery(identifier, state="lost", done_at=work.moment)
    if fault := work.faults.fires("webhook_delayed", kind):
        work.queue.change_delivery(identifier, due_at=work.moment + (fault.delay_seconds or DELAY_SECONDS))
    if work.faults.fires("webhook_duplicated", kind):
        work.queue.add_delivery(*where, oddity="duplicate", after=identifier)
    for oddity in COPIES:
        if work.faults.fires(f"webhook_{oddity}", kind):
            forged = dumped(_forged(work.store.get("event", row["event"]))) if oddity == "forged" else None
            work.queue.add_delivery(*where, oddity=oddity, payload=forged)
    if work.faults.fires("unknown_event", kind):
        event = {**work.store.get("event", row["event"]), "id": identifiers.new("event"), "type": "sandbox.unheard_of"}
        work.queue.add_delivery(*where, oddity="unknown_event", payload=dumped(event))


def _forged(event: Object) -> Object:
    """The event as a thief would have it: another id, ten times the money, and all of it paid."""
    copy: dict[str, Any] = json.loads(dumped(event))
    told = copy["data"]["object"]
    for name in ("amount", "amount_total", "amount_received", "amount_captured"):
        if isinstance(told.get(name), int):
            told[name] *= 10
    for name, value in (("payment_status", "paid"), ("status", "succeeded"), ("paid", True)):
        if name in told:
            told[name] = value
    return copy | {"id": identifiers.new("event")}
