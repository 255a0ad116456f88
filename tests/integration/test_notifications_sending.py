"""notifications with a real carrier and a real mail server: each notice once, whatever fails on the way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from chassis.clock import utc_now
from chassis.identifiers import new_id
from contracts import appointments, dossiers, notifications, payments
from tests.database import Server as Postgres
from tests.integration.notifications_office import SECRET, Office, eventually, settings_for, working
from tests.integration.sandbox_process import Server, free_port, running
from tests.issuer import Issuer, issuing
from tests.records import example

PORT, SMTP = free_port(), free_port()
NUMBERS = itertools.count(10)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    told = {"SMS_TOKEN": "token", "SMS_RECEIPT_SECRET": SECRET, "SMS_DELIVERY_SECONDS": "0.05"}
    told |= {"SMS_RECEIPT_URL": f"http://127.0.0.1:{PORT}/receipts/sms"}
    with running(Server("sms", _folder(tmp_path_factory, "sms"), told)) as server:
        yield server


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(Server("mail", _folder(tmp_path_factory, "mail"), {"SMTP_PORT": str(SMTP)})) as server:
        yield server


@pytest.fixture(scope="module")
async def office(postgres_server: Postgres, issuer: Issuer, carrier: Server, mail: Server) -> AsyncIterator[Office]:
    database = await postgres_server.fresh("notifications")
    settings = settings_for(database, issuer, PORT, sms_url=carrier.url, smtp_port=SMTP)
    async with working(settings, issuer, utc_now) as office:
        yield office


@pytest.fixture(autouse=True)
def all_is_well(carrier: Server, mail: Server) -> Iterator[None]:
    yield
    for server in (carrier, mail):
        httpx.delete(f"{server.url}/_control/faults").raise_for_status()


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    return factory.mktemp(name)


class Citizen:
    """A person with a phone, an e-mail address and a dossier of her own."""

    def __init__(self, ending: str = "1") -> None:
        number = next(NUMBERS)
        self.id, self.code = new_id(), f"G09.20-20260609-{number:07}"
        self.phone, self.email = f"+84590{number:03}00{ending}", f"anh{number}@example.com"

    def received(self, carrier: Server) -> list[dict[str, Any]]:
        answer = httpx.get(f"{carrier.url}/_control/messages", params={"to": self.phone})
        return list(reversed(answer.json()["messages"]))

    def letters(self, mail: Server) -> list[dict[str, Any]]:
        found = httpx.get(f"{mail.url}/api/messages", params={"to": self.email}).json()["messages"]
        return [httpx.get(f"{mail.url}/api/messages/{each['id']}").json() for each in found]


async def arrives(office: Office, ending: str = "1") -> Citizen:
    """A citizen who is known and has filed a dossier."""
    citizen = Citizen(ending)
    await office.knows(citizen.id, phone=citizen.phone, email=citizen.email)
    await office.filed(citizen.code, citizen.id)
    return citizen


async def test_a_submitted_dossier_is_announced_once_by_sms_and_once_by_letter(
    office: Office, carrier: Server, mail: Server
) -> None:
    citizen = await arrives(office)
    sms = await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")
    await office.comes_to("sent", citizen.code, "submitted-with-fee", "email")
    (message,) = citizen.received(carrier)
    assert message["encoding"] == "gsm7"
    assert message["reference"] == str(sms["notice_id"])
    assert citizen.code in message["text"]
    assert "135.000 d" in message["text"]
    assert f"http://127.0.0.1:8080/dossiers/{citizen.code}" in message["text"]
    assert message["parts"] == sms["parts"] <= 2
    (letter,) = citizen.letters(mail)
    assert "Kính gửi Ông/Bà Nguyễn Thị Ánh," in letter["text"]
    assert "135.000 đ" in letter["text"]
    assert "<p>" in letter["html"]
    told = await office.told(citizen.code, notifications.TOPIC)
    assert sorted(name for name, _ in told) == ["delivered", "sent", "sent"]
    assert "Ánh" not in str(told)
    assert citizen.phone not in str(told)


async def test_the_same_step_told_twice_by_different_events_is_one_notice(office: Office, carrier: Server) -> None:
    citizen = await arrives(office)
    for _ in range(2):
        await office.filed(citizen.code, citizen.id)
    await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")
    assert len(citizen.received(carrier)) == 1
    assert await office.pool.fetchval("select count(*) from notice where dossier_code = $1", citizen.code) == 2


async def test_what_was_announced_before_anybody_was_known_is_sent_when_the_contact_comes(
    office: Office, carrier: Server
) -> None:
    citizen = Citizen()
    receipt = example(payments.ReceiptIssued, amount=135_000, receipt_number="2026/00000017")
    await office.hears(receipt, citizen.code)

    async def tried() -> bool:
        return bool(await office.pool.fetchval("select max(tries) from call where key like $1", f"{citizen.code}/%"))

    await eventually(tried)
    assert citizen.received(carrier) == []
    await office.filed(citizen.code, citizen.id)
    await office.knows(citizen.id, phone=citizen.phone)
    await office.comes_to("delivered", citizen.code, "paid", "sms")
    assert any("Bien lai so 2026/00000017" in each["text"] for each in citizen.received(carrier))


async def test_an_sms_whose_answer_was_lost_is_not_sent_again_and_its_early_receipt_counts(
    office: Office, carrier: Server
) -> None:
    carrier.arm("timeout_after_send", delay_seconds=1.0)
    citizen = await arrives(office)
    await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")
    assert carrier.fired("timeout_after_send") == 1
    assert len(citizen.received(carrier)) == 1
    names = [name for name, data in await office.told(citizen.code, notifications.TOPIC) if data["channel"] == "sms"]
    assert names == ["sent", "delivered"]


@pytest.mark.parametrize("fault", ["storm_500", "rate_limited_429", "timeout_before", "receipt_before_response"])
async def test_trouble_at_the_carrier_delays_an_sms_and_never_doubles_it(
    office: Office, carrier: Server, fault: str
) -> None:
    carrier.arm(fault, delay_seconds=1.0)
    citizen = await arrives(office)
    await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")
    assert carrier.fired(fault) == 1
    assert len(citizen.received(carrier)) == 1


async def test_a_repeated_receipt_changes_nothing(office: Office, carrier: Server) -> None:
    carrier.arm("receipt_duplicated")
    citizen = await arrives(office)
    await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")

    async def answered_twice() -> bool:
        return carrier.fired("receipt_duplicated") == 1 and all(
            each["receipt_done"] for each in citizen.received(carrier)
        )

    await eventually(answered_twice)
    names = [name for name, data in await office.told(citizen.code, notifications.TOPIC) if data["channel"] == "sms"]
    assert names == ["sent", "delivered"]


@pytest.mark.parametrize(
    ("ending", "state", "reason"),
    [("2", "permanent_failure", "undeliverable"), ("3", "temporary_failure", "not_delivered_yet")],
)
async def test_an_sms_that_does_not_arrive_is_told_as_failed(
    office: Office, ending: str, state: str, reason: str
) -> None:
    citizen = await arrives(office, ending)
    await office.comes_to(state, citizen.code, "submitted-with-fee", "sms")
    told = [each for each in await office.told(citizen.code, notifications.TOPIC) if each[1]["channel"] == "sms"]
    assert [name for name, _ in told] == ["sent", "failed"]
    assert told[-1][1]["reason"] == reason


async def test_a_person_without_a_phone_or_without_a_mail_box_is_told_on_the_other_channel(office: Office) -> None:
    for reached, missing, reason in (("email", "sms", "no_phone"), ("sms", "email", "no_email")):
        citizen = Citizen()
        addresses = {"phone": citizen.phone} if reached == "sms" else {"email": citizen.email}
        await office.knows(citizen.id, **addresses)
        await office.filed(citizen.code, citizen.id)
        skipped = await office.comes_to("skipped", citizen.code, "submitted-with-fee", missing)
        assert skipped["reason"] == reason
        await office.comes_to("delivered" if reached == "sms" else "sent", citizen.code, "submitted-with-fee", reached)
        told = await office.told(citizen.code, notifications.TOPIC)
        assert ("failed", reason) in [(name, data.get("reason")) for name, data in told]


async def test_an_erased_person_is_not_written_to_and_nothing_of_her_is_left(office: Office) -> None:
    citizen = await arrives(office)
    await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")
    await office.forgets(citizen.id)
    await office.hears(example(dossiers.Returned), citizen.code)
    notice = await office.comes_to("skipped", citizen.code, "returned", "sms")
    assert notice["reason"] == "person_erased"
    everything = ""
    for table in ("contact", "recipient", "notice", "sending", "timer", "call", "parked"):
        everything += str([dict(row) for row in await office.pool.fetch(f"select * from {table}")])
    assert citizen.phone not in everything
    assert citizen.email not in everything
    row = await office.pool.fetchrow("select name, phone, email from contact where person_id = $1", citizen.id)
    assert row is not None
    assert list(row.values()) == [None, None, None]


@pytest.mark.parametrize(
    ("contact", "channel", "reason"),
    [
        ({"phone": "+842083855555"}, "sms", "number_invalid"),
        ({"email": "anh\r\nBcc: x@example.com"}, "email", "address_invalid"),
        ({"email": "anh..nguyen@example.com"}, "email", "address_invalid"),
    ],
)
async def test_an_address_that_cannot_be_used_fails_for_good(
    office: Office, contact: dict[str, str], channel: str, reason: str
) -> None:
    citizen = Citizen()
    await office.knows(citizen.id, **contact)
    await office.filed(citizen.code, citizen.id)
    failed = await office.comes_to("permanent_failure", citizen.code, "submitted-with-fee", channel)
    assert failed["reason"] == reason


@pytest.mark.parametrize("fault", ["temporary_451", "refuse_connection", "slow"])
async def test_trouble_at_the_mail_server_delays_a_letter_and_does_not_double_it(
    office: Office, mail: Server, fault: str
) -> None:
    mail.arm(fault, delay_seconds=0.5)
    citizen = await arrives(office)
    await office.comes_to("sent", citizen.code, "submitted-with-fee", "email")
    assert mail.fired(fault) == 1
    assert len(citizen.letters(mail)) == 1


async def test_a_mail_box_that_does_not_exist_fails_for_good(office: Office, mail: Server) -> None:
    mail.arm("permanent_550")
    citizen = await arrives(office)
    failed = await office.comes_to("permanent_failure", citizen.code, "submitted-with-fee", "email")
    assert failed["reason"] == "mailbox_unavailable"
    assert citizen.letters(mail) == []


async def test_a_letter_that_may_have_arrived_is_sent_again_under_the_same_message_id(
    office: Office, mail: Server
) -> None:
    mail.arm("timeout_after_data", delay_seconds=1.0)
    citizen = await arrives(office)
    notice = await office.comes_to("sent", citizen.code, "submitted-with-fee", "email")
    assert mail.fired("timeout_after_data") == 1
    letters = citizen.letters(mail)
    assert len(letters) == 2
    assert {dict(each["headers"])["Message-ID"] for each in letters} == {f"<{notice['notice_id']}@motcua.example>"}
    assert letters[0]["text"] == letters[1]["text"]
    doubt = await office.pool.fetchval("select handed_over_at from sending where notice_id = $1", notice["notice_id"])
    assert doubt is not None


async def test_acceptance_books_an_appointment_and_the_letter_brings_its_calendar_file(
    office: Office, carrier: Server, mail: Server
) -> None:
    citizen = await arrives(office)
    await office.hears(example(dossiers.Accepted), citizen.code, 2)

    async def booked() -> list[Any]:
        return await office.told(citizen.code, appointments.TOPIC)

    ((name, data),) = await eventually(booked)
    assert name == "booked"
    await office.hears_itself(appointments.TOPIC)
    await office.comes_to("delivered", citizen.code, "appointment-booked", "sms")
    await office.comes_to("sent", citizen.code, "appointment-booked", "email")
    assert any("Moi den" in each["text"] for each in citizen.received(carrier))
    (letter,) = [each for each in citizen.letters(mail) if each["attachments"]]
    (attached,) = letter["attachments"]
    assert (attached["filename"], attached["content_type"]) == ("lich-hen.ics", "text/calendar")
    (event,) = Calendar.from_ical(httpx.get(f"{mail.url}{attached['url']}").text).walk("VEVENT")
    assert str(event["UID"]) == f"{data['appointment_id']}@motcua"
    assert data["place"] in str(event["LOCATION"])


async def test_many_notices_at_once_each_reach_their_citizen_once(
    office: Office, carrier: Server, mail: Server
) -> None:
    citizens = [await arrives(office) for _ in range(25)]
    for citizen in citizens:
        await office.comes_to("delivered", citizen.code, "submitted-with-fee", "sms")
        await office.comes_to("sent", citizen.code, "submitted-with-fee", "email")
    received = await asyncio.to_thread(lambda: [len(citizen.received(carrier)) for citizen in citizens])
    letters = await asyncio.to_thread(lambda: [len(citizen.letters(mail)) for citizen in citizens])
    assert received == letters == [1] * 25
