"""The folder of a dossier: its files and papers, its journal, its messages, and who looked at it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from chassis.answering import To
from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.http import CallerOf, CodeOf, OnceOf, WorkOf, allowed
from chassis.identifiers import new_id
from chassis.postgres import Connection
from chassis.work import Work
from services.intake import papers, store
from services.intake.adapters.objects import Objects
from services.intake.api.common import Text, shown_to
from services.intake.api.documents import served
from services.intake.domain.commands import FetchResult, PostMessage
from services.intake.domain.dossier import Attached, Dossier
from services.intake.filing import Filing
from services.intake.papers.facts import Paper
from services.intake.paperwork import Paperwork
from services.intake.views import Journal, Post


class File(BaseModel):
    """A file of a dossier: an uploaded document, its result, or a form that is drawn when it is asked for."""

    title: str
    href: str
    media_type: str
    at: datetime | None = None
    form: str | None = Field(default=None, description="Số mẫu 01–06, với giấy tờ do hệ thống lập")
    slot: str | None = None
    version: int | None = None
    replaced: bool = False
    size: int | None = None


class Said(BaseModel):
    """What is said."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text, Field(min_length=1, max_length=4000)]


def routes_of(filing: Filing, objects: Objects, public_url: str, clock: Clock) -> APIRouter:
    """What lies in a dossier's folder."""
    routes = APIRouter(tags=["folder"], prefix="/dossiers/{code}")

    @routes.get("/files", response_model=list[File])
    async def files(code: CodeOf, caller: CallerOf, work: WorkOf) -> list[File]:
        """All files: what was uploaded with every earlier version, the papers 01–06, the result."""
        dossier = await shown_to(caller, code, work, "files")
        found = [_file(dossier, each) for each in dossier.documents]
        lines = await store.dossiers.journal(work.pool, code, caller.role == "citizen")
        papered = (line for line in lines if line["paper"])
        found += [
            _paper(code, each["paper"], f"/dossiers/{code}/papers/{each['number']}", each["at"]) for each in papered
        ]
        found.append(_paper(code, "06", f"/dossiers/{code}/papers/control-slip", None))
        if dossier.result_document is not None:
            found.append(_file(dossier, dossier.result_document))
        return found

    @routes.get("/papers/control-slip", response_class=Response)
    async def control_slip(code: CodeOf, caller: CallerOf, work: WorkOf) -> Response:
        """06, as it is now."""
        paperwork = await _paperwork(await shown_to(caller, code, work, "paper 06"), work)
        return await _drawn(paperwork.control_slip(clock()))

    @routes.get("/papers/{number}", response_class=Response)
    async def paper(code: CodeOf, number: int, caller: CallerOf, work: WorkOf) -> Response:
        """A form that was issued, as PDF."""
        paperwork = await _paperwork(await shown_to(caller, code, work, "paper"), work)
        line = next((line for line in paperwork.journal if line["number"] == number), None)
        if line is None:
            raise NotFound("Không có giấy tờ này.", "There is no such paper.")
        return await _drawn(paperwork.paper(line))

    @routes.get("/documents/{document_id}", response_class=StreamingResponse)
    async def document(code: CodeOf, document_id: UUID, caller: CallerOf, work: WorkOf) -> StreamingResponse:
        """An uploaded document of the dossier, or its result: the citizen who opens an online result has received it."""
        dossier = await shown_to(caller, code, work, f"document {document_id}")
        result = dossier.result_document
        known = {each.document_id for each in dossier.documents}
        if document_id not in known | ({result.document_id} if result else set()):
            raise NotFound("Không tìm thấy tệp này.", "There is no such file.")
        found = await store.documents.find(work.pool, document_id)
        if found is None:
            raise NotFound("Không tìm thấy tệp này.", "There is no such file.")
        answer = await served(found, objects)
        if result is not None and document_id == result.document_id and caller.person_id == dossier.person_id:
            await work.send(store.dossiers.aggregate, code, FetchResult(person_id=dossier.person_id))
        return answer

    @routes.get("/journal", response_model=Journal)
    async def journal(code: CodeOf, caller: CallerOf, work: WorkOf) -> Journal:
        """What was done to the dossier, who did it and when; also what an officer corrected, before and after."""
        await shown_to(caller, code, work, "journal")
        return Journal.of_rows(await store.dossiers.journal(work.pool, code, caller.role == "citizen"))

    @routes.get("/posts", response_model=list[Post])
    async def posts(code: CodeOf, caller: CallerOf, work: WorkOf) -> list[Post]:
        """The messages inside the dossier."""
        await shown_to(caller, code, work, "messages")
        lines = await store.dossiers.journal(work.pool, code, caller.role == "citizen", "message")
        return [Post(at=line["at"], author=line["role"], by=line["by"], **line["body"]) for line in lines]

    @routes.post("/posts", status_code=201, response_model=list[Post])
    async def post(code: CodeOf, body: Said, caller: CallerOf, once: OnceOf, work: WorkOf) -> list[Post]:
        """Write to the officers who have the dossier, or to its citizen; a repetition is written once."""
        await shown_to(caller, code, work, "messages")
        message = PostMessage(
            message_id=new_id(),
            author="citizen" if caller.role == "citizen" else "officer",
            name=caller.name or caller.subject,
            person_id=caller.person_id,
            agency=caller.agency,
            text=body.text,
        )

        async def prepare(_: Connection) -> Sequence[To]:
            return [To(store.dossiers.aggregate, code, message)]

        await work.send_once(once, prepare, lambda _: {"message_id": message.message_id})
        return await posts(code, caller, work)

    @routes.get("/audit", response_model=dict[str, list[dict[str, Any]]])
    async def audit(code: CodeOf, caller: CallerOf, work: WorkOf) -> dict[str, list[dict[str, Any]]]:
        """Every move and every look, for the officers who have the dossier and for operators."""
        allowed(caller, "officer", "operator")
        if caller.role == "officer":
            await shown_to(caller, code, work, "audit")
        else:
            await store.audit.looked(work.pool, caller, "audit", code)
        moves = [dict(line) for line in await store.dossiers.journal(work.pool, code, False)]
        return {
            "moves": [{name: line[name] for name in ("number", "at", "kind", "by", "role")} for line in moves],
            "looks": [dict(look) for look in await store.audit.looks(work.pool, code)],
        }

    async def _paperwork(dossier: Dossier, work: Work) -> Paperwork:
        lines = await store.dossiers.journal(work.pool, dossier.code, False)
        procedure = await filing.pinned(dossier, work.pool)
        return Paperwork(dossier, procedure, lines, f"{public_url}/dossiers/{dossier.code}")

    return routes


async def _drawn(paper: Paper) -> Response:
    pdf = await asyncio.to_thread(papers.render, paper)
    return Response(pdf, media_type="application/pdf", headers={"Cache-Control": "private, no-store"})


def _file(dossier: Dossier, each: Attached) -> File:
    return File(
        title=each.name,
        href=f"/dossiers/{dossier.code}/documents/{each.document_id}",
        media_type=each.media_type,
        slot=each.slot,
        version=each.version,
        replaced=each.replaced,
        size=each.size,
    )


def _paper(code: str, form: str, href: str, at: datetime | None) -> File:
    return File(title=f"{papers.TITLES[form]} ({code})", href=href, media_type="application/pdf", at=at, form=form)
