"""Operators over HTTP: who looked at what and did what. What stands in the forms they do not see."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.clock import Clock
from chassis.errors import Refusal
from chassis.http import CallerOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from services.intake import store
from services.intake.api.common import Moment, Text
from services.intake.api.desk import asked_of
from services.intake.store.audit import Period

Filter = Annotated[Text | None, Query(min_length=1, max_length=200)]


class Trace(BaseModel):
    """A look (`what` was looked at, what was `asked` for) or a move (`what` was done), and by whom."""

    at: datetime
    kind: str
    what: str
    by: str | None
    role: str
    agency: str | None
    code: str | None
    asked: dict[str, Any] | None


class AuditPage(BaseModel):
    """A page of the audit, the latest first; ask for the next one with `cursor` and everything else as it was."""

    items: list[Trace]
    cursor: str | None = None


def routes_of(clock: Clock) -> APIRouter:
    """The audit of all agencies."""
    routes = APIRouter(tags=["audit"], prefix="/desk")

    @routes.get("/audit", response_model=AuditPage)
    async def audit(
        caller: CallerOf,
        work: WorkOf,
        since: Moment,
        until: Moment | None = None,
        agency: Filter = None,
        officer: Filter = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> AuditPage:
        """Looks and moves of officers and agencies' systems from `since` until before `until`, of all or of one."""
        allowed(caller, "operator")
        period = Period(since, until or clock() + timedelta(minutes=1), agency, officer)
        after = _behind(cursor)
        told = asked_of(since=since, until=until, agency=agency, officer=officer, cursor=cursor)
        await store.audit.looked(work.pool, caller, "audit", None, told)
        found = await store.audit.page(work.pool, period, after, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return AuditPage(
            items=[_trace(row) for row in found[:limit]],
            cursor=cursor_of(last["at"], f"{last['kind']} {last['number']}") if last else None,
        )

    return routes


def _trace(row: Any) -> Trace:
    """A line for operators: that somebody searched they see, the name or number that was searched for they do not."""
    told = Trace.model_validate(row)
    if told.asked is not None and "q" in told.asked:
        told.asked = {**told.asked, "q": "…"}
    return told


def _behind(cursor: str | None) -> tuple[datetime, str, int] | None:
    position = position_of(cursor)
    if position is None:
        return None
    kind, _, number = position[1].partition(" ")
    if kind not in ("look", "move") or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of ours.", 400)
    return position[0], kind, int(number)
