"""Appointments on a real database: no seat is given twice, and every slot is one that the desk can keep."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest

from chassis.answering import Answering
from chassis.calls import Calling
from chassis.clock import VIETNAM
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from contracts import appointments, dossiers
from services.notifications.calls import Booking
from services.notifications.domain.appointment import FindSlot
from services.notifications.domain.desk import Desk
from tests.database import Server
from tests.integration.notifications_office import Office, eventually, settings_for, working
from tests.integration.sandbox_process import free_port
from tests.issuer import Issuer, issuing
from tests.records import NOON, example, record
from tests.waiting import again_until_done

# Tuesday after 15:00: acceptance counts from Wednesday, so Thursday 11 June is the first day that may be booked.
AFTERNOON = datetime(2026, 6, 9, 16, tzinfo=VIETNAM)
THURSDAY = datetime(2026, 6, 11, tzinfo=VIETNAM)
QUARTERS, SEATS = 30, 2  # 07:30-11:30 and 13:30-17:00


def now() -> datetime:
    return AFTERNOON.astimezone(UTC)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
async def running(postgres_server: Server, issuer: Issuer) -> AsyncIterator[Office]:
    database = await postgres_server.fresh("notifications")
    settings = settings_for(database, issuer, free_port(), booking_days=1, desk_seats=SEATS)
    async with working(settings, issuer, now) as office:
        yield office


@pytest.fixture
async def office(running: Office) -> Office:
    await again_until_done(lambda: _empty(running))
    return running


async def _empty(office: Office) -> None:
    """Calls that the test before left under way take no slot in the middle of it; who waits for the other, asks again."""
    tables = ("call", "slot", "appointment", "outbox")
    async with office.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"lock table {', '.join(tables)} in share row exclusive mode")
        for table in tables:
            await connection.execute(f"delete from {table}")


def accepted(minutes: int = 15) -> dossiers.Accepted:
    wanted = {"purpose": "Chụp ảnh", "place": "Trung tâm", "address": "Số 1", "minutes": minutes}
    return dossiers.Accepted.model_validate(example(dossiers.Accepted).model_dump() | {"appointment": wanted})


async def accept(office: Office, codes: list[str], minutes: int = 15) -> None:
    """All these dossiers are accepted at once, in one batch."""
    records = [record(accepted(minutes), number, subject=code, at=NOON) for number, code in enumerate(codes)]
    await office.takes(*records)


async def slots(office: Office) -> list[Any]:
    return await office.pool.fetch("select * from slot order by starts_at, seat")


def most_at_once(taken: list[Any]) -> int:
    """The most citizens whom any seat is promised to at the same time."""
    promised = Counter(
        (row["place"], row["seat"], row["starts_at"] + number * timedelta(minutes=15))
        for row in taken
        for number in range((row["ends_at"] - row["starts_at"]) // timedelta(minutes=15))
    )
    return max(promised.values())


async def test_a_hundred_bookings_for_sixty_slots_take_exactly_those_and_the_rest_wait(office: Office) -> None:
    await accept(office, [f"H-{number:03}" for number in range(100)])

    async def all_tried() -> bool:
        waiting = await office.pool.fetchval("select count(*) from call where kind = 'FindSlot' and tries > 0")
        booked = await office.pool.fetchval("select count(*) from appointment where state = 'booked'")
        return bool(waiting == 40 and booked == 60)

    await eventually(all_tried)
    taken = await slots(office)
    assert len(taken) == QUARTERS * SEATS
    assert most_at_once(taken) == 1
    assert taken[0]["starts_at"].astimezone(VIETNAM) == datetime(2026, 6, 11, 7, 30, tzinfo=VIETNAM)
    assert taken[-1]["ends_at"].astimezone(VIETNAM) == datetime(2026, 6, 11, 17, tzinfo=VIETNAM)
    told = await office.pool.fetchval("select count(distinct aggregateid) from outbox where type like '%booked%'")
    assert told == 60


async def test_bookings_that_race_over_several_processes_never_overbook(office: Office) -> None:
    """The calls are made at the same time over many connections, each appointment by two processes at once."""
    await office.pool.execute(
        """insert into appointment (dossier_code, appointment_id, state, purpose, place, address, version, sequence)
        select 'R-' || n, gen_random_uuid(), 'searching', 'p', 'Quầy', 'a', 1, 0 from generate_series(1, 100) n"""
    )
    ids = [row["appointment_id"] for row in await office.pool.fetch("select appointment_id from appointment")]
    booking = Booking(Desk(seats=2, days=1), now)

    async def ask(appointment_id: Any) -> tuple[Any, Any]:
        request = FindSlot(appointment_id=appointment_id, place="Quầy", minutes=20, not_before=THURSDAY)
        try:
            return appointment_id, await booking.find_slot(
                request, Calling(new_id(), 0, office.pool, cast("Answering", None))
            )
        except Unanswered:
            return appointment_id, None

    answers = await asyncio.gather(*(ask(each) for each in ids * 2))
    taken = await slots(office)
    assert most_at_once(taken) == 1
    found: dict[Any, set[Any]] = {}
    for appointment_id, slot in answers:
        found.setdefault(appointment_id, set()).add(slot and slot.starts_at)
    booked = {row["appointment_id"]: row["starts_at"] for row in taken}
    assert all(times <= {booked.get(each), None} for each, times in found.items())
    # 20 minutes take two quarters: 8 fit into a morning of 4 hours and 7 into an afternoon of 3½, at each seat.
    assert len(taken) == 2 * (8 + 7)


async def test_the_database_itself_refuses_a_quarter_of_a_seat_that_is_taken(office: Office) -> None:
    await accept(office, ["D-1", "D-2"])
    await eventually(lambda: _count(office, 2))
    first, second = await slots(office)
    with pytest.raises(asyncpg.UniqueViolationError):
        await office.pool.execute(
            "insert into slot_quarter (place, quarter, seat, appointment_id) values ($1, $2, $3, $4)",
            first["place"],
            first["starts_at"],
            first["seat"],
            second["appointment_id"],
        )


async def test_a_refused_dossier_gives_its_slot_to_whoever_waits(office: Office) -> None:
    await accept(office, [f"W-{number:03}" for number in range(60)])
    await eventually(lambda: _count(office, 60))
    await accept(office, ["W-late"])

    async def late_waits() -> bool:
        return bool(await office.pool.fetchval("select last_error from call where key = 'W-late'"))

    await eventually(late_waits)
    assert "no slot is free" in str(await office.pool.fetchval("select last_error from call where key = 'W-late'"))
    await office.hears(example(dossiers.Refused), "W-007", 3)
    assert len(await slots(office)) == 59
    assert [name for name, _ in await office.told("W-007", appointments.TOPIC)] == ["booked", "cancelled"]
    await office.pool.execute("update call set due_at = now() where key = 'W-late'")
    await eventually(lambda: _count(office, 60))
    assert most_at_once(await slots(office)) == 1


async def test_a_slot_found_for_a_dossier_that_was_refused_meanwhile_is_given_back(office: Office) -> None:
    """Both arrive before the call is made; whichever the order, no seat stays empty for nobody."""
    await accept(office, ["C-1"])
    await office.hears(example(dossiers.Refused), "C-1", 3)

    async def settled() -> bool:
        calls = await office.pool.fetchval("select count(*) from call where key = 'C-1'")
        return not calls and not await slots(office)

    await eventually(settled)
    state = await office.pool.fetchval("select state from appointment where dossier_code = 'C-1'")
    assert state == "cancelled"


async def test_an_acceptance_without_an_appointment_or_told_twice_books_nothing_more(office: Office) -> None:
    plain = dossiers.Accepted.model_validate(example(dossiers.Accepted).model_dump() | {"appointment": None})
    await office.hears(plain, "N-1")
    for sequence in (1, 2):
        await office.hears(accepted(), "N-2", sequence)
    await eventually(lambda: _count(office, 1))
    assert await office.pool.fetchval("select count(*) from appointment") == 1
    assert await office.pool.fetchval("select count(*) from call where kind = 'FindSlot'") == 0


async def _count(office: Office, wanted: int) -> bool:
    booked = await office.pool.fetchval("select count(*) from appointment where state = 'booked'")
    return bool(booked == wanted and len(await slots(office)) == wanted)
