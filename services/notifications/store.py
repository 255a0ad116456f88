"""The only SQL of notifications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.aggregate import Aggregate
from chassis.errors import Unanswered
from chassis.postgres import Connection, Pool
from services.notifications.domain.appointment import Appointment, FindSlot, SlotFound
from services.notifications.domain.contact import Contact
from services.notifications.domain.desk import UNIT
from services.notifications.domain.notice import Notice
from services.notifications.domain.recipient import Recipient

# Each writes a state only over the version that it was decided on.
_SAVE_CONTACT = """
insert into contact (person_id, name, phone, email, language, erased_at, version, sequence, traceparent)
select person_id, name, phone, email, language, erased_at, version, sequence, traceparent
from jsonb_to_recordset($1::jsonb) as state(
    person_id uuid, name text, phone text, email text, language text, erased_at timestamptz, version int,
    sequence int, traceparent text
)
on conflict (person_id) do update set
    name = excluded.name, phone = excluded.phone, email = excluded.email, language = excluded.language,
    erased_at = excluded.erased_at,
    version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent
where contact.version = excluded.version - 1
"""
_SAVE_RECIPIENT = """
insert into recipient (dossier_code, person_id, agency, version, sequence, traceparent)
select dossier_code, person_id, agency, version, sequence, traceparent
from jsonb_to_recordset($1::jsonb) as state(
    dossier_code text, person_id uuid, agency text, version int, sequence int, traceparent text
)
on conflict (dossier_code) do nothing
"""
_SAVE_APPOINTMENT = """
insert into appointment (
    dossier_code, appointment_id, state, purpose, place, address, starts_at, ends_at, booked_at, version,
    sequence, traceparent
)
select
    dossier_code, appointment_id, state, purpose, place, address, starts_at, ends_at, booked_at, version,
    sequence, traceparent
from jsonb_to_recordset($1::jsonb) as state(
    dossier_code text, appointment_id uuid, state text, purpose text, place text, address text,
    starts_at timestamptz, ends_at timestamptz, booked_at timestamptz, version int, sequence int, traceparent text
)
on conflict (dossier_code) do update set
    state = excluded.state, starts_at = excluded.starts_at, ends_at = excluded.ends_at, booked_at = excluded.booked_at,
    version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent
where appointment.version = excluded.version - 1
"""
_SAVE_NOTICE = """
insert into notice (
    key, notice_id, dossier_code, step, channel, template, facts, state, reason, parts, announced_at, sent_at,
    settled_at, early_word, version, sequence, traceparent
)
select
    key, notice_id, dossier_code, step, channel, template, facts, state, reason, parts, announced_at, sent_at,
    settled_at, early_word, version, sequence, traceparent
from jsonb_to_recordset($1::jsonb) as state(
    key text, notice_id uuid, dossier_code text, step text, channel text, template text, facts jsonb,
    state text, reason text, parts int, announced_at timestamptz, sent_at timestamptz, settled_at timestamptz,
    early_word text, version int, sequence int, traceparent text
)
on conflict (key) do update set
    state = excluded.state, reason = excluded.reason, parts = excluded.parts, sent_at = excluded.sent_at,
    settled_at = excluded.settled_at, early_word = excluded.early_word,
    version = excluded.version, sequence = excluded.sequence, traceparent = excluded.traceparent
where notice.version = excluded.version - 1
"""
# A cancelled appointment gives its slot back with the same commit.
_FREE_SLOTS = """
delete from slot using jsonb_to_recordset($1::jsonb) as state(appointment_id uuid, state text)
where slot.appointment_id = state.appointment_id and state.state = 'cancelled'
"""

contacts = Aggregate(
    name="contact",
    key="person_id",
    subject="person_id",
    model=Contact,
    load="select * from contact where person_id = any($1::text[]::uuid[]) order by person_id for update",
    save=(_SAVE_CONTACT,),
    one_trace=False,
)

recipients = Aggregate(
    name="recipient",
    key="dossier_code",
    subject="dossier_code",
    model=Recipient,
    load="select * from recipient where dossier_code = any($1::text[]) order by dossier_code for update",
    save=(_SAVE_RECIPIENT,),
)

appointments = Aggregate(
    name="appointment",
    key="dossier_code",
    subject="dossier_code",
    model=Appointment,
    load="select * from appointment where dossier_code = any($1::text[]) order by dossier_code for update",
    save=(_SAVE_APPOINTMENT, _FREE_SLOTS),
)

notices = Aggregate(
    name="notice",
    key="key",
    subject="dossier_code",
    model=Notice,
    load="select * from notice where key = any($1::text[]) order by key for update",
    save=(_SAVE_NOTICE,),
)

_TO_SEND = """
select n.notice_id, n.dossier_code, n.channel, n.template, n.facts, n.state, n.announced_at,
    c.person_id is not null as known, c.name, c.phone, c.email, c.language, c.erased_at,
    s.notice_id is not null as tried, s.handed_over_at
