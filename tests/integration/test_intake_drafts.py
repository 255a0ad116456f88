"""Drafts over HTTP: whatever was typed is kept, is nobody else's, and becomes one dossier when it is filed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.clock import utc_now
from services.intake.adapters.objects import Objects
from services.intake.domain.draft import KEPT, MOST
from services.intake.sweeping import Forgetter, Sweeper
from tests.database import Server as Postgres
from tests.forms import filled
from tests.integration.intake_desk import AGENCY_SYSTEM, OFFICER, OPERATOR, Desk, open_desk
from tests.integration.sandbox_process import Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of nobody else: here they are swept away."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Postgres, provider: Server, folder: Path) -> AsyncIterator[Desk]:
    database = await postgres_server.fresh("intake")
    async with open_desk(database, provider, documents_url=folder.as_uri()) as desk:
        yield desk


@pytest.fixture
async def desk(shared_desk: Desk) -> Desk:
    await shared_desk.forgets()
    async with shared_desk.owner() as owner:
        await owner.execute("truncate draft")
    return shared_desk


async def _begin(desk: Desk, form: Any, who: str = "anh", key: str | None = None) -> httpx.Response:
    return await desk.post("/drafts", who, form, **{"Idempotency-Key": key or str(uuid4())})


async def _begun(desk: Desk, form: Any = None, who: str = "anh") -> str:
    answer = await _begin(desk, filled() if form is None else form, who)
    assert answer.status_code == 201, answer.text
    return f"/drafts/{answer.json()['id']}"


async def _submit(desk: Desk, draft: str, who: str = "anh", key: str | None = None, **headers: str) -> httpx.Response:
    return await desk.post(f"{draft}/submit", who, None, **{"Idempotency-Key": key or str(uuid4())}, **headers)


async def _put(desk: Desk, draft: str, form: Any, who: str = "anh", **headers: str) -> httpx.Response:
    return await desk.http.put(draft, headers=desk.bearer(who) | headers, json=form)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"procedure": "9.999999"},
        {"procedure": ["1.002809"], "agency": None},
        {"details": {"z": 1, "a": 2, "m": {"phone": "chưa nhớ"}}, "applicant": "?"},
        {"hidden": True, "version": 99},
    ],
)
async def test_whatever_was_typed_is_kept_in_its_order(desk: Desk, form: dict[str, Any]) -> None:
    draft = await _begun(desk, form)
    shown = await desk.get(draft, "anh")
    assert (shown.status_code, shown.json()["form"], shown.headers["etag"]) == (200, form, '"1"')
    assert list(shown.json()["form"].get("details", {})) == list(form.get("details", {}))
    assert shown.json()["procedure"] == ("9.999999" if form == {"procedure": "9.999999"} else None)


async def test_one_sees_ones_own_drafts_the_last_touched_first(desk: Desk) -> None:
    first, second = await _begun(desk, {"procedure": "1.002809"}), await _begun(desk, {})
    await _begun(desk, {}, "duc")
    assert (await _put(desk, first, {"procedure": "1.002809", "agency": "G09.20"})).status_code == 200
    listed = (await desk.get("/drafts", "anh")).json()
    assert [f"/drafts/{each['id']}" for each in listed] == [first, second]
    assert [(each["procedure"], each["version"]) for each in listed] == [("1.002809", 2), (None, 1)]
    assert "form" not in listed[0]


async def test_somebody_elses_draft_looks_like_none(desk: Desk) -> None:
    draft, none = await _begun(desk), f"/drafts/{uuid4()}"
    for path in (draft, none):
        answers = [
            await desk.get(path, "duc"),
            await desk.get(f"{path}/problems", "duc"),
            await _put(desk, path, {}, "duc"),
            await _submit(desk, path, "duc"),
            await desk.http.delete(path, headers=desk.bearer("duc")),
        ]
        assert {(each.status_code, each.json()["code"]) for each in answers} == {(404, "not_found")}
    for who in (OFFICER, OPERATOR, AGENCY_SYSTEM):
        assert (await desk.get(draft, who)).status_code == 403
        assert (await desk.get("/drafts", who)).status_code == 403
        assert (await _begin(desk, {}, who)).status_code == 403
    assert (await desk.http.get(draft)).status_code == 401
    assert (await desk.get(draft, "anh")).json()["version"] == 1


async def test_what_another_window_saved_is_not_written_over(desk: Desk) -> None:
    draft = await _begun(desk, {})
    saved = await _put(desk, draft, {"procedure": "1.002809"}, **{"If-Match": '"1"'})
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    old = {"If-Match": '"1"'}
    answers = [
        await _put(desk, draft, {}, **old),
        await desk.http.delete(draft, headers=desk.bearer("anh") | old),
        await _submit(desk, draft, **old),
    ]
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(412, "stale")}
    assert (await desk.get(draft, "anh")).json()["form"] == {"procedure": "1.002809"}
    gone = await desk.http.delete(draft, headers=desk.bearer("anh") | {"If-Match": '"2"'})
    assert (gone.status_code, (await desk.get(draft, "anh")).status_code) == (204, 404)


async def test_of_two_windows_that_save_one_version_at_once_one_is_told(desk: Desk) -> None:
    for _ in range(5):
        draft = await _begun(desk, {})
        answers = await asyncio.gather(*(_put(desk, draft, {"n": n}, **{"If-Match": '"1"'}) for n in range(4)))
        assert sorted(each.status_code for each in answers) == [200, 412, 412, 412]


async def test_problems_are_those_that_filing_would_be_refused_for(desk: Desk) -> None:
    wrong = filled(phone="113", birth_date="2030-01-01") | {"agency": "H55.31", "hidden": 1}
    for form in ({}, {"procedure": "1.002809"}, wrong, filled() | {"documents": {"health": [str(uuid4())]}}):
        draft = await _begun(desk, form)
        found = await desk.get(f"{draft}/problems", "anh")
        refused = await desk.submits(form)
        assert (found.status_code, refused.status_code) == (200, 422)
        assert found.json()["errors"] == refused.json()["errors"] != []
        kept = await _submit(desk, draft)
        assert (kept.status_code, kept.json()["errors"]) == (422, refused.json()["errors"])
        assert (await desk.get(draft, "anh")).status_code == 200, "a draft that was refused stays"
    right = await _begun(desk)
    assert (await desk.get(f"{right}/problems", "anh")).json() == {"errors": []}
    assert (await desk.count("dossier"), await desk.count("code_counter")) == (0, 0)


async def test_a_filed_draft_is_the_dossier_that_its_form_makes_and_is_gone(desk: Desk) -> None:
    document = await desk.uploaded("anh", "suc-khoe.pdf")
    form = filled() | {"documents": {"health": [document]}, "delivery": {"method": "online"}}
    draft = await _begun(desk, form)
    filed, direct = await _submit(desk, draft), await desk.submits(form)
    assert (filed.status_code, direct.status_code) == (201, 201), filed.text
    assert filed.headers["location"] == f"/dossiers/{filed.json()['code']}"
    one, other = [(await desk.get(each.headers["location"], "anh")).json() for each in (filed, direct)]
    alike = ("form", "fee_lines", "status", "documents", "delivery", "procedure_name", "agency_name")
    assert {name: one[name] for name in alike} == {name: other[name] for name in alike}
    assert (await desk.get(draft, "anh")).status_code == 404
    assert (await _submit(desk, draft)).status_code == 404


async def test_a_draft_that_is_filed_twice_at_once_is_one_dossier(desk: Desk) -> None:
    """With one key the answer is the same, with several the others find no draft any more."""
    for keys in ([str(uuid4())] * 5, [str(uuid4()) for _ in range(5)]):
        await desk.forgets()
        draft = await _begun(desk)
        answers = await asyncio.gather(*(_submit(desk, draft, key=key) for key in keys))
        filed = [each for each in answers if each.status_code == 201]
        assert len(filed) == (5 if len(set(keys)) == 1 else 1)
        assert len({each.text for each in filed}) == 1
        assert {each.status_code for each in answers} <= {201, 404}
        assert (await desk.count("dossier"), await desk.count("draft")) == (1, 0)
        assert await desk.pool.fetchval("select last from code_counter") == 1


async def test_a_draft_is_begun_once_for_each_key(desk: Desk) -> None:
    key = str(uuid4())
    first, again = await _begin(desk, {"a": 1}, key=key), await _begin(desk, {"a": 1}, key=key)
    assert (first.status_code, first.json(), first.headers["location"]) == (
        again.status_code,
        again.json(),
        again.headers["location"],
    )
    assert (await _begin(desk, {"a": 2}, key=key)).status_code == 409
    assert await desk.count("draft") == 1


async def test_a_person_has_twenty_drafts_at_most_however_they_are_begun(desk: Desk) -> None:
    answers = await asyncio.gather(*(_begin(desk, {"n": n}) for n in range(MOST + 5)))
    assert sorted(each.status_code for each in answers) == [201] * MOST + [409] * 5
    (code,) = {each.json()["code"] for each in answers if each.status_code == 409}
    assert code == "too_many_drafts"
    assert (await _begin(desk, {}, "duc")).status_code == 201
    draft = f"/drafts/{(await desk.get('/drafts', 'anh')).json()[0]['id']}"
    assert (await desk.http.delete(draft, headers=desk.bearer("anh"))).status_code == 204
    assert (await _begin(desk, {})).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"a":"' + b"x" * 65_536 + b'"}', 413),
        (b'{"a":"' + b"x" * 300_000 + b'"}', 413),
        (b'{"a":"\\u0000"}', 422),
        (b'{"a":"\\ud800"}', 422),
        (b'{"\\ud800":1}', 201),  # the name is kept as people would see it
        (b'{"a":NaN}', 422),
        (b'{"a":1e400}', 422),
        (b'{"a":' + b"[" * 50 + b"]" * 50 + b"}", 422),
        (b"[]", 422),
        (b"null", 422),
        (b"{", 422),
        (b'{"a":"' + b"x" * 65_000 + b'"}', 201),
    ],
    ids=range(12),
)
async def test_what_cannot_be_kept_is_refused_and_the_rest_comes_back(desk: Desk, body: bytes, status: int) -> None:
    headers = desk.bearer("anh") | {"Content-Type": "application/json"}
    begun = await desk.http.post("/drafts", headers=headers | {"Idempotency-Key": str(uuid4())}, content=body)
    assert begun.status_code == status, begun.text[:200]
    draft = begun.headers.get("location") or await _begun(desk, {})
    saved = await desk.http.put(draft, headers=headers, content=body)
    assert saved.status_code == (200 if status == 201 else status)
    assert (await desk.get(draft, "anh")).status_code == 200


async def test_a_draft_that_nobody_touches_is_forgotten_after_ninety_days(desk: Desk) -> None:
    old, touched, new = await _begun(desk, {"n": 1}), await _begun(desk, {"n": 2}), await _begun(desk, {"n": 3})
    since = "update draft set created_at = now() - $1::interval, changed_at = now() - $1::interval where id = any($2)"
    ids = [draft.removeprefix("/drafts/") for draft in (old, touched)]
    await desk.pool.execute(since, KEPT + timedelta(minutes=1), ids)
    await _put(desk, touched, {"n": 2})
    await Forgetter(utc_now, most=1).run(desk.pool)
    assert [(await desk.get(draft, "anh")).status_code for draft in (old, touched, new)] == [404, 200, 200]
    chores = {chore.name for chore in desk.service.chores}
    assert "drafts" in chores


async def test_what_a_draft_names_is_kept_as_long_as_the_draft(desk: Desk, folder: Path) -> None:
    """A document that no dossier has is swept after a day; one that a draft of its owner names waits with it."""
    named, unused = await desk.uploaded("anh"), await desk.uploaded("anh")
    draft = await _begun(desk, {"documents": {"photo": [named]}})
    await _begun(desk, {"documents": {"photo": [unused]}}, who="duc")
    sweeper = Sweeper(Objects.at(folder.as_uri()), lambda: utc_now() + timedelta(days=2))
    await sweeper.run(desk.pool)
    statuses = [(await desk.get(f"/documents/{each}", "anh")).status_code for each in (named, unused)]
    assert statuses == [200, 404], "another's draft keeps nothing"
    assert (await desk.http.delete(draft, headers=desk.bearer("anh"))).status_code == 204
    await sweeper.run(desk.pool)
    assert (await desk.get(f"/documents/{named}", "anh")).status_code == 404
