"""A mail box for everyone: SMTP in, pages and JSON out. Nothing leaves this machine, and two mails are two mails."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.kit.faults import Faults
from deploy.sandbox.kit.pages import page, templates, utc_time
from deploy.sandbox.mail.parsing import Mail, parse
from deploy.sandbox.mail.smtp import smtp_server
from deploy.sandbox.mail.store import Filter, Store

FAULTS = {
    "refuse_connection": "whoever connects by SMTP is hung up on before the greeting",
    "temporary_451": "a mail's data is answered with 451 and not kept",
    "permanent_550": "a recipient is answered with 550 and not added",
    "timeout_after_data": "a mail is kept, its sender hears nothing for delay_seconds (120 when 0), then is hung up on",
    "slow": "a mail's data is answered delay_seconds (1 when 0) later",
}
LONGEST_LIST = 500
UNTRUSTED = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
HTML_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Settings:
    data: Path
    smtp_port: int


def application(settings: Settings) -> Starlette:
    """The mail box's server; its lifespan listens for SMTP."""
    box = Box(settings, Store.open(settings.data), Faults(FAULTS))
    return Starlette(
        routes=[
            Route("/", box.inbox),
            Route("/messages/{id}", box.message),
            Route("/messages/{id}/html", box.html),
            Route("/messages/{id}/raw", box.raw),
            Route("/messages/{id}/attachments/{number:int}", box.attachment),
            Route("/api/messages", box.list),
            Route("/api/messages/{id}", box.get),
            Route("/healthz", box.health),
            *box.faults.routes(),
        ],
        lifespan=box.lifespan,
    )


def summary(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "received_at": utc_time(row["received_at"]),
        "envelope": {"from": row["sender"], "to": row["recipients"]},
        "from": row["shown_from"],
        "subject": row["subject"],
        "size": row["size"],
    }


def download(content: bytes, content_type: str, filename: str) -> Response:
    """Bytes that a stranger sent: saved, never shown by the browser as a page of ours."""
    disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
    return Response(content, media_type=content_type, headers=UNTRUSTED | {"Content-Disposition": disposition})


@dataclass(frozen=True)
class Box:
    settings: Settings
    store: Store
    faults: Faults

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with smtp_server(self.store, self.faults, self.settings.smtp_port):
            yield

    async def list(self, request: Request) -> JSONResponse:
        rows = self.store.list(wanted(request))
        return JSONResponse({"messages": [summary(row) | {"attachments": row["attachments"]} for row in rows]})

    async def get(self, request: Request) -> JSONResponse:
        row, mail = self._found(request)
        attachments = [
            {
                "filename": attachment.filename,
                "content_type": attachment.content_type,
                "size": len(attachment.content),
                "url": f"/messages/{row['id']}/attachments/{number}",
                "content_base64": base64.b64encode(attachment.content).decode(),
            }
            for number, attachment in enumerate(mail.attachments)
        ]
        return JSONResponse(
            summary(row) | {"headers": mail.headers, "text": mail.text, "html": mail.html, "attachments": attachments}
        )

    async def inbox(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()
        return page(PAGES, "inbox.html", mails=self.store.list(wanted(request)), words=words)

    async def message(self, request: Request) -> Response:
        row, mail = self._found(request)
        return page(PAGES, "message.html", row=row, mail=mail)

    async def html(self, request: Request) -> Response:
        _, mail = self._found(request)
        headers = UNTRUSTED | {"Content-Security-Policy": HTML_POLICY}
        return Response(mail.html or "", media_type="text/html; charset=utf-8", headers=headers)

    async def raw(self, request: Request) -> Response:
        row, _ = self._found(request)
        return download(row["raw"], "message/rfc822", f"{row['id']}.eml")

    async def attachment(self, request: Request) -> Response:
        _, mail = self._found(request)
        number: int = request.path_params["number"]
        if number >= len(mail.attachments):
            raise HTTPException(404, "no such attachment")
        found = mail.attachments[number]
        return download(found.content, found.content_type, found.filename)

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    def _found(self, request: Request) -> tuple[dict[str, Any], Mail]:
        """The stored mail and its parsed form; raises HTTPException 404."""
        row = self.store.get(request.path_params["id"])
        if row is None:
            raise HTTPException(404, "no such message")
        return row, parse(row["raw"])


def wanted(request: Request) -> Filter:
    """`to`, `subject`, `q`, `before` (an id) and `limit` of the query; raises HTTPException 400."""
    query = request.query_params
    limit = query.get("limit", "100")
    if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
        raise HTTPException(400, f"limit must be from 1 to {LONGEST_LIST}")
    return Filter(
        to=query.get("to") or None,
        subject=query.get("subject") or None,
        words=query.get("q", "").strip() or None,
        before=query.get("before") or None,
        limit=int(limit),
    )


PAGES = templates(Path(__file__).parent / "templates")
