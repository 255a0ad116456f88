"""Many dossiers at once over HTTP: accepted, assigned, completed; one answer for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.access import Caller
from chassis.answering import Beside
from chassis.decider import Message
from chassis.errors import Refusal
from chassis.http import CallerOf, WorkOf
from chassis.postgres import Connection
from chassis.work import Work
from services.intake import store
from services.intake.api.common import Text
from services.intake.api.desk import agency_of
from services.intake.api.results import results_of
from services.intake.domain import commands
from services.intake.domain.agency import canonical
from services.intake.domain.dossier import Attached, Dossier
from services.intake.domain.moves import NAMES
from services.intake.open_catalogue import OpenCatalogue

MOST = 200
Code = Annotated[Text, Field(min_length=1, max_length=100)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Seen(Body):
    """A dossier, and the version of it that was looked at: refused when somebody has changed it since."""

    code: Code
    version: Annotated[int | None, Field(ge=1)] = None


class Done(Seen):
    """A dossier with its result, whose document was uploaded before."""

    result_number: Annotated[Text, Field(min_length=1, max_length=100, examples=["010190012345"])]
    document_id: UUID


class Accepting(Body):
    """Dossiers to be accepted."""

    items: Annotated[list[Seen], Field(min_length=1, max_length=MOST)]


class Completing(Body):
    """Dossiers to be completed."""

    items: Annotated[list[Done], Field(min_length=1, max_length=MOST)]


class Assigning(Body):
    """Dossiers, and the officer who has them from now on."""

    codes: Annotated[list[Code], Field(min_length=1, max_length=MOST)]
    officer: Annotated[Text, Field(min_length=1, max_length=200)]


class ItemProblem(BaseModel):
    """Why one dossier was left as it was; `status` is what it would be alone over HTTP."""

    status: int
    code: str
    vi: str
    en: str


class ItemResult(BaseModel):
    """What became of one dossier: its status now, or the problem. `code` is as it was asked for."""

    code: str
    ok: bool
    status: int | None = None
    status_name: str | None = None
    version: int | None = None
    problem: ItemProblem | None = None


class Results(BaseModel):
    """What became of each, in the order in which they were asked for."""

    done: int
    items: list[ItemResult]


def routes_of(opened: OpenCatalogue) -> APIRouter:
    """What officers decide of many dossiers at once: 200 whatever became of each, all of it in one transaction.

    No Idempotency-Key is needed: what was done is refused the second time, and changes nothing.
    """
    routes = APIRouter(tags=["desk"], prefix="/desk")

    @routes.post("/accept", response_model=Results)
    async def accept(body: Accepting, caller: CallerOf, work: WorkOf) -> Results:
        """Tiếp nhận nhiều hồ sơ: each that can be; sent again, those that were accepted are refused as not legal now."""
        by = _by(caller)
        told = [(item.code, commands.Accept(**by, seen_version=item.version)) for item in body.items]
        return await _sent(work, told)

    @routes.post("/assign", response_model=Results)
    async def assign(body: Assigning, caller: CallerOf, work: WorkOf) -> Results:
        """Giao nhiều hồ sơ cho một cán bộ; whose it is already stays so."""
        by = _by(caller)
        return await _sent(work, [(code, commands.Assign(**by, to=body.officer)) for code in body.codes])

    @routes.post("/complete", response_model=Results)
    async def complete(body: Completing, caller: CallerOf, work: WorkOf) -> Results:
        """Xử lý xong nhiều hồ sơ, each with its number and its own document; sent again, they are refused as not legal now."""
        by = _by(caller)
        _must_differ(str(item.document_id) for item in body.items)
        while True:
            found = await results_of(by["agency"], [item.document_id for item in body.items], work)
            told = [(item.code, _completing(item, found[item.document_id], by)) for item in body.items]
            try:
                return await _sent(work, told, _keep_results)
            except Refusal as refusal:
                # Somebody else was first with one of the documents: the others are completed without it.
                if refusal.code not in ("document_used", "document_gone"):
                    raise

    async def _sent(work: Work, told: Sequence[tuple[str, Message | Refusal]], beside: Beside | None = None) -> Results:
        agencies = (await opened.current(work.pool)).agencies
        codes = [canonical(code, agencies) for code, _ in told]
        _must_differ(codes)
        sent = [(code, each) for code, (_, each) in zip(codes, told, strict=True) if isinstance(each, Message)]
        answers = dict(
            zip([code for code, _ in sent], await work.send_many(store.dossiers.aggregate, sent, beside), strict=True)
        )
        items = [_result(asked, answers.get(code, each)) for code, (asked, each) in zip(codes, told, strict=True)]
        return Results(done=sum(item.ok for item in items), items=items)

    return routes


async def _keep_results(connection: Connection, answers: Sequence[Any]) -> None:
    """The documents of those that were completed are kept for good."""
    kept = [answer.result_document for answer in answers if isinstance(answer, Dossier) and answer.result_document]
    await store.documents.take(connection, [document.document_id for document in kept])


def _by(caller: Caller) -> dict[str, Any]:
    agency = agency_of(caller)
    return {"officer": caller.name or caller.subject, "agency": agency, "department": caller.department}


def _result(code: str, answer: Any) -> ItemResult:
    if isinstance(answer, Refusal):
        problem = ItemProblem(status=answer.status, code=answer.code, vi=answer.vi, en=answer.en)
        return ItemResult(code=code, ok=False, problem=problem)
    return ItemResult(
        code=code, ok=True, status=answer.status, status_name=NAMES[answer.status], version=answer.version
    )


def _completing(item: Done, document: Attached | Refusal, by: dict[str, Any]) -> Message | Refusal:
    if isinstance(document, Refusal):
        return document
    return commands.Complete(**by, seen_version=item.version, result_number=item.result_number, document=document)


def _must_differ(named: Iterable[str]) -> None:
    """Raises Refusal 422 that names what stands there twice."""
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        shown = ", ".join(twice[:10])
        raise Refusal(
            "duplicates",
            f"Có mục bị lặp lại: {shown}. Mỗi hồ sơ, mỗi văn bản kết quả chỉ nêu một lần; chưa hồ sơ nào được xử lý.",
            f"Named more than once: {shown}. Name each dossier and each result document once; nothing was done.",
            422,
        )
