"""The catalogue as it is seen: by the public over HTTP, by other processes, and after a release."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from chassis.postgres import Pool
from services.intake import store
from services.intake.domain import files
from services.intake.open_catalogue import OpenCatalogue
from tests.database import Server as Postgres
from tests.integration.catalogue_office import (
    LICENCE,
    NOW,
    TODAY,
    Wristwatch,
    next_licence,
    opens,
)
from tests.integration.intake_desk import Desk, open_desk
from tests.integration.sandbox_process import Server


@pytest.fixture
def clock() -> Wristwatch:
    return Wristwatch()


@pytest.fixture
async def desk(postgres_server: Postgres, provider: Server, clock: Wristwatch) -> AsyncIterator[Desk]:
    async with open_desk(await postgres_server.fresh("intake"), provider, clock) as opened:
        yield opened


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("q=doi+giay+phep", {LICENCE}),
        ("q=ĐỔI GIẤY", {LICENCE}),
        ("q=1.0028", {LICENCE}),
        ("q=khai+tu", {"1.000656", "1.005461"}),
        ("q=nothing+of+this", set()),
        ("domain=Chứng thực", {"2.000815"}),
        ("domain=xuc tien thuong mai&level=province", {"2.000033"}),
        ("domain=xuc tien thuong mai&level=commune", set()),
    ],
)
async def test_procedures_are_found_without_accents_by_domain_and_level(
    desk: Desk, query: str, codes: set[str]
) -> None:
    assert {each["code"] for each in (await desk.http.get(f"/procedures?{query}")).json()} == codes


async def test_the_form_and_the_guide_are_for_anybody(desk: Desk) -> None:
    form = (await desk.http.get(f"/procedures/{LICENCE}/form")).json()
    assert form["properties"]["version"]["const"] == 2
    assert list(form["properties"]["details"]["properties"]) == ["licence_number", "licence_class", "reason"]
    there = (await desk.http.get("/procedures/1.001193/form?agency=000.31.00.H55")).json()
    assert "H55.31" in there["properties"]["agency"]["enum"]
    assert (await desk.http.get("/procedures/1.001193/form?agency=G09.20")).json()["code"] == "wrong_agency"
    shown = (await desk.http.get("/procedures/1.001193?agency=H55.31")).json()
    assert "khai-sinh-muon" in [fee["code"] for fee in shown["published"]["fees"]]
    assert (await desk.http.get("/guide")).json()["question"]["key"] == "topic"
    found = (await desk.http.post("/guide", json={"answers": ["birth", "child", "all"]})).json()["found"]
    assert (found["procedure"], found["case"], found["open"]) == ("1.001193", "lien_thong", True)
    wrong = await desk.http.post("/guide", json={"answers": ["birth", "x"]})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "answers.1")


async def test_a_process_sees_within_a_second_what_another_one_opened_and_asks_no_oftener(desk: Desk) -> None:
    seconds = 0.0
    other = OpenCatalogue(files.read(), lambda: seconds)
    first = await other.current(desk.pool)
    await opens(desk, next_licence(effective_from=TODAY.isoformat()))
    assert await other.current(desk.pool) is first
    seconds = 1.0
    seen = await asyncio.gather(*(other.current(desk.pool) for _ in range(20)))
    assert {each is first for each in seen[1:]} == {True}, "nobody waits for the one who looks"
    newest = seen[0].on(LICENCE, TODAY)
    assert newest is not None
    assert newest.version == 3
    seconds = 2.0
    assert await other.current(desk.pool) is seen[0], "nothing was written, nothing is made anew"


async def test_what_a_process_changes_itself_is_there_at_once_although_somebody_looks_just_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, look, looking, changed = 0.0, store.procedures.writes, asyncio.Event(), asyncio.Event()
    own = OpenCatalogue(files.read(), lambda: seconds)
    await own.current(desk.pool)
    seconds = 1.0

    async def slowly(pool: Pool) -> int:
        writes = await look(pool)
        looking.set()
        await changed.wait()
        return writes

    monkeypatch.setattr(store.procedures, "writes", slowly)
    before = asyncio.create_task(own.current(desk.pool))
    await looking.wait()
    monkeypatch.undo()
    await opens(desk, next_licence(effective_from=TODAY.isoformat()))
    own.look_again()
    changed.set()
    after = await own.current(desk.pool)
    await before
    assert (newest := after.on(LICENCE, TODAY)) is not None
    assert newest.version == 3
    assert await own.current(desk.pool) is after


async def test_a_data_file_that_differs_from_what_was_opened_leaves_the_database_as_it_is(desk: Desk) -> None:
    publication = await store.procedures.find(desk.pool, LICENCE)
    async with desk.owner() as owner:
        await owner.execute("update procedure set versions = replace(versions, 'hết hạn', 'đã hết hạn')")
    altered = await store.procedures.find(desk.pool, LICENCE)
    assert altered != publication
    async with open_desk(desk.database, desk.provider, lambda: NOW):
        assert await store.procedures.find(desk.pool, LICENCE) == altered


async def test_events_before_the_aggregate_had_versions_go_on_in_their_numbering(
    postgres_server: Postgres, provider: Server, clock: Wristwatch
) -> None:
    database = await postgres_server.fresh("intake")
    async with open_desk(database, provider, clock) as desk:
        async with desk.owner() as owner:
            await owner.execute("truncate procedure, outbox")
            await owner.execute("insert into procedure (code, version, sequence) values ($1, 4, 4)", LICENCE)
        async with open_desk(database, provider, clock):
            rows = [row for row in await desk.outbox() if row["aggregateid"] == LICENCE]
    assert [row["headers"]["ce_sequence"] for row in rows] == ["5", "6"]
    assert json.loads(rows[-1]["payload"])["version"] == 2
