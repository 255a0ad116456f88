"""Reconciliation over HTTP, for operators: have it done, and see what it found."""

from __future__ import annotations

import asyncio
import time
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from chassis.errors import Refusal
from chassis.http import CallerOf, PerhapsOnceOf, WorkOf, allowed
from services.payments import store
from services.payments.api.common import WAIT_SECONDS, Day
from services.payments.reconciling_work import Reconciler

_LOOK_SECONDS = 0.2


class Asked(BaseModel):
    """What to reconcile: one gateway, or "dossiers"; a day in Vietnam. Without these: all, and the last three days."""

    model_config = ConfigDict(extra="forbid")

    gateway: str | None = None
    day: Day | None = None


class RunView(BaseModel):
    """One run. `lines` of the statement so far; `report` once it is done, or `error` why it is not (yet)."""

    run_id: UUID
    gateway: str
    day: date | None
    since: datetime
    until: datetime
    asked_by: str
    asked_at: datetime
    tries: int
    lines: int
    finished_at: datetime | None
    error: str | None
    report: dict[str, Any] | None


def of_operators(reconciler: Reconciler) -> APIRouter:
    """What whoever answers for the money does."""
    routes = APIRouter(tags=["reconciliation"])

    @routes.post("/reconciliations", response_model=list[RunView])
    async def reconcile(
        asked: Asked, caller: CallerOf, once: PerhapsOnceOf, work: WorkOf, response: Response
    ) -> list[RunView]:
        """Reconcile now. 200 with the reports; 202 while it goes on: then look at /reconciliations?run_id=…

        Looking twice finds, heals and raises the same once: a repetition needs no Idempotency-Key.
        """
        operator = allowed(caller, "operator")
        if asked.gateway is not None and asked.gateway not in reconciler.sides:
            known = ", ".join(reconciler.sides)
            raise Refusal("unknown_gateway", f"Chỉ có: {known}.", f"There are only: {known}.", 422)
        names = [asked.gateway] if asked.gateway else reconciler.sides

        async def done() -> list[RunView]:
            runs = reconciler.runs(names, operator.subject, asked.day)
            await store.differences.ask(work.pool, runs)
            ids, deadline = [run.run_id for run in runs], time.monotonic() + WAIT_SECONDS
            while _goes_on(found := await _runs(work, ids)):
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
            return found

        found = [RunView.model_validate(run) for run in await work.remembered(once, done)]
        if _goes_on(found):
            response.status_code, response.headers["Retry-After"] = 202, "2"
        return found

    @routes.get("/reconciliations", response_model=list[RunView])
    async def runs(
        caller: CallerOf, work: WorkOf, run_id: Annotated[list[UUID] | None, Query(max_length=50)] = None
    ) -> list[RunView]:
        """These runs, or the latest fifty."""
        allowed(caller, "operator")
        return await _runs(work, run_id)

    return routes


def _goes_on(runs: list[RunView]) -> bool:
    return any(run.finished_at is None for run in runs)


async def _runs(work: WorkOf, ids: list[UUID] | None) -> list[RunView]:
    return [RunView(**each) for each in await store.differences.runs(work.pool, ids, 50)]
