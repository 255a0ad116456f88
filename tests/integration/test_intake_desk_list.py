"""The officers' list: its order, its pages, its filters, its search, and what it costs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.search import query
from services.intake.store import desk as lists
from services.intake.store.desk import OPEN, Asked, Span, Statement
from tests.bench.dossiers import ABOVE, BIG, DEPARTMENTS, SMALL, fill
from tests.bench.ground import Store
from tests.database import Server as Postgres
from tests.integration.desk_rows import copied
from tests.integration.intake_desk import AGENCY_SYSTEM, OFFICER, OPERATOR, OTHER_AGENCY, Desk, open_desk
from tests.integration.sandbox_process import Server

NOW = datetime(2026, 6, 9, 3, tzinfo=UTC)  # Tuesday, ten in the morning
MINE, THEIRS = "G09.20", "H55.31"


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Postgres, provider: Server) -> AsyncIterator[Desk]:
    async with open_desk(await postgres_server.fresh("intake"), provider, lambda: NOW) as desk:
        yield desk


async def _listed(desk: Desk, asked: str = "", who: str = OFFICER) -> list[str]:
    """The codes of all pages."""
    found, cursor = list[str](), ""
    while True:
        answer = await desk.get(f"/desk/dossiers?{asked}{cursor}", who)
        assert answer.status_code == 200, answer.text
        found += [item["code"] for item in answer.json()["items"]]
        if answer.json()["cursor"] is None:
            return found
        cursor = f"&cursor={answer.json()['cursor']}"


_DAYS = st.none() | st.integers(-2, 2).map(lambda days: NOW + timedelta(days=days))
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "agency": st.sampled_from([MINE, THEIRS]),
            "handler": st.sampled_from([MINE, THEIRS]),
            "status": st.integers(1, 10),
            "department": st.sampled_from(["A", "B"]),
            "officer": st.sampled_from([None, "x", "y"]),
            "procedure": st.sampled_from(["1", "2"]),
            "due": _DAYS,
            "result_due": _DAYS,
            "submitted_at": st.integers(0, 2).map(lambda days: NOW - timedelta(days=days)),
            "name": st.sampled_from(["Đỗ Ánh", "Đỗ Bình"]),
        }
    ),
    max_size=25,
)
_SPANS = st.sampled_from(
    [
        None,
        Span(None, NOW - timedelta(microseconds=1), few=True),
        Span(NOW, NOW + timedelta(days=1), few=True),
        Span(NOW, None, few=False),
    ]
)
_ASKED = st.builds(
    Asked,
    agency=st.just(MINE),
    statuses=st.sets(st.integers(1, 10), min_size=1).map(lambda them: tuple(sorted(them))),
    order=st.sampled_from(["deadline", "newest"]),
    department=st.none() | st.just("A"),
    officer=st.none() | st.just("x"),
    unassigned=st.booleans(),
    procedure=st.none() | st.just("1"),
    span=_SPANS,
    words=st.sampled_from([None, "do:*", "do & anh:*"]),
).filter(lambda asked: set(asked.statuses) <= set(OPEN) or (asked.order == "newest" and asked.span is None))
_NEVER = datetime.max.replace(tzinfo=UTC)


def _deadline(row: dict[str, Any]) -> datetime:
    return min(filter(None, (row["due"], row["result_due"])), default=_NEVER)


def _is_asked_for(row: dict[str, Any], asked: Asked) -> bool:
    """The list's meaning, without an index in mind."""
    span = asked.span or Span(None, None, few=False)
    own = asked.department is not None or asked.officer is not None or asked.unassigned
    return all(
        (
            asked.agency == row["handler"] or (not own and asked.agency == row["agency"]),
            row["status"] in asked.statuses,
            asked.department in (None, row["department"]),
            asked.officer in (None, row["officer"]),
            not asked.unassigned or row["officer"] is None,
            asked.procedure in (None, row["procedure"]),
            (span.since or datetime.min.replace(tzinfo=UTC)) <= _deadline(row) <= (span.until or _NEVER),
            asked.words != "do & anh:*" or "Ánh" in row["name"],
        )
    )


Pages = Callable[[list[dict[str, Any]], Asked, int, int], Awaitable[list[str]]]


