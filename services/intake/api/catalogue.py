"""The public catalogue over HTTP: procedures, their forms and versions, and the guide to the right one."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.clock import VIETNAM, Clock
from chassis.errors import NotFound
from chassis.http import CodeOf, WorkOf
from contracts.dossiers import Appointment
from contracts.procedures import Published
from services.intake import store
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.fact import Certainty, Level
from services.intake.domain.guide import Guide, Leaf
from services.intake.domain.procedure import Procedure, ProcessStep
from services.intake.domain.published import published
from services.intake.domain.search import plain
from services.intake.domain.versions import Stage
from services.intake.open_catalogue import OpenCatalogue


class AgencyNamed(BaseModel):
    """An agency that takes a procedure."""

    code: str
    name: str
    level: Level


class ProcedureView(BaseModel):
    """A procedure as it is in the whole country, or at the agency that was asked about."""

    published: Published
    takers: list[AgencyNamed]
    appointment: Appointment | None
    delivery: tuple[str, ...]
    payment_days: int
    supplement_days: int
    process: tuple[ProcessStep, ...]
    certainty: dict[str, Certainty] = Field(description="V: đã đọc ở nguồn công bố; 2: nguồn thứ cấp; M: cần xác nhận")


class VersionView(BaseModel):
    """How far a version has come."""

    version: int
    state: Stage
    name: str
    effective_from: date
    effective_to: date | None


class AnswerView(BaseModel):
    """One possible answer."""

    key: str
    vi: str
    en: str


class QuestionView(BaseModel):
    """The next question."""

    key: str
    vi: str
    en: str
    answers: list[AnswerView]


class FoundView(BaseModel):
    """Where the answers have led; `open` tells whether it takes dossiers today."""

    procedure: str
    name: str
    case: str | None
    case_name: str | None
    open: bool


class GuideView(BaseModel):
    """Either a question, or the procedure that was found."""

    answers: list[str]
    question: QuestionView | None = None
    found: FoundView | None = None


class Answers(BaseModel):
    """The keys of the answers so far, from the first question on."""

    model_config = ConfigDict(extra="forbid")

    answers: list[str] = Field(default=[], max_length=20, examples=[["birth", "child"]])


def routes_of(opened: OpenCatalogue, clock: Clock) -> APIRouter:
    """The public catalogue, for anybody."""
    routes = APIRouter(tags=["procedures"])

    def today() -> date:
        return clock().astimezone(VIETNAM).date()

    @routes.get("/procedures")
    async def listed(
        work: WorkOf,
        q: Annotated[str, Query(max_length=100, description="Tìm trong mã và tên, không cần dấu")] = "",
        domain: Annotated[str | None, Query(max_length=100, description="Lĩnh vực")] = None,
        level: Annotated[Level | None, Query(description="Cấp thực hiện")] = None,
    ) -> list[Published]:
        """All procedures that take dossiers today, or will; each as it is in the whole country."""
        catalogue, words = await opened.current(work.pool), plain(q).split()
        return [
            published(procedure, today())
            for procedure in _shown(catalogue, today())
            if (domain is None or plain(domain) == plain(procedure.domain))
            and (level is None or level in procedure.levels)
            and all(word in plain(f"{procedure.code} {procedure.name}") for word in words)
        ]

    @routes.get("/procedures/{code}", response_model=ProcedureView)
    async def shown(
        code: CodeOf, work: WorkOf, agency: Annotated[str | None, Query(description="Mã cơ quan")] = None
    ) -> ProcedureView:
        """A procedure, in the whole country or with the rules of an agency's province."""
        catalogue = await opened.current(work.pool)
        procedure = _found(catalogue, code, agency, today())
        takers = [catalogue.agencies[each] for each in catalogue.takers(procedure)]
        return ProcedureView(
            published=published(procedure, today()),
            takers=[AgencyNamed(code=each.code, name=each.name, level=each.level) for each in takers],
            appointment=procedure.appointment,
            delivery=procedure.delivery,
            payment_days=procedure.payment_days,
            supplement_days=procedure.supplement_days,
            process=procedure.process,
            certainty=procedure.certainty,
        )

    @routes.get("/procedures/{code}/form")
    async def form(
        code: CodeOf, work: WorkOf, agency: Annotated[str | None, Query(description="Mã cơ quan")] = None
    ) -> dict[str, Any]:
        """The form of a procedure as a JSON Schema (draft 2020-12)."""
        catalogue = await opened.current(work.pool)
        return catalogue.form(_found(catalogue, code, agency, today()))

    @routes.get("/procedures/{code}/versions")
    async def versions(code: CodeOf, work: WorkOf) -> list[VersionView]:
        """All versions that the public may know of, newest first: those under consultation, and all that were open."""
        publication = await store.procedures.find(work.pool, code)
        if publication is None:
            raise NotFound(f"Không có thủ tục {code} trong danh mục.", f"There is no procedure {code}.")
        return [
            VersionView(
                version=each.body.version,
                state=each.stage,
                name=each.body.name,
                effective_from=each.body.effective_from,
                effective_to=publication.procedure(each).effective_to,
            )
            for each in reversed(publication.versions)
            if each.stage != "draft"
        ]

    @routes.get("/procedures/{code}/versions/{number}", response_model=Procedure)
    async def version(code: CodeOf, number: Annotated[int, Path(ge=1, le=10**6)], work: WorkOf) -> Procedure:
        """A version as its data file says; a draft only its makers know of."""
        publication = await store.procedures.find(work.pool, code)
        found = publication.numbered(number) if publication is not None else None
        if found is None or found.stage == "draft":
            raise NotFound(
                f"Không có phiên bản {number} của thủ tục {code}.", f"There is no version {number} of {code}."
            )
        return found.body

    @routes.get("/guide", response_model=GuideView)
    async def begun(work: WorkOf) -> GuideView:
        """The first question of the guide to the right procedure."""
        return _guided(opened.guide, await opened.current(work.pool), [], today())

    @routes.post("/guide", response_model=GuideView)
    async def guided(body: Answers, work: WorkOf) -> GuideView:
        """The next question after these answers, or the procedure and case that they lead to."""
        return _guided(opened.guide, await opened.current(work.pool), body.answers, today())

    return routes


