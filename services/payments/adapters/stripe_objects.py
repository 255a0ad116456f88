"""The shapes of what Stripe tells, as far as we read them: Checkout Sessions, PaymentIntents, Refunds, the statement.

Source: Stripe API reference. Amounts are in the smallest unit of their currency, which for đồng is the đồng.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Unanswered

Ours = dict[str, str]
"""The metadata that we gave: texts."""


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


S = TypeVar("S", bound=Shape)


class Named(Shape):
    id: str


class PaymentError(Shape):
    """Why the last try failed."""

    code: str | None = None
    decline_code: str | None = None
    charge: str | None = None
    payment_method: Named | None = None


class Charge(Shape):
    id: str
    created: int


class Intent(Shape):
    """A PaymentIntent: what was taken. `latest_charge` is an id, or the charge where we asked for it."""

    id: str
    status: str
    amount_received: int = Field(ge=0)
    currency: str
    latest_charge: Charge | str | None = None
    last_payment_error: PaymentError | None = None
    metadata: Ours = Field(default_factory=dict)


class Page(Shape):
    """A Checkout Session: what was asked for."""

    id: str
    url: str | None
    status: str
    payment_status: str
    amount_total: int | None
    currency: str | None
    payment_intent: Intent | str | None
    metadata: Ours = Field(default_factory=dict)
    client_reference_id: str | None = None


class Returned(Shape):
    """A Refund."""

    id: str
    status: str
    failure_reason: str | None = None
    metadata: Ours = Field(default_factory=dict)


class Source(Shape):
    """The charge or refund that a line of the statement stands for."""

    id: str
    payment_intent: str | None = None
    metadata: Ours = Field(default_factory=dict)


class Line(Shape):
    """A balance transaction."""

    id: str
    type: str
    amount: int
    fee: int
    currency: str
    created: int
    source: Source | str | None


class Sum(Shape):
    amount: int
    currency: str


class Balance(Shape):
    available: tuple[Sum, ...]
    pending: tuple[Sum, ...]


class Listed(Shape):
    data: tuple[dict[str, Any], ...]
    has_more: bool


def read(shape: type[S], value: object) -> S:
    """What Stripe told in this shape. Raises Unanswered for what cannot have come from it."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors()[:3])
        raise Unanswered(f"the gateway tells no {shape.__name__}: {places}") from None


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def our_id(ours: Ours, name: str) -> UUID | None:
    """An id of ours as the metadata has it; None where there is none."""
    try:
        return UUID(ours[name])
    except (KeyError, ValueError):
        return None
