"""status over HTTP: the whole dossier for whoever may see it, nothing for anybody else."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.identifiers import new_id
from chassis.pages import cursor_of
from chassis.postgres import Pool, open_pool
from chassis.service import build
from chassis.settings import Settings
from contracts import appointments, dossiers, notifications, payments
from contracts.event import Data
from services.status import store
from services.status.main import CONSUMES, status
from services.status.store import Wanted, listing
from tests.consuming import consumer_of
from tests.database import Database, Server
from tests.issuer import Issuer, issuing, new_key
from tests.records import CODE, NOON, example, record

ANH, DUC = new_id(), new_id()
OURS, THEIRS = "G09.20", "H55.31"


@dataclass(frozen=True)
class Desk:
    """The running service: its HTTP side, its database, and who signs for callers."""

    http: httpx.AsyncClient
    pool: Pool
    issuer: Issuer

    async def hears(self, data: Data, sequence: int = 1, subject: str = CODE, minutes: int = 0) -> None:
        """One event arrives from its topic."""
        fold = next(fold for fold in CONSUMES if fold.topic == data.TOPIC)
        at = NOON + timedelta(minutes=minutes)
        await consumer_of(fold, self.pool).take([record(data, time.monotonic_ns(), sequence, at, subject)])

    async def filed(self, subject: str = CODE, person: UUID = ANH, minutes: int = 0, **step: Any) -> None:
        """A dossier was submitted."""
        submitted = example(dossiers.Submitted, person_id=person, step={"agency": OURS} | step)
        await self.hears(submitted, subject=subject, minutes=minutes)

    async def get(self, path: str, role: str, **claims: Any) -> httpx.Response:
        return await self.http.get(path, headers=self.issuer.bearer(role, **claims))

    async def codes(self, path: str, role: str, **claims: Any) -> list[str]:
        """The codes of one page, in its order."""
        answer = await self.get(path, role, **claims)
        assert answer.status_code == 200, answer.text
        return [item["code"] for item in answer.json()["items"]]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
async def database(postgres_server: Server) -> Database:
    return await postgres_server.fresh("status")


@pytest.fixture(scope="module")
async def running(database: Database, issuer: Issuer) -> AsyncIterator[Desk]:
    async with _running(database, issuer) as desk:
        yield desk


@pytest.fixture
async def desk(running: Desk) -> Desk:
    await running.pool.execute("delete from view")
    return running


@asynccontextmanager
async def _running(database: Database, issuer: Issuer) -> AsyncIterator[Desk]:
    settings = Settings.model_validate(
        {
            "database_url": database.url,
            "kafka_user": "status",
            "kafka_password": "unused",
            "http_port": 1,
            "oidc_issuer": issuer.url,
            "instance": "status-test",
        }
    )
    app = build(status(settings), ["api"])
    pool = await open_pool(database.url, "test", 2)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://status") as http,
    ):
        yield Desk(http, pool, issuer)
    await pool.close()


async def _journey(desk: Desk) -> None:
    """Payment first, dossier later: topics keep no order between them."""
    bill, visit, notice = new_id(), new_id(), new_id()
    await desk.hears(example(payments.Opened, bill_id=bill, amount=135_000), 1, minutes=1)
    await desk.hears(example(payments.Succeeded, bill_id=bill), 2, minutes=5)
    await desk.hears(example(payments.ReceiptIssued, bill_id=bill, receipt_number="2026/00000017"), 3, minutes=5)
    await desk.filed(status=1)
    await desk.hears(
        example(dossiers.Accepted, step={"agency": OURS, "status": 2, "officer": "Vũ Thị Lan"}), 2, minutes=9
    )
    await desk.hears(example(appointments.Booked, appointment_id=visit, place="Trung tâm hành chính"), 1, minutes=10)
    await desk.hears(example(notifications.Sent, notice_id=notice, channel="sms"), 1, minutes=11)
    await desk.hears(example(notifications.Delivered, notice_id=notice, channel="sms"), 2, minutes=12)
    returned = {"agency": OURS, "status": 10, "officer": "Vũ Thị Lan"}
    await desk.hears(
        example(dossiers.Completed, result="Giấy phép lái xe", step=returned | {"status": 9}), 3, minutes=20
    )
    await desk.hears(example(dossiers.Returned, delivery="tại quầy", step=returned), 4, minutes=30)


async def test_a_citizen_sees_the_four_facts_and_the_whole_timeline(desk: Desk) -> None:
    await _journey(desk)
    answer = await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH))
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["code"], seen["status"], seen["status_vi"]) == (CODE, 10, "Đã trả kết quả")
    assert (seen["agency"], seen["officer"]) == (OURS, "Vũ Thị Lan")
    assert {"since", "due", "department", "agency_name"} <= seen.keys()
    assert (seen["payment"]["state"], seen["payment"]["amount"]) == ("paid", 135_000)
    assert seen["payment"]["receipt_number"] == "2026/00000017"
    assert (seen["appointment"]["state"], seen["appointment"]["place"]) == ("booked", "Trung tâm hành chính")
    assert [(notice["channel"], notice["state"]) for notice in seen["delivery"]["notices"]] == [("sms", "delivered")]
    assert (seen["delivery"]["result"]["name"], seen["delivery"]["result"]["handed_over"]) == (
        "Giấy phép lái xe",
        "tại quầy",
    )
    assert [line["type"].removeprefix("vn.motcua.") for line in seen["timeline"]] == [
        "dossier.submitted.v1",
        "payment.opened.v1",
        "payment.succeeded.v1",
        "payment.receipt-issued.v1",
        "dossier.accepted.v1",
        "appointment.booked.v1",
        "notification.sent.v1",
        "notification.delivered.v1",
        "dossier.completed.v1",
        "dossier.returned.v1",
    ]
    assert seen["timeline"][-1]["text_vi"] == "Đã trả kết quả."
    assert (seen["timeline"][-1]["status"], seen["timeline"][-1]["officer"]) == (10, "Vũ Thị Lan")


async def test_neither_the_person_nor_the_trace_is_shown(desk: Desk) -> None:
    await _journey(desk)
    for path in (f"/dossiers/{CODE}", "/dossiers"):
        text = (await desk.get(path, "citizen", person_id=str(ANH))).text
        assert str(ANH) not in text
        assert "traceparent" not in text


SEES = [
    ("the citizen whose it is", "citizen", {"person_id": str(ANH)}, 200),
    ("another citizen", "citizen", {"person_id": str(DUC)}, 404),
    ("a citizen without a person id", "citizen", {}, 404),
    ("an officer of the agency that has it", "officer", {"agency": OURS}, 200),
    ("an officer of another agency", "officer", {"agency": THEIRS}, 404),
    ("an officer without an agency", "officer", {}, 404),
    ("an officer who claims the citizen's person id", "officer", {"agency": THEIRS, "person_id": str(ANH)}, 404),
    ("the agency's own system", "agency-system", {"agency": OURS}, 200),
    ("another agency's system", "agency-system", {"agency": THEIRS}, 404),
    ("an operator", "operator", {}, 200),
]


@pytest.mark.parametrize(("who", "role", "claims", "expected"), SEES, ids=[case[0] for case in SEES])
async def test_only_whom_it_concerns_sees_a_dossier(
    desk: Desk, who: str, role: str, claims: dict[str, str], expected: int
) -> None:
    await desk.filed()
    assert (await desk.get(f"/dossiers/{CODE}", role, **claims)).status_code == expected
    assert await desk.codes("/dossiers", role, **claims) == ([CODE] if expected == 200 else [])


async def test_a_dossier_that_is_not_mine_and_one_that_is_not_there_look_alike(desk: Desk) -> None:
    await desk.filed()
    hidden = await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(DUC))
    absent = await desk.get("/dossiers/G09.20-20260609-9999999", "citizen", person_id=str(DUC))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content
    assert hidden.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("code", ["%00", "%0A", "%F0%9F%99%82", "' or true --", "x" * 5000])
async def test_a_code_of_any_bytes_is_simply_not_found(desk: Desk, code: str) -> None:
    assert (await desk.get(f"/dossiers/{code}", "operator")).status_code == 404


async def test_before_the_dossiers_own_event_only_operators_see_it(desk: Desk) -> None:
    await desk.hears(example(payments.Opened))
    for role, claims in (
        ("citizen", {"person_id": str(ANH)}),
        ("citizen", {}),
        ("officer", {"agency": OURS}),
        ("officer", {}),
    ):
        assert (await desk.get(f"/dossiers/{CODE}", role, **claims)).status_code == 404
        assert await desk.codes("/dossiers", role, **claims) == []
    assert (await desk.get(f"/dossiers/{CODE}", "operator")).json()["payment"]["state"] == "open"
    assert await desk.codes("/dossiers", "operator") == [CODE]
    await desk.filed()
    assert (await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH))).status_code == 200


def _forged(algorithm: str, claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token as someone without our key would write it; unsigned without a secret."""
    head, body = (_coded(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "at+jwt"}, claims))
    signature = b"" if secret is None else hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{_coded(signature)}"


