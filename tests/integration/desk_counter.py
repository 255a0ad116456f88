"""What officers send from their desk: batches of dossiers, and what citizens hand in at the counter."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.integration.intake_desk import OFFICER, Desk

COLLEAGUE, ABOVE = "son.banglai", "hanh.tinh"


async def sent(desk: Desk, what: str, body: Any, who: str = OFFICER) -> dict[str, Any]:
    answer = await desk.post(f"/desk/{what}", who, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def outcomes(told: dict[str, Any]) -> list[Any]:
    return [item["status"] if item["ok"] else item["problem"]["code"] for item in told["items"]]


async def files(desk: Desk, form: Any, who: str = OFFICER, key: str | None = None) -> Any:
    return await desk.post("/desk/dossiers", who, form, **{"Idempotency-Key": key or str(uuid4())})
