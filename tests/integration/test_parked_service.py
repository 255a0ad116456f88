"""A whole service as a process, Kafka away all the time: what operators order about parked records is done all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chassis import orders, parking
from chassis.clock import utc_now
from chassis.orders import Place
from chassis.parking import Refused
from chassis.postgres import open_pool
from contracts import dossiers
from tests import stack
from tests.database import Server
from tests.integration.test_service_lifecycle import port_of, running
from tests.records import raw

CONSUMER, TOPIC = "payments.bills", dossiers.TOPIC
NOWHERE = 9  # a port that nobody listens on


async def test_orders_are_carried_out_while_kafka_is_away(
    tmp_path: Path, postgres_server: Server, kafka: stack.Kafka
) -> None:
    database = await postgres_server.fresh("payments")
    pool = await open_pool(database.url, "test", 2)
    try:
        async with pool.acquire() as connection, connection.transaction():
            refused = Refused(raw(TOPIC, 7, b"A", b"?", []), "no headers")
            await parking.park(connection, CONSUMER, TOPIC, [refused], 100)
            await orders.place(connection, "discard", [Place(CONSUMER, TOPIC, 0, 7)], "lan", "hỏng", utc_now())
        doors = port_of(database.url), NOWHERE
        async with running(tmp_path, database.url, kafka, *doors, "--roles", "consumers") as child:
            await child.until_it_waits_for("kafka: Kafka is away")
            async with asyncio.timeout(60):
                while await parking.is_busy(pool, CONSUMER, TOPIC):
                    await asyncio.sleep(0.05)
            metrics = (await child.get("/metrics")).text
        assert f'motcua_consumed_total{{consumer="{CONSUMER}",outcome="discarded"}} 1.0' in metrics
        assert f'motcua_parked_open{{consumer="{CONSUMER}",state="parked"}}' in metrics
        assert await pool.fetchval("select outcome from parked_order") == "discarded"
        assert await pool.fetchval("select count(*) from parked_key") == 0
    finally:
        pool.terminate()
