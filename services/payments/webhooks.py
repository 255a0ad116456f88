"""Where the gateway rings."""

from __future__ import annotations

import json
import re
import time
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel

from chassis.errors import NotFound, Refusal
from chassis.http import WorkOf
from chassis.identifiers import new_id
from chassis.work import Work
from services.payments import store
from services.payments.adapters import stripe_webhooks
from services.payments.domain.messages import Nudge

CODE = r"^[\w.-]{1,64}$"

# The events after which a page, or a refund, may have another truth; the others are acknowledged and need no asking.
TELLING = {
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "refund.failed",
}

log = structlog.get_logger()


class Told(BaseModel):
    """The dossier and bill that a webhook is about, and which page to ask about."""

    dossier_code: str
    bill_id: UUID | None
    nudge: Nudge


def of_gateway(webhook_secret: str) -> APIRouter:
    """Where the gateway rings."""
    routes = APIRouter(tags=["webhooks"])

    @routes.post("/webhooks/stripe")
    async def rung(
        request: Request, work: WorkOf, stripe_signature: Annotated[str | None, Header()] = None
    ) -> dict[str, bool]:
        """A signed webhook. What it says is not believed: it makes us ask the gateway."""
        body = await request.body()
        stripe_webhooks.verify(body, stripe_signature, [webhook_secret], time.time())
        told = _told(body)
        if told is not None:
            try:
                await work.send(store.bills.aggregate, await _key_of(told, work), told.nudge)
            except NotFound:
                log.warning("webhook about an unknown bill")
        return {"received": True}

    return routes


async def _key_of(told: Told, work: Work) -> str:
    """The bill's key. A page made before a dossier could have several bills names none: it is of the first one.

    Raises NotFound for a bill that does not exist.
    """
    if told.bill_id is None:
        return told.dossier_code
    bill = await store.bills.find(work.pool, told.bill_id)
    if bill is None:
        raise NotFound("Không tìm thấy khoản phí này.", "There is no such bill.")
    return bill.key


def _told(body: bytes) -> Told | None:
    """What a telling webhook is about; None for any other.

    Raises Refusal 400 for a body that is no event.
    """
    try:
        event = json.loads(body)
        thing = event["data"]["object"]
        if event["type"] not in TELLING:
            return None
        ours = thing.get("metadata") or {}
        code = ours.get("dossier_code") or thing.get("client_reference_id") or ""
        if not re.fullmatch(CODE, code):
            return None
        page = thing["id"] if thing.get("object") == "checkout.session" else None
        nudge = Nudge(call_id=new_id(), attempt_id=ours.get("attempt_id"), session_id=page)
        return Told(dossier_code=code, bill_id=ours.get("bill_id"), nudge=nudge)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refusal("bad_event", "Nội dung thông báo không đúng.", "The body is not an event.", 400) from None
