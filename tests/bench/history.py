"""Rows made by SQL that look like a service's own: ids, positions, headers and sizes as its inbox and outbox have them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis.envelope import headers_of
from tests.bench import gate
from tests.bench.ground import Store
from tests.bench.meters import READING, TOTALS, Totalled
from tests.bench.readings import METERS, PLACE

# Between these ages events happened, evenly: the relay prunes what was published three days ago.
_OLDEST, _NEWEST = timedelta(hours=60), timedelta(hours=2)
_BEFORE = timedelta(hours=62)
_PATTERNS = 2_000  # long histories repeat so many different events, under ids and times of their own
_METER = "@meter"
_PATIENCE = 900.0  # seconds for one statement
_OUTBOX = """
insert into outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at, published_at)
select id, $2, meter, $3, convert_to(replace($4, $5, meter), 'UTF8'),
    $6::text::jsonb || jsonb_build_object('ce_id', id, 'ce_subject', meter, 'traceparent', trace), at,
    case when $7 then at + interval '20 ms' end
from (
    select uuidv7(-age) as id, now() - age as at,
        'G09.20-20260609-' || lpad(floor(random() * $8)::int::text, 7, '0') as meter,
        '00-' || md5(number::text) || '-' || left(md5((-number)::text), 16) || '-00' as trace
    from (
        select number, $9::interval - ($9::interval - $10::interval) * (number::float8 / $1) as age
        from generate_series(1, $1) as number
    ) as numbered
) as made
"""
_PATTERN = """
create temp table pattern as select row_number() over (order by position) - 1 as turn, * from outbox;
analyze pattern
"""
_REPEATED = """
insert into outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at, published_at)
select uuidv7(-age), aggregatetype, aggregateid, type, payload, headers, now() - age, now() - age + interval '20 ms'
from (
    select number, $2::interval - ($2::interval - $3::interval) * (number::float8 / $1) as age
    from generate_series(1, $1) as number
) as numbered join pattern on turn = number % (select count(*) from pattern)
"""
_INBOX = """
insert into inbox (consumer, event_id, received_at)
select $2, uuidv7(-age), now() - age from (
    select $3::interval - ($3::interval - $4::interval) * (number::float8 / $1) as age
    from generate_series(1, $1) as number
) as numbered
"""


async def waiting(store: Store, count: int) -> None:
    """Totals of many meters as the relay finds them: none is published yet."""
    await _write(store.connection, count, published=False, oldest=_OLDEST, newest=_NEWEST)
    await store.connection.execute("vacuum (analyze) outbox", timeout=_PATIENCE)


async def lived(store: Store, count: int) -> None:
    """A service that has taken and published so many events: both at once, for there are two cores."""
    other = await asyncpg.connect(store.database.owner_url)
    try:
        await asyncio.gather(_published(store.connection, count), _taken(other, count))
    finally:
        await other.close()
    for table in ("outbox", "inbox"):
        await store.connection.execute(f"vacuum (analyze) {table}", timeout=_PATIENCE)
        rows = await store.connection.fetchval(f"select count(*) from {table}", timeout=_PATIENCE)
        gate.agree({f"rows of history in {table}": count}, {f"rows of history in {table}": rows})


async def _published(connection: asyncpg.Connection[Any], count: int) -> None:
    first = min(count, _PATTERNS)
    await _write(connection, first, published=True, oldest=_BEFORE, newest=_OLDEST)
    if count > first:
        await connection.execute(_PATTERN)
        await connection.execute(_REPEATED, count - first, _OLDEST, _NEWEST, timeout=_PATIENCE)
        await connection.execute("drop table pattern")


async def _write(
    connection: asyncpg.Connection[Any], count: int, published: bool, oldest: timedelta, newest: timedelta
) -> None:
    now = datetime.now(UTC)
    said = Totalled(meter=_METER, amount=503, total=24_961, place=PLACE, taken_at=now)
    headers = headers_of(UUID(int=0), said.TYPE, "/motcua/bench", _METER, 50, now, None, sealed=False)
    told = (TOTALS, said.TYPE, said.model_dump_json(), _METER, json.dumps(headers), published, METERS)
    await connection.execute(_OUTBOX, count, *told, oldest, newest, timeout=_PATIENCE)


async def _taken(connection: asyncpg.Connection[Any], count: int) -> None:
    await connection.execute(_INBOX, count, READING.name, _OLDEST, _NEWEST, timeout=_PATIENCE)
