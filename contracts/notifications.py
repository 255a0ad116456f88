"""notifications.v1: which notices reached the citizen. Owned by notifications, keyed by dossier code.

The text itself is not told: it may name a person.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Data, events

TOPIC = "notifications.v1"

Channel = Literal["sms", "email"]


class Sent(Data):
    """The carrier or mail server took the notice."""

    notice_id: UUID
    channel: Channel
    template: str = Field(examples=["appointment-booked"])
    parts: int = Field(ge=1, description="SMS parts that are paid for; 1 for e-mail")


class Delivered(Data):
    """The carrier confirmed delivery to the handset."""

    notice_id: UUID
    channel: Channel
    template: str


class Failed(Data):
    """The notice will not reach the citizen on this channel."""

    notice_id: UUID
    channel: Channel
    template: str
    reason: str


EVENTS = events(TOPIC, "vn.motcua.notification", {"sent": Sent, "delivered": Delivered, "failed": Failed})
