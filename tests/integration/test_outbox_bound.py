"""The outbox is bounded: what could not be told for a long time is not accepted either, and nothing of it is kept."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from chassis import outbox
from tests.database import Server as Postgres
from tests.integration.intake_desk import Desk, open_desk, signing

LIMIT = 30


async def test_a_full_outbox_refuses_commands_before_anything_is_written_and_takes_them_again_when_it_drains(
    postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No relay runs here, as when Kafka is away; reading goes on all the while."""
    database, key = await postgres_server.fresh("intake"), str(uuid4())
    with signing(tmp_path_factory.mktemp("oidc")) as provider:
        async with open_desk(database, provider, outbox_limit=LIMIT) as desk:
            code = await desk.filed()
            await _until_full(desk)
            before = await _written(desk)
            refused = await desk.submits(key=key)
            decided = await desk.decides(code, "accept")
            after = await _written(desk)
            shown = await desk.get(f"/dossiers/{code}", "anh")
            await outbox.mark_published(desk.pool, [row["position"] for row in await desk.outbox()])
            accepted = await _until_accepted(desk, key)
    assert (refused.status_code, decided.status_code) == (503, 503)
    assert refused.json()["code"] == "outbox_full"
    assert int(refused.headers["Retry-After"]) > 0
    assert before == after
    assert before["outbox"] > LIMIT, "the fault is real"
    assert shown.status_code == 200
    assert accepted.status_code == 201


async def _until_full(desk: Desk) -> None:
    async with asyncio.timeout(60):
        while (await desk.submits()).status_code == 201:
            pass


async def _until_accepted(desk: Desk, key: str) -> httpx.Response:
    async with asyncio.timeout(60):
        while (answer := await desk.submits(key=key)).status_code == 503:
            await asyncio.sleep(0.05)
    return answer


async def _written(desk: Desk) -> dict[str, int]:
    tables = ("dossier", "person", "outbox", "idempotency", "timer", "call")
    return {table: await desk.count(table) for table in tables}
