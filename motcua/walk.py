"""What a walk with a dossier has brought so far, and what each of its steps goes by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from deploy.local.layout import Layout
from motcua import trace
from motcua.actors import Actor
from motcua.patient import JourneyError, Patient

FEE = 135_000
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
SERVICES = {"intake", "payments", "notifications", "status"}

Say = Callable[[str], None]


def dong(amount: int) -> str:
    """An amount as people in Vietnam write it."""
    return f"{amount:,} ₫".replace(",", ".")


def local(moment: str) -> str:
    """A moment of the API as people in Vietnam read it."""
    return f"{datetime.fromisoformat(moment).astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def must(true: object, vi: str, en: str) -> None:
    """Raises JourneyError when something is not as it must be."""
    if not true:
        raise JourneyError(f"{vi} · {en}")


@dataclass
class Journey:
    """What a walk has brought so far."""

    layout: Layout
    http: Patient
    say: Say
    code: str = ""
    form_errors: list[dict[str, str]] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    view: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calendar: str = ""
    papers: list[dict[str, Any]] = field(default_factory=list)
    spans: Sequence[trace.Span] = ()

    def actor(self, username: str) -> Actor:
        return Actor(self.layout, self.http, username)


def until_status(journey: Journey, citizen: Actor, status: int) -> dict[str, Any]:
    def there() -> dict[str, Any] | None:
        view: dict[str, Any] | None = citizen.find("status", f"/dossiers/{journey.code}")
        return view if view and view["status"] == status else None

    return journey.http.until(f"trạng thái {status} · status {status}", there)


def until_told(journey: Journey, citizen: Actor, event: str) -> None:
    """The timeline tells of this event."""

    def there() -> bool | None:
        view = citizen.find("status", f"/dossiers/{journey.code}")
        return True if view and any(line["type"] == event for line in view["timeline"]) else None

    journey.http.until(event, there)
