"""The counter over HTTP: a dossier that an officer files for a citizen, and the register of what came in."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from chassis.access import Caller
from chassis.clock import VIETNAM, Clock
from chassis.errors import Refusal
from chassis.http import CallerOf, CodeOf, OnceOf, WorkOf
from chassis.work import Work
from services.intake import papers, store
from services.intake.api.changes import changed, keeping, to_person
from services.intake.api.citizens import Supplied, Wish, submitted
from services.intake.api.common import Day, IfMatch, nothing, shown_to, version_of
from services.intake.api.desk import agency_of, asked_of
from services.intake.counter import at_counter
from services.intake.domain.agency import Agency
from services.intake.domain.commands import AskWithdrawal, AtCounter, Supplement
from services.intake.domain.dossier import Dossier
from services.intake.domain.moves import filed_at_counter
from services.intake.filing import Filing
from services.intake.registering import register_of
from services.intake.views import DossierView, Submission

MOST_ROWS = 500  # drawn in some seconds of one processor, while others are served


def routes_of(filing: Filing, clock: Clock) -> APIRouter:
    """What is done at an agency's counter."""
    routes = APIRouter(tags=["desk"], prefix="/desk")
    drawing = asyncio.Lock()  # a long register takes seconds of a processor

    @routes.post("/dossiers", status_code=201, response_model=Submission)
    async def file(
        form: Annotated[dict[str, Any], Body(description="Như POST /dossiers; tài liệu do cơ quan tải lên")],
        caller: CallerOf,
        once: OnceOf,
        work: WorkOf,
        response: Response,
    ) -> Any:
        """Nộp hộ tại quầy: the form of a citizen who stands there, for the officer's own agency, with fees as at the desk.

        It is the dossier of the person whom a counter knows by this citizen id and name, else of a new one; no account
        is shown it.
        """
        agency = agency_of(caller)
        prepare = await at_counter(filing, form, caller.name or caller.subject, agency, work.pool)
        submission = await work.send_once(once, prepare, lambda states: submitted(states[-1]))
        response.headers["Location"] = f"/dossiers/{submission['code']}"
        return submission

    @routes.post("/dossiers/{code}/supplement", response_model=DossierView)
    async def supplement(
        code: CodeOf, body: Supplied, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Bổ sung tại quầy: for who filed at this counter, with documents that the agency uploaded."""
        counter = _at_counter(caller)
        dossier = await _received(caller, code, work)
        form, documents, paths = await changed(dossier, body.fields, body.documents, counter.agency, filing, work)
        command = Supplement(
            person_id=dossier.person_id,
            seen_version=version_of(if_match),
            at_counter=counter,
            form=form,
            changed=paths,
            documents=documents,
        )
        sent = await work.send(
            store.dossiers.aggregate,
            code,
            command,
            beside=keeping(documents, counter.agency),
            also=to_person(dossier, form),
        )
        return DossierView.of(sent)

    @routes.post("/dossiers/{code}/withdraw", response_model=DossierView)
    async def withdraw(
        code: CodeOf, body: Wish, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Yêu cầu rút hồ sơ tại quầy: of who filed at this counter."""
        counter = _at_counter(caller)
        dossier = await _received(caller, code, work)
        command = AskWithdrawal(
            person_id=dossier.person_id, seen_version=version_of(if_match), at_counter=counter, reason=body.reason
        )
        return DossierView.of(await work.send(store.dossiers.aggregate, code, command))

    @routes.get("/register.pdf", response_class=Response)
    async def register(
        caller: CallerOf,
        work: WorkOf,
        since: Annotated[Day, Query(alias="from", description="Từ ngày")],
        until: Annotated[Day, Query(alias="to", description="Đến hết ngày")],
    ) -> Response:
        """07, sổ theo dõi hồ sơ: what the agency received in these days, at most 2,000 dossiers."""
        agency = agency_of(caller)
        if until < since:
            raise Refusal(
                "bad_period", "Ngày cuối phải từ ngày đầu trở đi.", "The last day comes before the first.", 422
            )
        await store.audit.looked(work.pool, caller, "register", None, asked_of(since=since, until=until))
        rows = await store.register.received(
            work.pool, agency, _morning(since), _morning(until) + timedelta(days=1), MOST_ROWS + 1
        )
        if len(rows) > MOST_ROWS:
            raise Refusal(
                "too_many_dossiers",
                f"Khoảng thời gian này có hơn {MOST_ROWS} hồ sơ; hãy chọn ít ngày hơn và in thành nhiều sổ.",
                f"There are more than {MOST_ROWS} dossiers in these days; choose fewer days and make several registers.",
                422,
            )
        of: Agency = (await filing.opened.current(work.pool)).agency(agency)
        paper = register_of(of, caller.name or caller.subject, (since, until), rows, clock())
        async with drawing:
            pdf = await asyncio.to_thread(papers.render, paper)
        return Response(pdf, media_type="application/pdf", headers={"Cache-Control": "private, no-store"})

    return routes


def _at_counter(caller: Caller) -> AtCounter:
    return AtCounter(officer=caller.name or caller.subject, agency=agency_of(caller))


async def _received(caller: Caller, code: str, work: Work) -> Dossier:
    """A dossier of the agency's own counter. Raises NotFound for any other, Refusal 409 for one that was filed online."""
    dossier = await shown_to(caller, code, work)
    if caller.agency != dossier.agency:
        raise nothing()
    return filed_at_counter(dossier)


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
