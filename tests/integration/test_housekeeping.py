"""What a process does every second beside its work: small tables and true gauges, in every service alike."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from chassis import housekeeping, inbox, outbox
from chassis.backlog import Backlog
from chassis.health import Health
from chassis.housekeeping import keep_house, prune_tables
from chassis.identifiers import new_id
from chassis.metrics import Metrics
from tests.counters import counting
from tests.database import Server

_OLD_INBOX = (
    "insert into inbox select 'payments.old', gen_random_uuid(), now() - $1::interval from generate_series(1, $2)"
)
_OLD_PARKED = """
insert into parked (consumer, topic, partition, "offset", key, state, headers, parked_at, closed_at)
select 'payments.old', 't', 0, n, 'k', 'redriven', '[]', now() - $1::interval, now() - $1::interval
from generate_series(1, $2) as n
"""


async def test_rows_past_their_time_are_pruned_in_batches_and_younger_ones_are_kept(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a topic keeps its records plus the time for a redrive, and no row longer than that for ever."""
    monkeypatch.setattr(housekeeping, "_PRUNED", 40)
    metrics, backlog = Metrics(), Backlog(10)
    async with counting(postgres_server) as desk:
        owner: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(desk.database.owner_url)
        await owner.execute(_OLD_INBOX, inbox.KEPT * 1.01, 100)
        await owner.execute(_OLD_PARKED, inbox.KEPT * 1.01, 100)
        async with owner.transaction():
            assert await inbox.take(owner, "payments.young", [new_id()])
        await owner.execute(
            """insert into outbox (id, aggregatetype, aggregateid, type, headers, created_at)
            select gen_random_uuid(), 't', 'k', 'x', '{}', clock_timestamp() - interval '1 minute' * (8 - n)
            from generate_series(1, 7) as n"""
        )
        house = asyncio.gather(keep_house(desk.pool, backlog, metrics, Health()), prune_tables(desk.pool))
        try:
            async with asyncio.timeout(30):
                while await owner.fetchval("select (select count(*) from inbox) + (select count(*) from parked)") > 1:
                    await asyncio.sleep(0.02)
                while backlog.waiting != 7:
                    await asyncio.sleep(0.02)
        finally:
            house.cancel()
            await asyncio.wait([house])
            left = await owner.fetchval("select consumer from inbox")
            await owner.close()
    assert left == "payments.young"
    assert backlog.waiting == 7, "the span of unpublished positions"
    assert metrics.registry.get_sample_value("motcua_outbox_waiting") == 7
    oldest = metrics.registry.get_sample_value("motcua_oldest_outbox_seconds")
    assert oldest is not None
    assert 420 <= oldest < 420 + 60, "the age of the first one"


async def test_an_empty_outbox_has_no_age(postgres_server: Server) -> None:
    async with counting(postgres_server) as desk:
        assert await outbox.waiting(desk.pool) == (0, 0.0)
