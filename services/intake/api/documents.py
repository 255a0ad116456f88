"""Uploading documents and reading one's own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from chassis.access import Caller
from chassis.errors import NotFound, Refusal
from chassis.http import CallerOf, WorkOf, allowed
from chassis.pages import cursor_of, position_of
from chassis.work import Work
from services.intake.adapters.objects import Objects
from services.intake.domain.document import Document
from services.intake.store import audit, documents
from services.intake.uploads import Owner, Uploads

log = structlog.get_logger()

UPLOAD = "/documents"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class DocumentView(BaseModel):
    """A document as its owner sees it. `scan` is "none" where no virus scanner is set up."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    scan: str
    created_at: datetime
    attached: bool

    @classmethod
    def of(cls, document: Document) -> DocumentView:
        return cls(**document.model_dump(include=set(cls.model_fields)))


class DocumentPage(BaseModel):
    """A page of documents, newest first; ask for the next one with `cursor`."""

    items: list[DocumentView]
    cursor: str | None = None


def routes_of(uploads: Uploads, objects: Objects) -> APIRouter:
    """Documents of citizens, and of agencies for their officers and systems."""
    routes = APIRouter(tags=["documents"])

    @routes.post(UPLOAD, status_code=201, response_model=DocumentView, openapi_extra=_BODY)
    async def upload(
        name: Annotated[str, Query(description="Tên tệp, có đuôi", examples=["ảnh.pdf"])],
        request: Request,
        caller: CallerOf,
        work: WorkOf,
        response: Response,
    ) -> DocumentView:
        """Send a file as the body, as it is: PDF, JPEG, PNG, DOCX, XLSX or signed XML. A day later it must be in use."""
        try:
            document = await uploads.take(work.pool, _owner(caller), name, request.stream())
        except ClientDisconnect:
            # Nobody is there to read it; the record of requests says what happened.
            raise Refusal("broken_off", "Việc gửi tệp bị ngắt giữa chừng.", "The upload was broken off.", 400) from None
        response.headers["Location"] = f"{UPLOAD}/{document.id}"
        return DocumentView.of(document)

    @routes.get(UPLOAD, response_model=DocumentPage)
    async def listed(
        caller: CallerOf, work: WorkOf, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> DocumentPage:
        """One's own documents, for an officer those of the agency; newest first. Any may be used in a new dossier."""
        owner = _owner(caller)
        await _noted(caller, work, "documents")
        found = await documents.page(work.pool, owner.person_id or owner.agency or "", _behind(cursor), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return DocumentPage(
            items=[DocumentView.of(each) for each in found[:limit]],
            cursor=cursor_of(last.created_at, str(last.id)) if last else None,
        )

    @routes.get(UPLOAD + "/{document_id}", response_model=DocumentView)
    async def shown(document_id: UUID, caller: CallerOf, work: WorkOf) -> DocumentView:
        """What is known of a document."""
        document = _visible(await documents.find(work.pool, document_id), caller)
        await _noted(caller, work, f"document {document_id}")
        return DocumentView.of(document)

    @routes.get(UPLOAD + "/{document_id}/content", response_class=StreamingResponse)
    async def content(document_id: UUID, caller: CallerOf, work: WorkOf) -> StreamingResponse:
        """The file itself."""
        document = _visible(await documents.find(work.pool, document_id), caller)
        await _noted(caller, work, f"document {document_id}")
        return await served(document, objects)

    @routes.delete(UPLOAD + "/{document_id}", status_code=204)
    async def delete(document_id: UUID, caller: CallerOf, work: WorkOf) -> None:
        """Delete a document that no dossier has."""
        document = _visible(await documents.find(work.pool, document_id), caller)
        await _noted(caller, work, f"delete document {document_id}")
        if not await documents.delete_unattached(work.pool, document.id):
            raise Refusal(
                "document_attached",
                "Tệp đã nằm trong một hồ sơ nên không xóa được.",
                "A dossier has this file, so it cannot be deleted.",
            )
        await uploads.forget(document.id)

    return routes


async def served(document: Document, objects: Objects) -> StreamingResponse:
    """The document's content as an answer: to be saved, never to be run in a page of ours.

    Raises Retry while the store is away, Refusal 500 when it has lost the content.
    """
    try:
        pieces = await objects.stream(document.id)
    except FileNotFoundError:
        log.error("the content of a document is lost", document=str(document.id))
        raise Refusal(
            "document_lost",
            "Không tìm thấy nội dung của tệp trong kho lưu trữ; xin báo cho bộ phận một cửa.",
            "The content of the file is not in the store; please tell the one-stop desk.",
            500,
        ) from None
    name = quote(document.name, safe="")
    headers = {
        "Content-Length": str(document.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",  # RFC 6266, 8187
        "ETag": f'"{document.sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(pieces, 200, headers, document.media_type)


def _owner(caller: Caller) -> Owner:
    """Whose the caller's documents are. Raises Refusal 403 for who can have none."""
    allowed(caller, "citizen", "officer", "agency-system")
    person_id = caller.person_id if caller.role == "citizen" else None
    agency = caller.agency if caller.role != "citizen" else None
    if person_id is None and agency is None:
        raise Refusal(
            "no_person",
            "Tài khoản chưa được định danh hoặc chưa thuộc cơ quan nào.",
            "The account has no person id, or belongs to no agency.",
            403,
        )
    return Owner(caller.subject, person_id, agency)


async def _noted(caller: Caller, work: Work, what: str) -> None:
    """What an agency's people look at or delete of its documents is written down; a citizen's own is not."""
    if caller.role != "citizen":
        await audit.looked(work.pool, caller, what)


def _visible(document: Document | None, caller: Caller) -> Document:
    """The document; one that is not the caller's looks like none. Raises NotFound."""
    owner = _owner(caller)
    if document is None or (document.person_id, document.agency) != (owner.person_id, owner.agency):
        raise NotFound("Không tìm thấy tệp này.", "There is no such file.")
    return document


def _behind(cursor: str | None) -> tuple[datetime, UUID] | None:
    position = position_of(cursor)
    try:
        return position and (position[0], UUID(position[1]))
    except ValueError:
        raise Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of ours.", 400) from None
