"""Quiet hours with a real carrier: no SMS at night, none lost by waiting, none sent twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.clock import VIETNAM, utc_now
from chassis.identifiers import new_id
from tests.database import Server as Postgres
from tests.integration.notifications_office import SECRET, Office, eventually, settings_for, working
from tests.integration.sandbox_process import Server, free_port, running
from tests.issuer import Issuer, issuing

EVENING, NIGHT, MORNING = timedelta(hours=-2), timedelta(), timedelta(hours=2)


@dataclass
class Moved:
    """A clock that a test sets; the night is around the present."""

    ahead: timedelta = NIGHT

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    told = {"SMS_TOKEN": "token", "SMS_RECEIPT_SECRET": SECRET}
    told |= {"SMS_RECEIPT_URL": f"http://127.0.0.1:{free_port()}/receipts/sms"}
    with running(Server("sms", tmp_path_factory.mktemp("sms"), told)) as server:
        yield server


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
async def office(postgres_server: Postgres, issuer: Issuer, carrier: Server, clock: Moved) -> AsyncIterator[Office]:
    database = await postgres_server.fresh("notifications")
    present = utc_now().astimezone(VIETNAM)
    night = {
        "quiet_begins": (present - timedelta(hours=1)).time(),
        "quiet_ends": (present + timedelta(hours=1)).time(),
    }
    settings = settings_for(database, issuer, free_port(), sms_url=carrier.url, **night)
    async with working(settings, issuer, clock) as office:
        yield office


def received(carrier: Server) -> list[Any]:
    messages: list[Any] = httpx.get(f"{carrier.url}/_control/messages").json()["messages"]
    return messages


async def test_a_notice_of_the_night_is_sent_in_the_morning(office: Office, carrier: Server, clock: Moved) -> None:
    code, person = str(uuid4()), new_id()
    await office.knows(person, phone="+84590000001")
    await office.filed(code, person)
    waiting = await office.comes_to("waiting", code, "submitted-with-fee", "sms")
    due = await office.pool.fetchval("select due_at from timer where key = $1 and kind = 'Send'", waiting["key"])
    assert timedelta(minutes=58) < due - utc_now() <= timedelta(hours=1)
    assert received(carrier) == []
    clock.ahead = MORNING
    await office.comes_to("sent", code, "submitted-with-fee", "sms")
    assert len(received(carrier)) == 1


async def test_a_notice_that_could_not_be_sent_by_day_is_not_sent_by_night(
    office: Office, carrier: Server, clock: Moved
) -> None:
    clock.ahead = EVENING
    code, person = str(uuid4()), new_id()
    await office.filed(code, person)

    async def tried() -> bool:
        return bool(await office.pool.fetchval("select max(tries) from call where kind = 'SendSms'"))

    await eventually(tried)
    clock.ahead = NIGHT
    await office.knows(person, phone="+84590000001")
    await office.comes_to("waiting", code, "submitted-with-fee", "sms")
    assert received(carrier) == []
    clock.ahead = MORNING
    await office.comes_to("sent", code, "submitted-with-fee", "sms")
    assert len(received(carrier)) == 1


async def test_a_sending_of_unknown_outcome_is_asked_about_at_night_and_not_repeated(
    office: Office, carrier: Server, clock: Moved
) -> None:
    clock.ahead = EVENING
    carrier.arm("timeout_after_send", delay_seconds=2.0)
    code, person = str(uuid4()), new_id()
    await office.knows(person, phone="+84590000001")
    await office.filed(code, person)

    async def reached() -> bool:
        return len(received(carrier)) == 1

    await eventually(reached)
    clock.ahead = NIGHT
    await office.comes_to("sent", code, "submitted-with-fee", "sms")
    assert carrier.fired("timeout_after_send") == 1
    assert len(received(carrier)) == 1
