"""Who has a dossier and until when: officers, the agency above, timers that warn, and days that operators change."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chassis.clock import VIETNAM
from tests.forms import CATALOGUE, TODAY
from tests.integration.intake_desk import OFFICER, OPERATOR, OTHER_AGENCY
from tests.integration.intake_life import JUSTICE, MARKS, PROVINCE, Life, closing, same


async def test_the_desk_gives_a_dossier_to_an_officer_before_and_after_it_is_taken_in(life: Life) -> None:
    code = await life.filed()
    due = (await life.seen(code))["due"]
    for status, name in ((1, "Vũ Thị Lan"), (2, "Phạm Văn Sơn")):
        given = await life.does(code, "assign", {"officer": name})
        assert (given["status"], given["officer"]) == (status, name)
        answer = await life.desk.http.get("/desk/dossiers", params={"officer": name}, headers=life.desk.bearer(OFFICER))
        assert [each["code"] for each in answer.json()["items"]] == [code]
        if status == 1:
            assert given["due"] == due
            await life.does(code, "accept")


async def test_a_communes_dossier_goes_to_the_province_and_back_and_is_seen_by_who_has_it(life: Life) -> None:
    procedure = CATALOGUE.on("1.004884", TODAY)
    assert procedure is not None
    answer = await life.desk.submits(CATALOGUE.example(procedure))
    assert answer.status_code == 201, answer.text
    code = answer.json()["code"]
    assert code.startswith("H55.31-")
    for what in ("accept", "process"):
        await life.does(code, what, who=OTHER_AGENCY)
    assert (await life.desk.get(f"/dossiers/{code}", PROVINCE)).status_code == 404
    up = await life.does(code, "hand-on", {"note": "Đề nghị tra sổ năm 1998"}, JUSTICE)
    assert (up["handler"], up["agency"], up["task"]) == ("H55.08", "H55.31", "Sở Tư pháp tra sổ hộ tịch lưu và trả lời")
    assert same(up["due"], closing(12))
    for who in (PROVINCE, JUSTICE, "anh"):
        assert (await life.seen(code, who))["handler_name"] == "Sở Tư pháp tỉnh Thái Nguyên"
    assert await life.refused(code, "hand-on", {}, JUSTICE) == (409, "held_elsewhere")
    assert await life.refused(code, "hand-on", {}, OFFICER) == (404, "not_found")
    assigned = await life.does(code, "assign", {"officer": "Lương Mỹ Hạnh"}, PROVINCE)
    assert assigned["officer"] == "Lương Mỹ Hạnh"
    told = (await life.told(code))[-1].step
    assert (told.agency, told.handler, told.department, told.officer) == (
        "H55.31",
        "H55.08",
        "Phòng Hành chính tư pháp",
        "Lương Mỹ Hạnh",
    )
    await life.does(code, "hand-on", {"note": "Có trong sổ lưu"}, PROVINCE)
    assert (await life.desk.get(f"/dossiers/{code}", PROVINCE)).status_code == 404
    assert (await life.does(code, "send-back", {"reason": "Trang sổ chụp thiếu."}, JUSTICE))["handler"] == "H55.08"
    for who, what in ((PROVINCE, "hand-on"), (JUSTICE, "hand-on")):
        await life.does(code, what, {}, who)
    done = await life.desk.decides(code, "complete", JUSTICE)
    assert (done.status_code, done.json()["handler"]) == (200, "H55.31")
    assert (await life.does(code, "return", {}, OTHER_AGENCY))["status"] == 10
    slip = await life.text(f"/dossiers/{code}/papers/control-slip")
    assert "Sở Tư pháp" in slip


async def test_timers_warn_once_before_and_once_after_the_promised_date(life: Life) -> None:
    code = await life.at_work()
    life.watch.to(15, 9)
    await life.until_told(code, "DueSoon")
    life.watch.to(17, 9)
    await life.until_told(code, "Overdue")
    assert await life.desk.count("timer") == 0
    lines = (await life.desk.get(f"/dossiers/{code}/journal", "anh")).json()["lines"]
    assert [line["kind"] for line in lines][-1] == "overdue"
    assert "due_soon" not in [line["kind"] for line in lines], "a reminder is the desk's own matter"


async def test_a_changed_day_moves_thousands_of_promised_dates_and_says_so_of_each(life: Life) -> None:
    """The day is made off through the API; every process has read it before the first date is counted."""
    one, other = await life.at_work(), await life.filed()
    many = 5_000
    await life.desk.pool.execute(
        """
        insert into dossier select made.* from dossier as one, generate_series(1, $2) as i,
            lateral jsonb_populate_record(one, jsonb_build_object('code', one.code || 'X' || i)) as made
        where one.code = $1""",
        one,
        many,
    )
    day = {"worked": False}
    for who, status in ((OFFICER, 403), ("anh", 403), (OPERATOR, 202)):
        changed = await life.desk.http.put(
            "/calendars/default/days/2026-06-16", headers=life.desk.bearer(who), json=day
        )
        assert changed.status_code == status
    life.watch.now += timedelta(seconds=6)
    moved = "select count(*) from dossier where result_due = '2026-06-17T17:00:00+07' and due < result_due"
    async with asyncio.timeout(200):
        while await life.desk.pool.fetchval(moved) < many + 1:
            await asyncio.sleep(0.1)
    assert (await life.seen(other))["result_due"] is None
    told = "select count(*), count(distinct aggregateid) from outbox where type like '%.due-changed.%'"
    row = await life.desk.pool.fetchrow(told)
    assert row is not None
    assert tuple(row) == (many + 1, many + 1)
    assert ((await life.told(one))[-1].cause, same((await life.seen(one))["result_due"], closing(17))) == (
        "calendar",
        True,
    )
    shown = (await life.desk.http.get("/agencies/G09.20/working-days?from=2026-06-15&days=3")).json()
    assert (shown["days"], shown["changes"]) == (["2026-06-15", "2026-06-17"], {"2026-06-16": False})


@pytest.mark.parametrize("asked", ["0001-01-01", "9999-12-31", "2015-01-01", "2200-01-01"])
async def test_working_days_of_years_that_no_calendar_has_are_refused_with_those_it_has(life: Life, asked: str) -> None:
    answer = await life.desk.http.get(f"/agencies/G09.20/working-days?from={asked}")
    assert (answer.status_code, answer.json()["code"]) == (422, "outside_calendar")
    first, last = (int(year) for year in re.findall(r"năm (\d{4})", answer.json()["detail"]))
    assert first < 2026 < last
    for day, days, status in ((f"{first}-01-01", 2, 200), (f"{last}-12-31", 1, 200), (f"{last}-12-31", 2, 422)):
        known = await life.desk.http.get(f"/agencies/G09.20/working-days?from={day}&days={days}")
        assert known.status_code == status


def _is_due_at_another_time(was: datetime, seen: dict[str, Any]) -> bool:
    return datetime.fromisoformat(seen["due"]) != was


async def test_a_changed_day_moves_the_desks_date_and_a_supplements_last_day(life: Life) -> None:
    new, asked, leaving = [await life.filed() for _ in range(3)]
    for code in (asked, leaving):
        await life.does(code, "request-supplement", {"items": MARKS})
    await life.does(leaving, "withdraw", {}, "anh")
    before = {code: datetime.fromisoformat((await life.seen(code))["due"]) for code in (new, asked, leaving)}
    for day in {due.astimezone(VIETNAM).date() for due in before.values()}:
        path = f"/calendars/default/days/{day}"
        changed = await life.desk.http.put(path, headers=life.desk.bearer(OPERATOR), json={"worked": False})
        assert changed.status_code == 202
    life.watch.now += timedelta(seconds=6)
    for code, was in before.items():
        seen = await life.until_seen(code, partial(_is_due_at_another_time, was))
        told = (await life.told(code))[-1]
        assert (told.cause, same(seen["due"], told.step.due.isoformat())) == ("calendar", True)
        assert told.step.due.astimezone(VIETNAM).hour == 17
    timers = await life.desk.pool.fetch("select due_at from timer where key = $1", asked)
    assert [row["due_at"] for row in timers] == [(await life.told(asked))[-1].step.due]
