"""notifications over HTTP: messages and appointments for whom they concern, receipts only from the carrier."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from icalendar import Calendar

from chassis.clock import utc_now
from chassis.identifiers import new_id
from contracts import appointments, dossiers, notifications
from tests.database import Server as Postgres
from tests.integration.notifications_office import AGENCY, SECRET, Office, eventually, settings_for, working
from tests.integration.sandbox_process import Server, free_port, running
from tests.issuer import Issuer, issuing
from tests.records import example

PHONE = "+84590123001"


@dataclass
class Moved:
    """A clock that a test sets forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


CLOCK = Moved()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A carrier whose receipts go nowhere: the tests send them."""
    told = {"SMS_TOKEN": "token", "SMS_RECEIPT_SECRET": SECRET}
    told |= {"SMS_RECEIPT_URL": f"http://127.0.0.1:{free_port()}/receipts/sms"}
    with running(Server("sms", tmp_path_factory.mktemp("sms"), told)) as server:
        yield server


@pytest.fixture(scope="module")
async def office(postgres_server: Postgres, issuer: Issuer, carrier: Server) -> AsyncIterator[Office]:
    database = await postgres_server.fresh("notifications")
    settings = settings_for(database, issuer, free_port(), sms_url=carrier.url)
    async with working(settings, issuer, CLOCK) as office:
        yield office


@pytest.fixture(autouse=True)
def present() -> Iterator[None]:
    CLOCK.ahead = timedelta()
    yield
    CLOCK.ahead = timedelta()


@dataclass(frozen=True)
class Case:
    """A dossier of its own whose SMS was sent."""

    code: str
    person: UUID
    notice_id: UUID


@pytest.fixture
async def case(office: Office) -> Case:
    code, person = f"{AGENCY}-{uuid4().hex[:8]}", new_id()
    await office.knows(person, phone=PHONE)
    await office.filed(code, person)
    notice = await office.comes_to("sent", code, "submitted-with-fee", "sms")
    return Case(code, person, notice["notice_id"])


def receipt(reference: Any, state: str = "delivered", **changes: Any) -> bytes:
    told = {"id": str(new_id()), "reference": str(reference), "state": state, "at": "2026-06-09T05:00:00Z"}
    return json.dumps(told | changes).encode()


async def post(office: Office, body: bytes, at: datetime | None = None, secret: str = SECRET) -> httpx.Response:
    seconds = str(int((at or CLOCK()).timestamp()))
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Signature": f"t={seconds},v1={digest}", "Content-Type": "application/json"}
    return await office.http.post("/receipts/sms", content=body, headers=headers)


async def state_of(office: Office, case: Case) -> str:
    return str((await office.notice(case.code, "submitted-with-fee", "sms"))["state"])


async def test_a_signed_receipt_moves_its_sms_and_a_second_one_changes_nothing(office: Office, case: Case) -> None:
    for _ in range(2):
        answer = await post(office, receipt(case.notice_id))
        assert (answer.status_code, answer.content) == (204, b"")
    assert await state_of(office, case) == "delivered"
    assert (await post(office, receipt(case.notice_id, "permanent_failure"))).status_code == 204
    assert await state_of(office, case) == "delivered"
    names = [name for name, data in await office.told(case.code, notifications.TOPIC) if data["channel"] == "sms"]
    assert names == ["sent", "delivered"]


async def test_a_temporary_failure_may_still_be_followed_by_delivery(office: Office, case: Case) -> None:
    await post(office, receipt(case.notice_id, "temporary_failure"))
    assert await state_of(office, case) == "temporary_failure"
    await post(office, receipt(case.notice_id))
    assert await state_of(office, case) == "delivered"


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Signature": ""}, {"X-Signature": "v1=00"}, {"X-Signature": f"t=1,v1={'0' * 64}"}],
)
async def test_a_receipt_without_the_carriers_signature_is_refused(
    office: Office, case: Case, headers: dict[str, str]
) -> None:
    answer = await office.http.post("/receipts/sms", content=receipt(case.notice_id), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert await state_of(office, case) == "sent"


async def test_a_receipt_forged_changed_or_replayed_later_is_refused(office: Office, case: Case) -> None:
    body = receipt(case.notice_id)
    assert (await post(office, body, secret="another")).status_code == 401
    assert (await post(office, body, CLOCK() - timedelta(minutes=6))).status_code == 401
    assert (await post(office, body, CLOCK() + timedelta(minutes=6))).status_code == 401
    seconds = str(int(CLOCK().timestamp()))
    digest = hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    changed = body.replace(b"delivered", b"permanent_failure")
    headers = {"X-Signature": f"t={seconds},v1={digest}"}
    assert (await office.http.post("/receipts/sms", content=changed, headers=headers)).status_code == 401
    assert await state_of(office, case) == "sent"


async def test_a_receipt_of_an_unknown_sms_or_in_an_unknown_form_is_told_so(office: Office) -> None:
    assert (await post(office, receipt(new_id()))).status_code == 404
    assert (await post(office, receipt("r-1"))).status_code == 422
    assert (await post(office, receipt(new_id(), "lost_at_sea"))).status_code == 422
    assert (await post(office, b"not JSON")).status_code == 422


async def test_an_sms_that_nobody_hears_of_for_three_days_failed_for_now_until_a_late_receipt(
    office: Office, case: Case
) -> None:
    CLOCK.ahead = timedelta(hours=71, minutes=59)
    assert await state_of(office, case) == "sent"
    CLOCK.ahead = timedelta(hours=72, minutes=1)
    failed = await office.comes_to("temporary_failure", case.code, "submitted-with-fee", "sms")
    assert failed["reason"] == "no_receipt"
    assert (await post(office, receipt(case.notice_id))).status_code == 204
    assert await state_of(office, case) == "delivered"


async def test_a_notice_that_could_not_be_sent_for_three_days_is_told_as_failed_and_never_sent(
    office: Office, carrier: Server
) -> None:
    code, person = f"{AGENCY}-{uuid4().hex[:8]}", new_id()
    await office.filed(code, person)
    CLOCK.ahead = timedelta(hours=73)
    failed = await office.comes_to("temporary_failure", code, "submitted-with-fee", "sms")
    assert failed["reason"] == "no_answer"
    await office.knows(person, phone="+84590124001")
    await office.pool.execute("update call set due_at = now() where key like $1", f"{code}/%")

    async def settled() -> bool:
        return not await office.pool.fetchval("select count(*) from call where key like $1", f"{code}/sub%/sms")

    await eventually(settled)
    sent = httpx.get(f"{carrier.url}/_control/messages", params={"to": "+84590124001"}).json()["messages"]
    assert sent == []


async def test_messages_are_shown_to_owner_officer_and_operator_and_their_words_to_the_owner_alone(
    office: Office, case: Case
) -> None:
    path = f"/dossiers/{case.code}/messages"
    await post(office, receipt(case.notice_id))
    own = (await office.get(path, "citizen", person_id=str(case.person))).json()
    (sms,) = [each for each in own["messages"] if each["channel"] == "sms"]
    assert (sms["state"], sms["template"], sms["tries"]) == ("delivered", "submitted-with-fee", 1)
    assert sms["sent_at"] <= sms["delivered_at"]
    assert case.code in sms["text"]
    for role, claims in (("officer", {"agency": AGENCY}), ("operator", {})):
        seen = (await office.get(path, role, **claims)).json()["messages"]
        assert {each["channel"] for each in seen} == {"sms", "email"}
        assert {each["text"] for each in seen} == {None}


@pytest.mark.parametrize("what", ["messages", "appointment", "appointment.ics"])
async def test_strangers_are_told_that_there_is_nothing(office: Office, case: Case, what: str) -> None:
    nothing = await office.get("/dossiers/no-such/" + what, "citizen", person_id=str(case.person))
    for role, claims in (
        ("citizen", {"person_id": str(new_id())}),
        ("citizen", {}),
        ("agency-system", {"agency": AGENCY}),
        ("officer", {"agency": "H55.31"}),
    ):
        answer = await office.get(f"/dossiers/{case.code}/{what}", role, **claims)
        if what == "appointment.ics" and role != "citizen":
            assert answer.status_code == 403
        else:
            assert (answer.status_code, answer.json()) == (404, nothing.json())
    assert (await office.http.get(f"/dossiers/{case.code}/{what}")).status_code == 401


async def test_an_appointment_is_shown_attended_and_missed(office: Office, case: Case) -> None:
    path, owner = f"/dossiers/{case.code}/appointment", {"person_id": str(case.person)}
    assert (await office.get(path, "citizen", **owner)).status_code == 404
    await office.hears(example(dossiers.Accepted), case.code, 2)

    async def booked() -> dict[str, Any] | None:
        seen: dict[str, Any] = (await office.get(path, "citizen", **owner)).json()
        return seen if seen["state"] == "booked" else None

    seen = await eventually(booked)
    calendar = await office.get(path + ".ics", "citizen", **owner)
    assert calendar.headers["content-type"] == "text/calendar; charset=utf-8"
    (event,) = Calendar.from_ical(calendar.text).walk("VEVENT")
    assert event.decoded("DTSTART") == datetime.fromisoformat(seen["starts_at"])

    officer = {"agency": AGENCY}
    assert (await office.post(path + "/attended", "citizen", **owner)).status_code == 403
    assert (await office.post(path + "/attended", "officer", agency="H55.31")).status_code == 404
    early = await office.post(path + "/missed", "officer", **officer)
    assert (early.status_code, early.json()["code"]) == (409, "too_early")
    first, second = [await office.post(path + "/attended", "officer", **officer) for _ in range(2)]
    assert (first.status_code, first.json()["state"]) == (200, "attended")
    assert first.json() == second.json()
    late = await office.post(path + "/missed", "officer", **officer)
    assert (late.status_code, late.json()["code"]) == (409, "not_booked")
    assert [name for name, _ in await office.told(case.code, appointments.TOPIC)] == ["booked", "attended"]


async def test_a_citizen_who_did_not_come_is_missed_once_the_time_has_come(office: Office, case: Case) -> None:
    path = f"/dossiers/{case.code}/appointment"
    await office.hears(example(dossiers.Accepted), case.code, 2)
    await eventually(lambda: office.told(case.code, appointments.TOPIC))
    CLOCK.ahead = timedelta(days=40)
    first, second = [await office.post(path + "/missed", "officer", agency=AGENCY) for _ in range(2)]
    assert (first.status_code, first.json()["state"]) == (200, "missed")
    assert first.json() == second.json()
    assert [name for name, _ in await office.told(case.code, appointments.TOPIC)] == ["booked", "missed"]


async def test_a_dossier_without_an_appointment_has_none_to_attend(office: Office, case: Case) -> None:
    answer = await office.post(f"/dossiers/{case.code}/appointment/attended", "officer", agency=AGENCY)
    assert answer.status_code == 404
