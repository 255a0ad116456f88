"""Webhooks as operators see them: those that wait and why, what became of the others, and working one off again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.errors import NotFound
from chassis.http import CallerOf, PerhapsOnceOf, WorkOf, allowed
from services.payments import store

Name = Annotated[str, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


class RingView(BaseModel):
    """A webhook, without its body: that may name a payer. `last_error` is why it waits."""

    gateway: str
    event_id: str
    kind: str
    heard_at: datetime
    due_at: datetime
    done_at: datetime | None
    outcome: str | None
    tries: int
    last_error: str | None


def of_operators() -> APIRouter:
    """What whoever answers for the money looks at."""
    routes = APIRouter(tags=["webhooks"])

    @routes.get("/rings", response_model=list[RingView])
    async def listed(
        caller: CallerOf,
        work: WorkOf,
        state: Literal["waiting", "done"] = "waiting",
        gateway: Name | None = None,
        outcome: Literal["done", "nothing", "unknown_bill", "not_taken", "raised"] | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[RingView]:
        """Webhooks that wait, or are done, the newest first."""
        allowed(caller, "operator")
        rows = await store.rings.listed(work.pool, state == "waiting", gateway, outcome, limit)
        return [RingView.model_validate(dict(row)) for row in rows]

    @routes.post("/rings/replay", status_code=202)
    async def replay(
        gateway: Name, event_id: Name, caller: CallerOf, once: PerhapsOnceOf, work: WorkOf
    ) -> dict[str, bool]:
        """Work a webhook off once more; what it told before is not done twice: no Idempotency-Key is needed."""
        allowed(caller, "operator")

        async def again() -> dict[str, bool]:
            if not await store.rings.again(work.pool, gateway, event_id):
                raise NotFound("Không có thông báo này.", "There is no such webhook.")
            return {"replayed": True}

        replayed: dict[str, bool] = await work.remembered(once, again)
        return replayed

    return routes