def _coded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


async def test_a_token_that_is_not_ours_for_us_and_valid_now_is_refused(desk: Desk) -> None:
    await desk.filed()
    mine: dict[str, Any] = {"person_id": str(ANH)}
    sign, now = desk.issuer.token, int(time.time())
    claims = {"iss": desk.issuer.url, "aud": "motcua", "exp": now + 600, "sub": "x", "role": "operator"}
    tokens = {
        "expired": sign("citizen", exp=now - 600, **mine),
        "without an end": sign("citizen", exp=None, **mine),
        "for somebody else": sign("citizen", aud="someone-else", **mine),
        "for nobody": sign("citizen", aud=None, **mine),
        "of another issuer": sign("citizen", iss="http://elsewhere", **mine),
        "signed with another key": sign("citizen", key=new_key(), **mine),
        "not valid yet": sign("citizen", nbf=now + 600, **mine),
        "unsigned": _forged("none", claims),
        "of an unknown role": sign("minister"),
        "with several roles": sign(["citizen", "operator"]),
        "with a person id that is none": sign("citizen", person_id="Nguyễn Thị Ánh"),
        "signed with our public key as a password": _forged("HS256", claims, desk.issuer.key.as_pem(private=False)),
        "not a token": "a.b.c",
        "empty": "",
    }
    for why, token in tokens.items():
        answer = await desk.http.get(f"/dossiers/{CODE}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, why
        assert answer.headers["www-authenticate"].startswith("Bearer"), why
    assert (await desk.http.get(f"/dossiers/{CODE}")).status_code == 401
    assert (await desk.http.get("/dossiers")).status_code == 401


async def test_without_its_identity_provider_the_service_is_away_and_nobody_is_refused(
    database: Database, issuer: Issuer
) -> None:
    absent = Issuer("http://127.0.0.1:9", issuer.key)
    async with _running(database, absent) as desk:
        answer = await desk.get("/dossiers", "operator")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_a_token_for_several_audiences_is_taken_when_we_are_among_them(desk: Desk) -> None:
    await desk.filed()
    answer = await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH), aud=["portal", "motcua"])
    assert answer.status_code == 200


