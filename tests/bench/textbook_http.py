"""How the textbook's HTTP services run, and what they write as every service does: each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic_core import from_json, to_json

from chassis.envelope import headers_of
from chassis.errors import Refusal
from chassis.identifiers import new_id
from chassis.postgres import Connection, Pool
from chassis.sealing import Sealer
from tests.bench import parent

_SAY = "insert into outbox (id, aggregatetype, aggregateid, type, payload, headers) values ($1, $2, $3, $4, $5, $6)"


def application() -> FastAPI:
    """An empty application, which answers a Refusal with its status."""
    app = FastAPI()

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return JSONResponse({"code": refusal.code, "detail": refusal.en}, refusal.status)

    return app


async def opened(url: str) -> Pool:
    """asyncpg's pool as its documentation opens it, jsonb as Python values."""
    return await asyncpg.create_pool(url, init=_use_json)


async def _use_json(connection: Connection) -> None:
    def encoded(value: Any) -> str:
        return to_json(value).decode()

    await connection.set_type_codec("jsonb", encoder=encoded, decoder=from_json, schema="pg_catalog")


async def serve(app: FastAPI, port: int) -> None:
    """Answer until killed, by uvicorn with its own choice of loop and parser; say when it does."""
    hearing = asyncio.create_task(parent.heard(asyncio.Event()))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    print("ready", flush=True)
    await asyncio.gather(hearing, serving)


async def say(
    connection: Connection,
    source: str,
    subject: str,
    first: int,
    events: Sequence[Any],
    now: datetime,
    sealer: Sealer | None = None,
) -> None:
    """Events of one aggregate for the relay, numbered from `first` on; it is woken at the commit."""
    rows = []
    for sequence, event in enumerate(events, first):
        event_id, payload = new_id(), to_json(event)
        headers = headers_of(event_id, event.TYPE, source, subject, sequence, now, None, sealer is not None)
        rows.append((event_id, event.TOPIC, subject, event.TYPE, sealer.seal(payload) if sealer else payload, headers))
    await connection.executemany(_SAY, rows)
    await connection.execute("notify outbox")
