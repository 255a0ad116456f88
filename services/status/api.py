"""status over HTTP: everybody sees the dossiers that are theirs to see."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from chassis.access import Caller
from chassis.errors import NotFound
from chassis.http import CallerOf, CodeOf, WorkOf
from chassis.pages import cursor_of, position_of
from contracts.dossiers import Status
from services.status import store
from services.status.domain.view import View
from services.status.shown import DossierPage, DossierSummary, DossierView
from services.status.store import Wanted

routes = APIRouter(tags=["status"])


@routes.get("/dossiers/{code}", response_model=DossierView, responses={304: {"description": "Unchanged"}})
async def shown(
    code: CodeOf,
    caller: CallerOf,
    work: WorkOf,
    response: Response,
    if_none_match: Annotated[str | None, Header(description="The ETag of what was seen; 304 when unchanged")] = None,
) -> DossierView | Response:
    """One dossier with its four facts and its timeline; 404 for whoever may not see it."""
    view = await store.find(work.pool, code)
    if view is None or not may_see(caller, view):
        raise NotFound("Không tìm thấy hồ sơ này.", "There is no such dossier.")
    headers = {"ETag": f'"{view.version}"', "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    seen = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    if headers["ETag"] in seen:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return DossierView.of_view(view)


@routes.get("/dossiers")
async def listed(
    caller: CallerOf,
    work: WorkOf,
    status: Annotated[Status | None, Query(description="Mã trạng thái quốc gia 1–10")] = None,
    agency: Annotated[str | None, Query(max_length=64, pattern=r"^[\w.-]+$")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> DossierPage:
    """One's own dossiers, an agency's for its officers and systems, all for operators; the newest first."""
    wanted = within(caller, status, agency)
    after = position_of(cursor)
    if wanted is None:
        return DossierPage(items=[])
    rows = await store.page(work.pool, wanted, after, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return DossierPage(
        items=[DossierSummary.of(row) for row in rows[:limit]],
        cursor=cursor_of(last["opened_at"], last["dossier_code"]) if last else None,
    )


def may_see(caller: Caller, view: View) -> bool:
    """Citizens see their own dossiers, an agency's officers and systems those it received or has, operators all.

    While a dossier's own first event has not come, nobody knows whose it is.
    """
    if caller.role == "operator":
        return True
    if caller.role == "citizen":
        return caller.person_id is not None and caller.person_id == view.person_id
    return caller.agency is not None and caller.agency in (view.agency, view.handler)


def within(caller: Caller, status: int | None, agency: str | None) -> Wanted | None:
    """What a caller's list holds; None for a caller who can have none."""
    if caller.role == "operator":
        return Wanted(agency=agency, status=status)
    if caller.role == "citizen":
        return Wanted(person_id=caller.person_id, agency=agency, status=status) if caller.person_id else None
    return Wanted(of_agency=caller.agency, agency=agency, status=status) if caller.agency else None