@pytest.fixture(scope="module")
def pages(shared_desk: Desk) -> Pages:
    """The codes of all pages of a list over these dossiers, where a search first looks at so many."""

    async def read(rows: list[dict[str, Any]], asked: Asked, limit: int, looks_at: int) -> list[str]:
        await shared_desk.forgets()
        await _agencys(shared_desk, rows)
        found = list[str]()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lists, "FIRST", looks_at)
            patch.setattr(lists, "FIRST_FETCHED", looks_at)
            while page := await lists.page(shared_desk.pool, asked, limit):
                found += [each.row["code"] for each in page]
                asked = replace(asked, after=(page[-1].at, page[-1].row["code"]))
        return found

    return read


@settings(max_examples=120, deadline=None)
@given(rows=_ROWS, asked=_ASKED, limit=st.integers(1, 7), looks_at=st.integers(1, 30))
async def test_pages_have_each_dossier_that_is_asked_for_once_and_in_order(
    pages: Pages, rows: list[dict[str, Any]], asked: Asked, limit: int, looks_at: int
) -> None:
    """Whatever ties there are, however many have no deadline, wherever a search ends to look at the first of the list."""
    rows = [{**row, "code": f"C-{number:02}"} for number, row in enumerate(rows)]
    expected = [row for row in rows if _is_asked_for(row, asked)]
    if asked.order == "deadline":
        expected.sort(key=lambda row: (_deadline(row), row["code"]))
    else:
        expected.sort(key=lambda row: (row["submitted_at"], row["code"]), reverse=True)
    assert await pages(rows, asked, limit, looks_at) == [row["code"] for row in expected]


async def _agencys(desk: Desk, rows: list[dict[str, Any]]) -> None:
    """These dossiers of the officer's agency, and no other."""
    code = await desk.filed()
    base = {"agency": MINE, "handler": MINE, "status": 4, "officer": None, "due": None, "result_due": None}
    await copied(desk, code, [{**base, "submitted_at": NOW, **row} for row in rows])
    async with desk.owner() as owner:
        await owner.execute("delete from dossier where code = $1", code)


async def test_what_is_open_is_listed_by_default_the_first_due_first_and_what_is_never_due_last(desk: Desk) -> None:
    await _agencys(
        desk,
        [
            {"code": "never", "status": 7},
            {"code": "step", "due": NOW + timedelta(hours=1), "result_due": NOW + timedelta(days=9)},
            {"code": "promised", "due": None, "result_due": NOW + timedelta(minutes=5)},
            *({"code": f"done {status}", "status": status} for status in (3, 8, 9, 10)),
        ],
    )
    assert await _listed(desk, "limit=1") == ["promised", "step", "never"]
    assert len(await _listed(desk, "open=false&limit=3")) == 7
    assert await _listed(desk, "status=10&status=3") == ["done 3", "done 10"]


@pytest.mark.parametrize(
    ("lateness", "hours"),
    [("late", -1), ("today", 1), ("soon", 15), ("soon", 24), ("on_time", 24 * 3), ("on_time", None)],
)
async def test_lateness_is_by_the_earlier_of_both_dates_against_the_clock(
    desk: Desk, lateness: str, hours: int | None
) -> None:
    due = None if hours is None else NOW + timedelta(hours=hours)
    await _agencys(desk, [{"code": "it", "due": due, "result_due": due and due + timedelta(days=30)}])
    for asked in ("late", "today", "soon", "on_time"):
        for order in ("deadline", "newest"):
            expected = ["it"] if asked == lateness else []
            assert await _listed(desk, f"lateness={asked}&order={order}") == expected
    (item,) = (await desk.get("/desk/dossiers", OFFICER)).json()["items"]
    assert item["lateness"] == lateness