def _shown(catalogue: Catalogue, today: date) -> list[Procedure]:
    """Of each procedure the version of today, or else the newest one that still has to begin."""
    found = (catalogue.on(code, today) or procedure for code, procedure in catalogue.procedures.items())
    return [each for each in found if each.effective_to is None or each.effective_to >= today]


def _found(catalogue: Catalogue, code: str, agency: str | None, today: date) -> Procedure:
    if agency is not None:
        return catalogue.in_force(code, agency, today)
    return catalogue.on(code, today) or catalogue.procedure(code)


def _guided(guide: Guide, catalogue: Catalogue, answers: list[str], today: date) -> GuideView:
    at = guide.walk(answers)
    if isinstance(at, Leaf):
        return GuideView(answers=answers, found=_of_leaf(at, catalogue, today))
    key, question = at
    possible = [AnswerView(key=each.key, vi=each.vi, en=each.en) for each in question.answers]
    return GuideView(answers=answers, question=QuestionView(key=key, vi=question.vi, en=question.en, answers=possible))


def _of_leaf(leaf: Leaf, catalogue: Catalogue, today: date) -> FoundView:
    in_force = catalogue.on(leaf.procedure, today)
    procedure = in_force or catalogue.procedure(leaf.procedure)
    names = {case.key: case.name for case in procedure.cases}
    return FoundView(
        procedure=leaf.procedure,
        name=procedure.name,
        case=leaf.case,
        case_name=names.get(leaf.case) if leaf.case else None,
        open=in_force is not None,
    )
