"""Whoever keeps the catalogue of a running intake: a new version of the licence's exchange, and a clock to put forward."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
from opentelemetry.trace import NoOpTracer

from chassis.clock import VIETNAM
from chassis.fold import Voice
from chassis.metrics import Metrics
from chassis.timers import Timers
from contracts import procedures
from services.intake.domain import files
from tests.integration.intake_desk import OPERATOR, Desk

NOW = datetime(2026, 6, 9, 3, tzinfo=UTC)
TODAY = date(2026, 6, 9)
LICENCE = "1.002809"
SHIPPED = files.read().procedures
BODY = next(each for each in SHIPPED if (each.code, each.version) == (LICENCE, 2)).model_dump(mode="json")
ENDS = TODAY + timedelta(100)
BASIS = {"name": "Thông tư 99/2026/TT-BCA", "valid_to": ENDS.isoformat()}


class Wristwatch:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def next_licence(**changes: Any) -> dict[str, Any]:
    """The licence's next version, that begins in a month."""
    return BODY | {"version": 3, "effective_from": (TODAY + timedelta(30)).isoformat()} | changes


async def told(desk: Desk, code: str = LICENCE) -> list[procedures.Published]:
    rows = [
        row for row in await desk.outbox() if row["aggregatetype"] == procedures.TOPIC and row["aggregateid"] == code
    ]
    return [procedures.Published.model_validate_json(row["payload"]) for row in rows]


async def opens(desk: Desk, body: dict[str, Any]) -> httpx.Response:
    number = body["version"]
    answer = await desk.post("/procedures/import", OPERATOR, body)
    assert (answer.status_code, answer.json().get("state")) == (200, "draft"), answer.text
    for move in ("consult", "open"):
        answer = await desk.post(f"/procedures/{body['code']}/versions/{number}/{move}", OPERATOR)
    return answer


async def midnight_comes(desk: Desk, clock: Wristwatch, day: date) -> int:
    clock.now = datetime.combine(day, time(), VIETNAM)
    voice = Voice("/motcua/intake", NoOpTracer(), clock, desk.service.sealed)
    return await Timers(desk.service.decides, desk.pool, voice, Metrics()).work_off()