async def test_officers_find_their_own_and_what_nobody_has(desk: Desk) -> None:
    await _agencys(
        desk,
        [
            {"code": "mine", "officer": "Vũ Thị Lan"},
            {"code": "his", "officer": "Hoàng Văn Sơn", "department": "X"},
            {"code": "nobody's"},
            {"code": "elsewhere", "handler": THEIRS, "officer": "Vũ Thị Lan"},
        ],
    )
    assert await _listed(desk, "mine=true") == ["mine"]
    assert await _listed(desk, "officer=Hoàng Văn Sơn") == ["his"]
    assert await _listed(desk, "unassigned=true") == ["nobody's"]
    assert await _listed(desk, "department=X") == ["his"]
    assert sorted(await _listed(desk)) == ["elsewhere", "his", "mine", "nobody's"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("nguyễn thị ánh", True), ("NGUYEN THI ANH", True), ("nguyen an", True), ("Ánh", True), ("anh nguyen", True),
        ("nguyen van", False), ("019190012345", True), ("0191900", True), ("+84 900 000 001", True),
        ("0900 000 001", True), ("0900.000.001", True), ("84900", True), ("0912", False), ("%", None), ("'", None),
    ],
)  # fmt: skip
async def test_a_search_finds_names_with_and_without_accents_numbers_and_phones(
    desk: Desk, typed: str, found: bool | None
) -> None:
    code = await desk.filed()
    answer = await desk.http.get("/desk/dossiers", params={"q": typed}, headers=desk.bearer(OFFICER))
    if found is None:
        assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_search")
    else:
        assert [item["code"] for item in answer.json()["items"]] == ([code] if found else [])


async def test_a_search_finds_codes_and_accents_that_were_left_out_in_the_form(desk: Desk) -> None:
    await _agencys(desk, [{"code": "G09.20-260101-0007", "name": "Do Thi Dao"}, {"code": "H-1", "name": "Đỗ Thị Đào"}])
    for typed, expected in (
        ("đỗ thị đào", 2),
        ("do thi dao", 2),
        ("G09.20-260101-0007", 1),
        ("260101-0007", 1),
        ("g09.20-26", 1),
    ):
        answer = await desk.http.get("/desk/dossiers", params={"q": typed}, headers=desk.bearer(OFFICER))
        assert len(answer.json()["items"]) == expected, typed


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("status=10&order=deadline", "no_deadline"), ("status=10&lateness=late", "no_deadline"),
        ("mine=true&unassigned=true", "one_officer"), ("mine=true&officer=x", "one_officer"),
        ("status=11", "invalid"), ("lateness=x", "invalid"), ("order=x", "invalid"), ("limit=0", "invalid"), ("q=", "nothing_to_search"),
    ],
)  # fmt: skip
async def test_a_question_without_an_answer_is_a_problem(desk: Desk, asked: str, code: str) -> None:
    answer = await desk.get(f"/desk/dossiers?{asked}", OFFICER)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_cursor_of_another_order_is_a_bad_request(desk: Desk) -> None:
    await _agencys(desk, [{"code": "a"}, {"code": "b"}])
    cursor = (await desk.get("/desk/dossiers?limit=1", OFFICER)).json()["cursor"]
    for asked in (f"order=newest&cursor={cursor}", "cursor=nonsense"):
        answer = await desk.get(f"/desk/dossiers?{asked}", OFFICER)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_other_agencies_find_nothing_and_others_than_officers_are_refused(desk: Desk) -> None:
    code = await desk.filed()
    assert await _listed(desk, who=OTHER_AGENCY) == await _listed(desk, f"q={code}", OTHER_AGENCY) == []
    for who in ("anh", OPERATOR, AGENCY_SYSTEM):
        for path in ("/desk/dossiers", "/desk/workload"):
            assert (await desk.get(path, who)).status_code == 403


async def test_the_workload_counts_what_is_open_by_department_officer_and_status(desk: Desk) -> None:
    await _agencys(
        desk,
        [
            {"code": "1", "officer": "x", "department": "A", "due": NOW - timedelta(hours=1)},
            {"code": "2", "officer": "x", "department": "A", "due": NOW + timedelta(hours=1), "status": 2},
            {"code": "3", "department": "A", "due": NOW + timedelta(days=1)},
            {"code": "4", "officer": "y", "department": "B"},
            {"code": "5", "officer": "y", "department": "B", "status": 9},
            {"code": "6", "officer": "y", "department": "B", "status": 10},
            {"code": "7", "handler": THEIRS, "handler_name": "Phường", "due": NOW - timedelta(hours=1)},
        ],
    )
    load = (await desk.get("/desk/workload", OFFICER)).json()
    counts = {"open": 4, "late": 1, "today": 1, "soon": 1, "by_status": {"2": 1, "4": 3}, "to_return": 1}
    assert {name: load[name] for name in counts} == counts
    a, b = load["departments"]
    assert (a["department"], a["open"], b["department"], b["open"]) == ("A", 3, "B", 1)
    assert [(each["officer"], each["open"], each["late"]) for each in a["officers"]] == [(None, 1, 0), ("x", 2, 1)]
    (other,) = load["elsewhere"]
    assert (other["handler"], other["open"], other["late"]) == (THEIRS, 1, 1)


