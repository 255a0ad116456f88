"""Procedures in the running service: opened, told, looked up, and warned of, on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pytest
from opentelemetry.trace import NoOpTracer

from chassis.clock import VIETNAM
from chassis.fold import Voice
from chassis.metrics import Metrics
from chassis.timers import Timers
from contracts import procedures
from services.intake import store
from services.intake.domain import files
from services.intake.open_catalogue import OpenCatalogue
from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.intake_desk import OFFICER, OPERATOR, Desk, open_desk, signing
from tests.integration.sandbox_process import Server

NOW = datetime(2026, 6, 9, 3, tzinfo=UTC)
TODAY = date(2026, 6, 9)
LICENCE = "1.002809"
SHIPPED = files.read().procedures
BODY = next(each for each in SHIPPED if (each.code, each.version) == (LICENCE, 2)).model_dump(mode="json")
ENDS = TODAY + timedelta(100)
BASIS = {"name": "Thông tư 99/2026/TT-BCA", "valid_to": ENDS.isoformat()}


class Wristwatch:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with signing(tmp_path_factory.mktemp("oidc")) as server:
        yield server


@pytest.fixture
def clock() -> Wristwatch:
    return Wristwatch()


@pytest.fixture
async def desk(postgres_server: Postgres, provider: Server, clock: Wristwatch) -> AsyncIterator[Desk]:
    async with open_desk(await postgres_server.fresh("intake"), provider, clock) as opened:
        yield opened


def _next(**changes: Any) -> dict[str, Any]:
    """The licence's next version, that begins in a month."""
    return BODY | {"version": 3, "effective_from": (TODAY + timedelta(30)).isoformat()} | changes


async def _told(desk: Desk, code: str = LICENCE) -> list[procedures.Published]:
    rows = [
        row for row in await desk.outbox() if row["aggregatetype"] == procedures.TOPIC and row["aggregateid"] == code
    ]
    return [procedures.Published.model_validate_json(row["payload"]) for row in rows]


async def _opens(desk: Desk, body: dict[str, Any]) -> httpx.Response:
    number = body["version"]
    answer = await desk.post("/procedures/import", OPERATOR, body)
    assert (answer.status_code, answer.json().get("state")) == (200, "draft"), answer.text
    for move in ("consult", "open"):
        answer = await desk.post(f"/procedures/{body['code']}/versions/{number}/{move}", OPERATOR)
    return answer


async def _midnight_comes(desk: Desk, clock: Wristwatch, day: date) -> int:
    clock.now = datetime.combine(day, time(), VIETNAM)
    voice = Voice("/motcua/intake", NoOpTracer(), clock, desk.service.sealed)
    return await Timers(desk.service.decides, desk.pool, voice, Metrics()).work_off()


async def test_all_that_ships_is_open_and_told_once_however_often_the_service_starts(
    desk: Desk, clock: Wristwatch
) -> None:
    codes = sorted({each.code for each in SHIPPED})
    rows = [row for row in await desk.outbox() if row["aggregatetype"] == procedures.TOPIC]
    assert len(rows) == len(SHIPPED)
    assert sorted({row["aggregateid"] for row in rows}) == codes
    assert [(each.version, each.state) for each in await _told(desk)] == [(1, "closed"), (2, "open")]
    async with open_desk(desk.database, desk.provider, clock):
        assert len(await desk.outbox()) == len(rows)
    listed = (await desk.http.get("/procedures")).json()
    assert [each["code"] for each in listed] == codes


async def test_two_processes_that_start_at_once_open_what_ships_once(
    postgres_server: Postgres, provider: Server, clock: Wristwatch
) -> None:
    database = await postgres_server.fresh("intake")
    async with open_desk(database, provider, clock) as one, open_desk(database, provider, clock):
        rows = [row for row in await one.outbox() if row["aggregatetype"] == procedures.TOPIC]
        assert len(rows) == len(SHIPPED)


async def test_a_version_is_imported_consulted_on_and_opened_and_begins_at_midnight(
    desk: Desk, clock: Wristwatch
) -> None:
    begins = TODAY + timedelta(30)
    answer = await _opens(desk, _next(name="Đổi giấy phép lái xe (mới)"))
    assert (answer.status_code, answer.json()["state"]) == (200, "open"), answer.text
    assert [(each.version, each.effective_to) for each in (await _told(desk))[2:]] == [(2, begins - timedelta(1))]
    versions = (await desk.http.get(f"/procedures/{LICENCE}/versions")).json()
    assert [(each["version"], each["state"], each["effective_to"]) for each in versions] == [
        (3, "open", None),
        (2, "open", (begins - timedelta(1)).isoformat()),
        (1, "open", "2025-12-31"),
    ]
    assert await _midnight_comes(desk, clock, begins - timedelta(1)) == 0
    assert (await desk.http.get(f"/procedures/{LICENCE}")).json()["published"]["version"] == 2
    assert await _midnight_comes(desk, clock, begins) == 1
    assert [each.version for each in await _told(desk)][-1] == 3
    assert (await desk.http.get(f"/procedures/{LICENCE}")).json()["published"]["version"] == 3