from notice n left join recipient r using (dossier_code) left join contact c using (person_id)
    left join sending s using (notice_id)
where n.notice_id = $1
"""
_TRY = """
insert into sending (notice_id, subject, text, encoding, parts) values ($1, $2, $3, $4, $5)
on conflict (notice_id) do update set tries = sending.tries + 1, last_tried_at = clock_timestamp()
returning subject, text, encoding, parts
"""
_MESSAGES = """
select n.notice_id, n.step, n.channel, n.template, n.state, n.reason, n.parts, n.announced_at, n.sent_at, n.settled_at,
    s.subject, s.text, s.tries
from notice n left join sending s using (notice_id) where n.dossier_code = $1 order by n.announced_at, n.notice_id
"""
_SLOT_OF = "select starts_at, ends_at from slot where appointment_id = $1"
_TAKE_SLOT = """
with free as (
    select starts_at, seat
    from unnest($3::timestamptz[]) as starts_at cross join generate_series(1, $4::int) as seat
    where not exists (
        select from slot_quarter q
        where q.place = $2 and q.seat = seat.seat and q.quarter >= starts_at and q.quarter < starts_at + $5::interval
    )
    order by starts_at, seat limit 1
), taken as (
    insert into slot (appointment_id, place, seat, starts_at, ends_at)
    select $1, $2, seat, starts_at, starts_at + $5::interval from free returning *
), quarters as (
    insert into slot_quarter (place, quarter, seat, appointment_id)
    select place, quarter, seat, appointment_id
    from taken, generate_series(starts_at, ends_at - $6::interval, $6::interval) as quarter
)
select starts_at, ends_at from taken
"""


async def to_send(pool: Pool, notice_id: UUID) -> Any | None:
    """A notice with whatever is known of its recipient and of earlier tries."""
    return await pool.fetchrow(_TO_SEND, notice_id)


async def begin_try(pool: Pool, notice_id: UUID, subject: str, text: str, encoding: str, parts: int) -> Any:
    """Record a try before it is made; answers the words of the first one."""
    return await pool.fetchrow(_TRY, notice_id, subject, text, encoding, parts)


async def hand_over(pool: Pool, notice_id: UUID) -> None:
    """From now on the mail server may have the letter."""
    await pool.execute("update sending set handed_over_at = clock_timestamp() where notice_id = $1", notice_id)


async def take_back(pool: Pool, notice_id: UUID) -> None:
    """The mail server said that it does not have the letter."""
    await pool.execute("update sending set handed_over_at = null where notice_id = $1", notice_id)


async def take_slot(
    pool: Pool, request: FindSlot, starts: Sequence[datetime], length: timedelta, seats: int
) -> SlotFound:
    """The first free slot among `starts`, or the one that the appointment has already.

    Whoever books at a place waits for its lock, so that nobody's choice is outrun; that no seat is given twice rests
    on the primary key of `slot_quarter` alone. Raises Unanswered when all are taken.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"slot {request.place}")
        row = await connection.fetchrow(_SLOT_OF, request.appointment_id) or await _take(
            connection, request, starts, length, seats
        )
    if row is None:
        raise Unanswered("no slot is free in the days that are open for booking")
    return SlotFound(starts_at=row["starts_at"], ends_at=row["ends_at"])


async def _take(
    connection: Connection, request: FindSlot, starts: Sequence[datetime], length: timedelta, seats: int
) -> Any | None:
    return await connection.fetchrow(
        _TAKE_SLOT, request.appointment_id, request.place, list(starts), seats, length, UNIT
    )


async def key_of_sms(pool: Pool, notice_id: UUID) -> str | None:
    """The key of the notice that a carrier's receipt speaks of."""
    key: str | None = await pool.fetchval("select key from notice where notice_id = $1 and channel = 'sms'", notice_id)
    return key


async def recipient_of(pool: Pool, dossier_code: str) -> Recipient | None:
    row = await pool.fetchrow("select * from recipient where dossier_code = $1", dossier_code)
    return None if row is None else Recipient.model_validate(dict(row))


async def appointment_of(pool: Pool, dossier_code: str) -> Appointment | None:
    row = await pool.fetchrow("select * from appointment where dossier_code = $1", dossier_code)
    return None if row is None else Appointment.model_validate(dict(row))


async def messages_of(pool: Pool, dossier_code: str) -> list[Any]:
    """A dossier's notices in the order of their announcement, with the words that were sent."""
    return await pool.fetch(_MESSAGES, dossier_code)
