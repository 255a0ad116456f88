"""Procedures in the running service: opened, told, closed, and warned of, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts import procedures
from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.catalogue_office import (
    BASIS,
    BODY,
    ENDS,
    LICENCE,
    SHIPPED,
    TODAY,
    Wristwatch,
    midnight_comes,
    next_licence,
    opens,
    told,
)
from tests.integration.intake_desk import OFFICER, OPERATOR, Desk, open_desk
from tests.integration.sandbox_process import Server


@pytest.fixture
def clock() -> Wristwatch:
    return Wristwatch()


@pytest.fixture
async def desk(postgres_server: Postgres, provider: Server, clock: Wristwatch) -> AsyncIterator[Desk]:
    async with open_desk(await postgres_server.fresh("intake"), provider, clock) as opened:
        yield opened


async def test_all_that_ships_is_open_and_told_once_however_often_the_service_starts(
    desk: Desk, clock: Wristwatch
) -> None:
    codes = sorted({each.code for each in SHIPPED})
    rows = [row for row in await desk.outbox() if row["aggregatetype"] == procedures.TOPIC]
    assert len(rows) == len(SHIPPED)
    assert sorted({row["aggregateid"] for row in rows}) == codes
    assert [(each.version, each.state) for each in await told(desk)] == [(1, "closed"), (2, "open")]
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
    answer = await opens(desk, next_licence(name="Đổi giấy phép lái xe (mới)"))
    assert (answer.status_code, answer.json()["state"]) == (200, "open"), answer.text
    assert [(each.version, each.effective_to) for each in (await told(desk))[2:]] == [(2, begins - timedelta(1))]
    versions = (await desk.http.get(f"/procedures/{LICENCE}/versions")).json()
    assert [(each["version"], each["state"], each["effective_to"]) for each in versions] == [
        (3, "open", None),
        (2, "open", (begins - timedelta(1)).isoformat()),
        (1, "open", "2025-12-31"),
    ]
    assert await midnight_comes(desk, clock, begins - timedelta(1)) == 0
    assert (await desk.http.get(f"/procedures/{LICENCE}")).json()["published"]["version"] == 2
    assert await midnight_comes(desk, clock, begins) == 1
    assert [each.version for each in await told(desk)][-1] == 3
    assert (await desk.http.get(f"/procedures/{LICENCE}")).json()["published"]["version"] == 3


async def test_the_same_content_again_changes_nothing_and_another_one_of_an_open_version_is_refused(desk: Desk) -> None:
    body = next_licence()
    await opens(desk, body)
    before = len(await desk.outbox())
    again = await desk.post("/procedures/import", OPERATOR, body)
    assert (again.status_code, again.json()["state"]) == (200, "open")
    changed = await desk.post("/procedures/import", OPERATOR, body | {"result": "Khác"})
    assert (changed.status_code, changed.json()["code"]) == (409, "content_changed")
    assert len(await desk.outbox()) == before


async def test_a_procedure_that_is_not_sound_is_refused_with_every_mistake(desk: Desk) -> None:
    body = next_licence(rules=[{"rule": "not_after", "field": "details.when", "other": "today"}], certainty={})
    answer = await desk.post("/procedures/import", OPERATOR, body)
    assert answer.status_code == 422
    paths = {each["path"] for each in answer.json()["errors"]}
    assert {"rules.0", "certainty.name"} <= paths
    for wrong in (body | {"agencies": ["G99"]}, body | {"details": {"type": 7}}, body | {"version": 0}, {}):
        assert (await desk.post("/procedures/import", OPERATOR, wrong)).status_code == 422


async def test_drafts_are_not_shown_and_take_no_dossiers(desk: Desk) -> None:
    await desk.post("/procedures/import", OPERATOR, next_licence(code="9.000001", version=1))
    assert (await desk.http.get("/procedures/9.000001")).status_code == 404
    assert (await desk.http.get("/procedures/9.000001/versions")).json() == []
    assert (await desk.http.get("/procedures/9.000001/versions/1")).status_code == 404
    assert (await desk.submits(filled() | {"procedure": "9.000001"})).status_code == 422


async def test_only_operators_change_the_catalogue(desk: Desk) -> None:
    for who in ("anh", OFFICER):
        assert (await desk.post("/procedures/import", who, next_licence())).status_code == 403
        for move in ("consult", "open", "close"):
            assert (await desk.post(f"/procedures/{LICENCE}/versions/2/{move}", who)).status_code == 403
    assert (await desk.http.post("/procedures/import", json=next_licence())).status_code == 401
    missing = await desk.post(f"/procedures/{LICENCE}/versions/9/open", OPERATOR)
    assert missing.status_code == 404


async def test_a_closed_procedure_takes_no_dossiers_and_is_told_closed(desk: Desk) -> None:
    for version in (1, 2):
        closed = await desk.post(f"/procedures/{LICENCE}/versions/{version}/close", OPERATOR)
        assert closed.json()["state"] == "closed"
    assert (await desk.submits()).status_code == 422
    assert (await told(desk))[-1].state == "closed"
    assert LICENCE not in {each["code"] for each in (await desk.http.get("/procedures")).json()}
    again = await desk.post(f"/procedures/{LICENCE}/versions/2/open", OPERATOR)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_a_basis_that_ends_is_an_event_a_metric_and_a_line_on_the_desk_60_days_ahead(
    desk: Desk, clock: Wristwatch
) -> None:
    body = next_licence(effective_from=TODAY.isoformat(), legal_bases=[*BODY["legal_bases"], BASIS])
    await opens(desk, body)
    assert (await desk.submits()).status_code == 201
    assert ((await told(desk))[-1].expiring, (await desk.get("/desk/legal-bases", OFFICER)).json()) == ((), [])
    assert "motcua_legal_bases_ending 0.0" in (await desk.http.get("/metrics")).text
    assert await midnight_comes(desk, clock, ENDS - timedelta(60)) >= 1
    (expiring,) = (await told(desk))[-1].expiring
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


async def test_a_form_that_was_filed_is_answered_again_after_its_procedure_was_closed(desk: Desk) -> None:
    """The answer was lost and the law changed meanwhile: the same key has the same dossier, and another body is told so."""
    key = "the-answer-that-was-lost"
    first = await desk.submits(key=key)
    assert first.status_code == 201, first.text
    for version in (1, 2):
        await desk.post(f"/procedures/{LICENCE}/versions/{version}/close", OPERATOR)
    assert (await desk.submits()).status_code == 422, "closed to new ones"
    again = await desk.submits(key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await desk.submits(filled(name="Trần Văn Bình"), key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
