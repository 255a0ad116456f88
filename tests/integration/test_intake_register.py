"""An applicant held against the civil register, from the form to what an officer sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chassis.service import Role
from contracts import payments
from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.intake_desk import OFFICER, Desk, open_desk, signing
from tests.integration.sandbox_process import Server, running
from tests.records import example
from tests.waiting import until

SAME, DEAD, ACCENTS, AWAY = "019190012345", "019190000004", "019190000001", "019190000503"


@pytest.fixture(scope="module")
async def desk(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    register = Server("register", tmp_path_factory.mktemp("register"), {"REGISTER_KEY": "a key"})
    with signing(tmp_path_factory.mktemp("oidc")) as provider, running(register):
        database = await postgres_server.fresh("intake")
        roles: tuple[Role, ...] = ("api", "timers")
        async with open_desk(
            database, provider, roles=roles, register_url=register.url, register_key="a key"
        ) as opened:
            yield opened


async def checked(desk: Desk, code: str) -> dict[str, Any]:
    """What the officer sees of the register's answer, once it has come."""

    async def there() -> Any:
        return (await desk.get(f"/dossiers/{code}", OFFICER)).json()["register_check"]

    await until(there, "the register did not answer")
    found: dict[str, Any] = await there()
    return found


@pytest.mark.parametrize(
    ("citizen_id", "fields"), [(SAME, set()), (DEAD, {"living"}), (ACCENTS, {"name"})], ids=["same", "dead", "accents"]
)
async def test_what_the_register_has_otherwise_is_shown_and_never_taken_over(
    desk: Desk, citizen_id: str, fields: set[str]
) -> None:
    """Officers see both values, the citizen which fields differ, in the dossier and its journal; the form is as it was typed."""
    form = filled(citizen_id=citizen_id)
    code = (await desk.submits(form)).json()["code"]
    found = await checked(desk, code)
    assert found["found"]
    assert {each["field"] for each in found["differences"]} >= fields
    shown = (await desk.get(f"/dossiers/{code}", "anh")).json()
    assert shown["form"]["applicant"]["name"] == form["applicant"]["name"]
    journal, officers = [(await desk.get(f"/dossiers/{code}/journal", who)).json()["lines"] for who in ("anh", OFFICER)]
    (line,) = [line for line in journal if line["kind"] == "register_checked"]
    named = [{"field": each["field"], "kind": each["kind"]} for each in found["differences"]]
    assert shown["register_check"] == line["body"] == found | {"differences": named}
    hidden = [line["body"]["differences"] for line in officers if line["kind"] == "register_differences"]
    assert hidden == ([found["differences"]] if found["differences"] else [])
    for each in found["differences"]:
        assert each["registered"] not in str((shown, journal)).replace(str(shown["form"]), "")


async def test_another_applicant_is_asked_about_anew_and_what_was_said_of_the_first_one_is_cleared(desk: Desk) -> None:
    """An answer that is on its way to the first question is none to the second; another phone asks nothing."""
    code = (await desk.submits(filled(citizen_id=AWAY))).json()["code"]
    await desk.hears(example(payments.Succeeded), code)
    (waiting,) = await desk.pool.fetch("select id from call where key = $1", code)

    async def corrects(**applicant: str) -> None:
        fields = {f"applicant.{name}": value for name, value in applicant.items()}
        said = {"fields": fields, "reason": "Sửa theo giấy tờ gốc."}
        answer = await desk.post(f"/dossiers/{code}/correct", OFFICER, said)
        assert answer.status_code == 200, answer.text

    await corrects(phone="0987654321")
    assert await desk.pool.fetchval("select register_asked from dossier where code = $1", code) == 1
    await corrects(citizen_id=DEAD)
    assert [each["field"] for each in (await checked(desk, code))["differences"]][-1] == "living"
    await corrects(citizen_id=SAME)
    shown = await checked(desk, code)
    assert "living" not in [each["field"] for each in shown["differences"]]
    assert [row["id"] for row in await desk.pool.fetch("select id from call where key = $1", code)] == [waiting["id"]]


async def test_a_register_that_is_away_holds_no_dossier_up_and_is_asked_again(desk: Desk) -> None:
    """Unknown is not "not found": nothing is shown of it, and the question stays to be asked."""
    code = (await desk.submits(filled(citizen_id=AWAY))).json()["code"]

    async def tried() -> Any:
        return await desk.pool.fetchval("select tries from call where key = $1 and tries > 0", code)

    await until(tried, "it was not asked")
    shown = (await desk.get(f"/dossiers/{code}", OFFICER)).json()
    assert (shown["register_check"], shown["status"]) == (None, 6)


async def test_the_question_stays_out_of_traces_and_events(desk: Desk, tmp_path: Path) -> None:
    """Neither name nor citizen ID is in anything that is published."""
    code = (await desk.submits(filled())).json()["code"]
    await checked(desk, code)
    payloads = await desk.pool.fetch(
        "select payload, headers::text as headers from outbox where aggregateid = $1", code
    )
    text = " ".join(bytes(row["payload"]).decode() + row["headers"] for row in payloads)
    assert "Ánh" not in text
    assert "019190012345" not in text