async def test_the_etag_changes_with_the_dossier_and_saves_the_answer_until_then(desk: Desk) -> None:
    await desk.filed()
    first = await desk.get(f"/dossiers/{CODE}", "operator")
    seen = {"If-None-Match": first.headers["etag"]} | desk.issuer.bearer("operator")
    again = await desk.http.get(f"/dossiers/{CODE}", headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    await desk.hears(example(payments.Opened))
    changed = await desk.http.get(f"/dossiers/{CODE}", headers=seen)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_an_etag_shows_nothing_to_whoever_may_not_see_the_dossier(desk: Desk) -> None:
    await desk.filed()
    etag = (await desk.get(f"/dossiers/{CODE}", "operator")).headers["etag"]
    seen = {"If-None-Match": etag} | desk.issuer.bearer("citizen", person_id=str(DUC))
    assert (await desk.http.get(f"/dossiers/{CODE}", headers=seen)).status_code == 404


async def test_pages_list_every_dossier_once_the_newest_first(desk: Desk) -> None:
    codes = [f"G09.20-20260609-{number:07}" for number in range(7)]
    for number, code in enumerate(codes):
        await desk.filed(code, minutes=number // 2)  # pairs of the same moment
    found: list[str] = []
    cursor = ""
    while True:
        page = (await desk.get(f"/dossiers?limit=3{cursor}", "citizen", person_id=str(ANH))).json()
        found += [item["code"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == codes[::-1]


async def test_lists_are_filtered_by_status_and_agency_within_what_the_caller_may_see(desk: Desk) -> None:
    await desk.filed("A-1", status=1, minutes=1)
    await desk.filed("A-2", status=4, minutes=2)
    await desk.filed("B-1", person=DUC, status=4, agency=THEIRS, minutes=3)
    assert await desk.codes("/dossiers?status=4", "operator") == ["B-1", "A-2"]
    assert await desk.codes(f"/dossiers?agency={OURS}", "operator") == ["A-2", "A-1"]
    assert await desk.codes("/dossiers?status=4", "officer", agency=OURS) == ["A-2"]
    assert await desk.codes(f"/dossiers?agency={THEIRS}", "officer", agency=OURS) == []
    assert await desk.codes(f"/dossiers?agency={THEIRS}", "citizen", person_id=str(ANH)) == []
    assert await desk.codes("/dossiers?status=1", "citizen", person_id=str(ANH)) == ["A-1"]


@pytest.mark.parametrize(
    "query",
    ["status=11", "status=x", "limit=0", "limit=101", "cursor=nonsense", "cursor=WyIyMDI2IiwgMV0", "agency=%00"],
)
async def test_a_wrong_question_is_refused_with_a_reason(desk: Desk, query: str) -> None:
    answer = await desk.get(f"/dossiers?{query}", "operator")
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


async def test_a_cursor_with_a_null_byte_is_refused_too(desk: Desk) -> None:
    answer = await desk.get(f"/dossiers?cursor={cursor_of(NOON, chr(0))}", "operator")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(person_id=ANH),
        Wanted(person_id=ANH, status=4),
        Wanted(of_agency="agency 7"),
        Wanted(of_agency="agency 7", status=4),
        Wanted(agency="agency 7", status=4),
        Wanted(status=4),
        Wanted(),
    ],
    ids=str,
)
async def test_every_list_is_read_from_an_index_in_its_order(desk: Desk, wanted: Wanted) -> None:
    await desk.pool.execute(
        """
        insert into view (dossier_code, version, sequence, opened_at, person_id, dossier_sequence, status, agency,
                          payments, appointments, notices, timeline)
        select 'C-' || i, 1, 0, now() - make_interval(secs => i), gen_random_uuid(), 1, i % 10 + 1, 'agency ' || i % 50,
               '{}', '{}', '{}', '[]'
        from generate_series(1, 20000) i"""
    )
    await desk.pool.execute("analyze view")
    query, arguments = listing(wanted, (NOON, CODE), 21)
    plan = json.dumps(json.loads(await desk.pool.fetchval(f"explain (format json) {query}", *arguments)))
    assert "Index" in plan
    assert "Seq Scan" not in plan
    assert (await store.page(desk.pool, wanted, None, 5)) == sorted(
        await store.page(desk.pool, wanted, None, 5), key=lambda row: row["opened_at"], reverse=True
    )


async def test_the_service_says_when_it_is_ready_and_describes_itself(desk: Desk) -> None:
    assert (await desk.http.get("/readyz")).status_code == 200
    paths = (await desk.http.get("/openapi.json")).json()["paths"]
    assert {"/dossiers", "/dossiers/{code}"} <= paths.keys()