async def test_the_same_content_again_changes_nothing_and_another_one_of_an_open_version_is_refused(desk: Desk) -> None:
    body = _next()
    await _opens(desk, body)
    told = len(await desk.outbox())
    again = await desk.post("/procedures/import", OPERATOR, body)
    assert (again.status_code, again.json()["state"]) == (200, "open")
    changed = await desk.post("/procedures/import", OPERATOR, body | {"result": "Khác"})
    assert (changed.status_code, changed.json()["code"]) == (409, "content_changed")
    assert len(await desk.outbox()) == told


async def test_a_procedure_that_is_not_sound_is_refused_with_every_mistake(desk: Desk) -> None:
    body = _next(rules=[{"rule": "not_after", "field": "details.when", "other": "today"}], certainty={})
    answer = await desk.post("/procedures/import", OPERATOR, body)
    assert answer.status_code == 422
    paths = {each["path"] for each in answer.json()["errors"]}
    assert {"rules.0", "certainty.name"} <= paths
    for wrong in (body | {"agencies": ["G99"]}, body | {"details": {"type": 7}}, body | {"version": 0}, {}):
        assert (await desk.post("/procedures/import", OPERATOR, wrong)).status_code == 422


async def test_drafts_are_not_shown_and_take_no_dossiers(desk: Desk) -> None:
    await desk.post("/procedures/import", OPERATOR, _next(code="9.000001", version=1))
    assert (await desk.http.get("/procedures/9.000001")).status_code == 404
    assert (await desk.http.get("/procedures/9.000001/versions")).json() == []
    assert (await desk.http.get("/procedures/9.000001/versions/1")).status_code == 404
    assert (await desk.submits(filled() | {"procedure": "9.000001"})).status_code == 422


async def test_only_operators_change_the_catalogue(desk: Desk) -> None:
    for who in ("anh", OFFICER):
        assert (await desk.post("/procedures/import", who, _next())).status_code == 403
        for move in ("consult", "open", "close"):
            assert (await desk.post(f"/procedures/{LICENCE}/versions/2/{move}", who)).status_code == 403
    assert (await desk.http.post("/procedures/import", json=_next())).status_code == 401
    missing = await desk.post(f"/procedures/{LICENCE}/versions/9/open", OPERATOR)
    assert missing.status_code == 404


async def test_a_closed_procedure_takes_no_dossiers_and_is_told_closed(desk: Desk) -> None:
    for version in (1, 2):
        closed = await desk.post(f"/procedures/{LICENCE}/versions/{version}/close", OPERATOR)
        assert closed.json()["state"] == "closed"
    assert (await desk.submits()).status_code == 422
    assert (await _told(desk))[-1].state == "closed"
    assert LICENCE not in {each["code"] for each in (await desk.http.get("/procedures")).json()}
    again = await desk.post(f"/procedures/{LICENCE}/versions/2/open", OPERATOR)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_a_basis_that_ends_is_an_event_a_metric_and_a_line_on_the_desk_60_days_ahead(
    desk: Desk, clock: Wristwatch
) -> None:
    body = _next(effective_from=TODAY.isoformat(), legal_bases=[*BODY["legal_bases"], BASIS])
    await _opens(desk, body)
    assert (await desk.submits()).status_code == 201
    assert ((await _told(desk))[-1].expiring, (await desk.get("/desk/legal-bases", OFFICER)).json()) == ((), [])
    assert "motcua_legal_bases_ending 0.0" in (await desk.http.get("/metrics")).text
    assert await _midnight_comes(desk, clock, ENDS - timedelta(60)) >= 1
    (expiring,) = (await _told(desk))[-1].expiring
    assert (expiring.name, expiring.days_left) == (BASIS["name"], 60)
    for who in (OFFICER, OPERATOR):
        (line,) = (await desk.get("/desk/legal-bases", who)).json()
        assert (line["name"], line["ends_on"], line["days_left"], line["dossiers"]) == (
            BASIS["name"],
            ENDS.isoformat(),
            60,
            1,
        )
        assert [(each["procedure"], each["version"], each["dossiers"]) for each in line["procedures"]] == [
            (LICENCE, 3, 1)
        ]
    (elsewhere,) = (await desk.get("/desk/legal-bases", "mai.phuong")).json()
    assert elsewhere["dossiers"] == 0
    assert (await desk.get("/desk/legal-bases", "anh")).status_code == 403
    assert "motcua_legal_bases_ending 1.0" in (await desk.http.get("/metrics")).text


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
    await _opens(desk, _next(effective_from=TODAY.isoformat()))
    assert await other.current(desk.pool) is first
    seconds = 1.0
    seen = await asyncio.gather(*(other.current(desk.pool) for _ in range(20)))
    assert {each is first for each in seen[1:]} == {True}, "nobody waits for the one who looks"
    newest = seen[0].on(LICENCE, TODAY)
    assert newest is not None
    assert newest.version == 3
    seconds = 2.0
    assert await other.current(desk.pool) is seen[0], "nothing was written, nothing is made anew"


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
