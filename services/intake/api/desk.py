"""The officers' desk over HTTP: what their agency received or has now, listed, searched and counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from chassis.access import Caller
from chassis.clock import Clock
from chassis.errors import Refusal
from chassis.http import CallerOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from contracts.dossiers import Status
from services.intake import store
from services.intake.api.common import Text
from services.intake.desk_views import DeskItem, DeskPage, Workload
from services.intake.domain import search
from services.intake.domain.lateness import Horizon, Lateness
from services.intake.open_calendars import OpenCalendars
from services.intake.store.desk import OPEN, Asked, Order, Span

_LAST = datetime.max.replace(tzinfo=UTC)  # stands for no deadline in a cursor

Filter = Annotated[Text | None, Query(min_length=1, max_length=200)]


def routes_of(calendars: OpenCalendars, clock: Clock) -> APIRouter:
    """Lists of an agency's dossiers."""
    routes = APIRouter(tags=["desk"], prefix="/desk")

    @routes.get("/dossiers", response_model=DeskPage)
    async def listed(
        caller: CallerOf,
        work: WorkOf,
        status: Annotated[list[Status] | None, Query(description="Mã trạng thái quốc gia, một hoặc nhiều")] = None,
        only_open: Annotated[
            bool, Query(alias="open", description="Chỉ hồ sơ chưa giải quyết xong, khi không nêu trạng thái")
        ] = True,
        department: Filter = None,
        officer: Filter = None,
        mine: bool = False,
        unassigned: bool = False,
        procedure: Filter = None,
        lateness: Annotated[
            Lateness | None, Query(description="late: quá hạn, soon: trong hai ngày làm việc tới")
        ] = None,
        q: Annotated[
            Text | None, Query(max_length=200, description="Mã hồ sơ, họ tên, số định danh, điện thoại")
        ] = None,
        order: Annotated[
            Order | None, Query(description="Theo hạn (mặc định với hồ sơ chưa xong) hay mới nhất")
        ] = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> DeskPage:
        """Dossiers that the officer's agency received or has now; what is open by default, what is due first at first.

        Department and officer are of the agency that has the dossier: with these, only what one's own agency has. A search
        finds all of the words, the last one also unfinished, with and without accents.
        """
        agency = agency_of(caller)
        statuses = tuple(sorted(set(status or (OPEN if only_open or lateness else tuple(Status)))))
        by: Order = order or ("deadline" if set(statuses) <= set(OPEN) else "newest")
        _must_be_open(statuses, by, lateness)
        horizon = Horizon.at(clock(), calendars.of(agency))
        asked = Asked(
            agency=agency,
            statuses=tuple(map(int, statuses)),
            order=by,
            department=department,
            officer=_one_of(officer, caller if mine else None, unassigned),
            unassigned=unassigned,
            procedure=procedure,
            span=Span(*horizon.span(lateness), few=lateness != "on_time") if lateness else None,
            words=_words(q),
            after=_behind(cursor, by),
        )
        told = asked_of(status=statuses, department=department, officer=asked.officer, unassigned=unassigned or None,
                        procedure=procedure, lateness=lateness, q=q, order=by, cursor=cursor)  # fmt: skip
        await store.audit.looked(work.pool, caller, "search" if q else "list", None, told)
        found = await store.desk.page(work.pool, asked, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return DeskPage(
            items=[DeskItem.of(each.row, horizon) for each in found[:limit]],
            cursor=cursor_of(last.at or _LAST, f"{by} {last.row['code']}") if last else None,
        )

    @routes.get("/workload", response_model=Workload)
    async def workload(caller: CallerOf, work: WorkOf) -> Workload:
        """What the agency has to do, by department and officer and status; what others have of it."""
        agency = agency_of(caller)
        horizon = Horizon.at(clock(), calendars.of(agency))
        await store.audit.looked(work.pool, caller, "workload")
        return Workload.of(
            agency,
            horizon.now,
            await store.workload.here(work.pool, agency, *horizon),
            await store.workload.elsewhere(work.pool, agency, *horizon),
            await store.workload.to_return(work.pool, agency),
        )

    return routes


def agency_of(caller: Caller) -> str:
    """The officer's agency. Raises Refusal 403 for others, and for an account without one."""
    allowed(caller, "officer")
    if caller.agency is None:
        raise Refusal("no_agency", "Tài khoản chưa thuộc cơ quan nào.", "The account belongs to no agency.", 403)
    return caller.agency


def asked_of(**asked: Any) -> dict[str, Any]:
    """What somebody asked for, as the audit keeps it."""
    return {name: value for name, value in asked.items() if value is not None}


def _must_be_open(statuses: tuple[int, ...], order: Order, lateness: Lateness | None) -> None:
    if set(statuses) <= set(OPEN) or (order != "deadline" and lateness is None):
        return
    raise Refusal(
        "no_deadline",
        "Hồ sơ đã giải quyết xong không còn hạn: hãy bỏ các trạng thái 3, 8, 9, 10, hoặc xếp theo mới nhất và không lọc theo hạn.",
        "What is done has no deadline: leave out the statuses 3, 8, 9 and 10, or ask for the newest first and any lateness.",
        422,
    )


def _one_of(officer: str | None, mine: Caller | None, unassigned: bool) -> str | None:
    """Whose dossiers are asked for. Raises Refusal 422 where it is several things at once."""
    if (officer is not None) + (mine is not None) + unassigned > 1:
        raise Refusal(
            "one_officer",
            "Chỉ chọn một trong: officer, mine, unassigned.",
            "Choose one of officer, mine and unassigned.",
            422,
        )
    return officer if mine is None else mine.name or mine.subject


def _words(q: str | None) -> str | None:
    if q is None:
        return None
    words = search.query(q)
    if words is None:
        raise Refusal(
            "nothing_to_search",
            "Hãy nhập ít nhất một chữ hoặc một số để tìm.",
            "Type at least one letter or digit to search for.",
            422,
        )
    return words


def _behind(cursor: str | None, order: Order) -> tuple[datetime | None, str] | None:
    """The place that a cursor stands for. Raises Refusal 400 for one of another order."""
    position = position_of(cursor)
    if position is None:
        return None
    moment, (named, _, code) = position[0], position[1].partition(" ")
    if named != order:
        raise Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of this order.", 400)
    return (None if moment == _LAST else moment), code