LIST = Asked(BIG, OPEN, "deadline")
ALL = tuple(range(1, 11))
QUESTIONS = {
    "open": LIST,
    "newest": replace(LIST, order="newest"),
    "history": replace(LIST, order="newest", statuses=(3, 8, 10)),
    "small": replace(LIST, agency=SMALL),
    "above": replace(LIST, agency=ABOVE),
    "department": replace(LIST, department=DEPARTMENTS[1]),
    "officer": replace(LIST, officer="Cán bộ 17"),
    "officer's history": replace(LIST, officer="Cán bộ 17", order="newest", statuses=(10,)),
    "unassigned": replace(LIST, unassigned=True),
    "queue": replace(LIST, unassigned=True, department=DEPARTMENTS[0]),
    "procedure": replace(LIST, procedure="1.002803"),
    "status": replace(LIST, statuses=(5,)),
    "late": replace(LIST, span=Span(None, NOW, few=True)),
}


@pytest.fixture(scope="module")
async def lived(postgres_server: Postgres, shared_desk: Desk) -> Desk:
    await shared_desk.forgets()
    async with shared_desk.owner() as owner:
        await fill(Store(shared_desk.database, owner), 60_000)
    return shared_desk


def _scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [scan for child in plan.get("Plans", ()) for scan in _scans(child)]
    return [*below, plan] if "Relation Name" in plan else below


def _literal(value: Any) -> str:
    """As `execute` of a prepared statement takes it."""
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


@pytest.mark.parametrize("plan", ["custom", "generic"])
@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_list_reads_no_more_rows_than_it_shows_however_much_there_is(lived: Desk, name: str, plan: str) -> None:
    """By either plan of a prepared statement: for what it is given, and for anything, as PostgreSQL may come to choose."""
    limit = 21
    statement = Statement(QUESTIONS[name], limit)
    given = ", ".join(map(_literal, statement.given))
    async with lived.owner() as connection:
        await connection.execute(f"set plan_cache_mode = force_{plan}_plan")
        await connection.execute(f"prepare listed as {statement.in_order()}")
        explained = await connection.fetchval(f"explain (analyze, format json) execute listed ({given})")
    scans = _scans(json.loads(explained)[0]["Plan"])
    assert "Seq Scan" not in {scan["Node Type"] for scan in scans}
    read = sum(scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) for scan in scans)
    assert read <= limit + len(scans)


@pytest.mark.parametrize("agency", [BIG, SMALL])
@pytest.mark.parametrize("typed", ["Nguyễn", "Xuyên", "nguyen van xuyen"])
@pytest.mark.parametrize("statuses", [OPEN, ALL])
async def test_a_search_reads_the_first_of_a_list_or_those_with_the_words(
    lived: Desk, agency: str, typed: str, statuses: tuple[int, ...]
) -> None:
    order: lists.Order = "deadline" if statuses == OPEN else "newest"
    asked = Asked(agency, statuses, order, words=query(typed))
    among, rest = Statement(asked, 21), Statement(asked, 21)
    scans = await _scanned(lived, among.among_first(), among.given)
    assert sum(scan["Actual Rows"] for scan in scans) <= asked.looks_at + len(scans)
    assert {scan["Node Type"] for scan in await _scanned(lived, rest.by_words(), rest.given)} == {"Bitmap Heap Scan"}


async def _scanned(desk: Desk, text: str, values: list[Any]) -> list[dict[str, Any]]:
    scans = _scans(json.loads(await desk.pool.fetchval(f"explain (analyze, format json) {text}", *values))[0]["Plan"])
    assert "Seq Scan" not in {scan["Node Type"] for scan in scans}
    return scans
