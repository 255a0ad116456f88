"""Rows made by SQL that look like a service's own: ids, positions, headers and sizes as its inbox and outbox have them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis.envelope import headers_of
from tests.bench.ground import Store
from tests.bench.meters import READING, TOTALS, Totalled
from tests.bench.readings import METERS, PLACE

# Between these ages events happened, evenly: the relay prunes what was published three days ago.
_OLDEST, _NEWEST = timedelta(hours=60), timedelta(hours=2)
_METER = "@meter"
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
_INBOX = """
insert into inbox (consumer, event_id, received_at)
select $2, uuidv7(-age), now() - age from (
    select $3::interval - ($3::interval - $4::interval) * (number::float8 / $1) as age
    from generate_series(1, $1) as number
) as numbered
"""


async def outbox(connection: asyncpg.Connection[Any], count: int, published: bool) -> None:
    """Totals of many meters as the relay finds them: published some hours ago, or waiting."""
    now = datetime.now(UTC)
    said = Totalled(meter=_METER, amount=503, total=24_961, place=PLACE, taken_at=now)
    headers = headers_of(UUID(int=0), said.TYPE, "/motcua/bench", _METER, 50, now, None, sealed=False)
    told = (TOTALS, said.TYPE, said.model_dump_json(), _METER, json.dumps(headers), published, METERS)
    await connection.execute(_OUTBOX, count, *told, _OLDEST, _NEWEST, timeout=600)


async def inbox(connection: asyncpg.Connection[Any], count: int) -> None:
    """Events that a consumer took some hours ago."""
    await connection.execute(_INBOX, count, READING.name, _OLDEST, _NEWEST, timeout=600)


async def lived(store: Store, count: int) -> None:
    """A service that has taken and published so many events: both at once, for there are two cores."""
    other = await asyncpg.connect(store.database.owner_url)
    try:
        await asyncio.gather(outbox(store.connection, count, published=True), inbox(other, count))
    finally:
        await other.close()
    await store.connection.execute("vacuum (analyze) outbox", timeout=600)
    await store.connection.execute("vacuum (analyze) inbox", timeout=600)
