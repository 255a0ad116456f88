"""Procedures over HTTP for those who keep the catalogue: versions imported, consulted on, opened, closed; what ends soon."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel

from chassis.clock import VIETNAM, Clock
from chassis.decider import Message
from chassis.errors import Refusal
from chassis.http import CallerOf, CodeOf, WorkOf, allowed
from chassis.work import Work
from services.intake import store
from services.intake.domain import files, soundness
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.ending import EndingBasis, ending_bases
from services.intake.domain.files import Mistake
from services.intake.domain.procedure import Procedure
from services.intake.domain.publication import Close, Consult, Import, Open
from services.intake.domain.versions import Publication, Stage
from services.intake.open_catalogue import OpenCatalogue


class VersionAt(BaseModel):
    """Where a version stands after a command."""

    code: str
    version: int
    state: Stage
    effective_from: date
    effective_to: date | None


class StandingView(BaseModel):
    """A version that names an ending legal basis, and how many dossiers are under way under it."""

    procedure: str
    version: int
    name: str
    dossiers: int


class EndingView(BaseModel):
    """A legal basis that ends soon; `days_left` is below nought when it has ended."""

    name: str
    ends_on: date
    days_left: int
    procedures: list[StandingView]
    dossiers: int


Number = Annotated[int, Path(ge=1, le=10**6)]


def routes_of(opened: OpenCatalogue, clock: Clock) -> APIRouter:
    """For operators; what ends soon also for officers, who see the dossiers of their agency counted."""
    routes = APIRouter(tags=["procedures"])

    @routes.post("/procedures/import", response_model=VersionAt)
    async def imported(
        body: Annotated[dict[str, Any], Body(description="Như tệp dữ liệu / like a data file")],
        caller: CallerOf,
        work: WorkOf,
    ) -> VersionAt:
        """A version as a draft. The same content again changes nothing; a version that was ever open is not changed."""
        allowed(caller, "operator")
        procedure = _sound(body, await opened.current(work.pool))
        return await _sent(work, opened, procedure.code, procedure.version, Import(procedure=procedure))

    @routes.post("/procedures/{code}/versions/{number}/consult", response_model=VersionAt)
    async def consult(code: CodeOf, number: Number, caller: CallerOf, work: WorkOf) -> VersionAt:
        """Lấy ý kiến: the public sees the draft."""
        allowed(caller, "operator")
        return await _sent(work, opened, code, number, Consult(number=number))

    @routes.post("/procedures/{code}/versions/{number}/open", response_model=VersionAt)
    async def open_(code: CodeOf, number: Number, caller: CallerOf, work: WorkOf) -> VersionAt:
        """Mở tiếp nhận: from its effective date on; the version before it ends the day before."""
        allowed(caller, "operator")
        return await _sent(work, opened, code, number, Open(number=number))

    @routes.post("/procedures/{code}/versions/{number}/close", response_model=VersionAt)
    async def close(code: CodeOf, number: Number, caller: CallerOf, work: WorkOf) -> VersionAt:
        """Đóng: no new dossiers; those under way go on under it."""
        allowed(caller, "operator")
        return await _sent(work, opened, code, number, Close(number=number))

    @routes.get("/desk/legal-bases")
    async def legal_bases(caller: CallerOf, work: WorkOf) -> list[EndingView]:
        """Laws and circulars that end within 60 days, or have ended, and what stands on them; the first to end first."""
        allowed(caller, "officer", "operator")
        today = clock().astimezone(VIETNAM).date()
        ending = ending_bases(await opened.current(work.pool), today)
        codes = sorted({code for basis in ending for code, _, _ in basis.versions})
        agency = (caller.agency or "") if caller.role == "officer" else None
        counts = await store.procedures.under_way(work.pool, codes, agency) if codes else {}
        return [_ending_view(basis, counts, today) for basis in ending]

    return routes


def _sound(body: dict[str, Any], catalogue: Catalogue) -> Procedure:
    """The procedure that a data file says. Raises Refusal 422 with all that is wrong."""
    procedure, wrong = files.parsed("", body, Procedure)
    agencies = {agency.code for agency in catalogue.agencies.values()}
    if procedure is not None:
        wrong += [
            Mistake("", "agencies", f"no such agency: {each}") for each in procedure.agencies if each not in agencies
        ]
        takers = [each for each in catalogue.takers(procedure) if each in agencies]
        wrong += soundness.uncertain("", procedure)
        wrong += soundness.mistakes("", procedure, takers, agencies, catalogue.applicant)
    if procedure is None or wrong:
        raise Refusal(
            "procedure_invalid",
            f"Nội dung thủ tục có {len(wrong)} chỗ chưa đúng; xem từng mục.",
            f"The procedure has {len(wrong)} mistakes; see each.",
            422,
            tuple(
                {"path": each.path, "code": "invalid", "vi": f"Chưa đúng: {each.text}", "en": each.text}
                for each in wrong
            ),
        )
    return procedure


async def _sent(work: Work, opened: OpenCatalogue, code: str, number: int, message: Message) -> VersionAt:
    publication: Publication = await work.send(store.procedures.aggregate, code, message)
    opened.look_again()
    version = publication.numbered(number)
    assert version is not None
    return VersionAt(
        code=code,
        version=number,
        state=version.stage,
        effective_from=version.body.effective_from,
        effective_to=publication.procedure(version).effective_to,
    )


def _ending_view(basis: EndingBasis, counts: dict[tuple[str, int], int], today: date) -> EndingView:
    standing = [
        StandingView(procedure=code, version=version, name=name, dossiers=counts.get((code, version), 0))
        for code, version, name in basis.versions
    ]
    return EndingView(
        name=basis.name,
        ends_on=basis.ends_on,
        days_left=(basis.ends_on - today).days,
        procedures=standing,
        dossiers=sum(each.dossiers for each in standing),
    )
