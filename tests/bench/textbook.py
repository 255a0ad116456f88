"""The textbook's service, as a process: one event, one transaction, one publish, one acknowledgment.

It loses nothing and is what a tutorial ends with; it is the baseline that the message path is measured against.
"""

from __future__ import annotations

import asyncio
import json
import os

import asyncpg
import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from chassis.kafka import Kafka
from tests.bench.meters import READINGS, TOTALS, Taken, Totalled

_ENTER = "insert into textbook_inbox (event_id) values ($1) on conflict do nothing returning true"
_ADD = """
insert into textbook_meter values ($1, $2)
on conflict (code) do update set total = textbook_meter.total + excluded.total returning total
"""


async def serve(url: str, kafka: Kafka) -> None:
    """Consume until killed."""
    pool = await asyncpg.create_pool(url, min_size=1, max_size=4)
    broker = KafkaBroker(kafka.bootstrap, security=kafka.security(), acks="all", enable_idempotence=True, logger=None)

    @broker.subscriber(READINGS, group_id="bench.textbook", auto_offset_reset="earliest", ack_policy=AckPolicy.MANUAL)
    async def handle(reading: Taken, message: KafkaMessage) -> None:
        async with pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_ENTER, message.headers["ce_id"]):
                return
            total = await connection.fetchval(_ADD, reading.meter, reading.amount)
            said = Totalled(**reading.model_dump(), total=total)
            await broker.publish(said, TOTALS, key=reading.meter.encode(), headers=dict(message.headers))
        await message.ack()

    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    url, *login = json.loads(os.environ["BENCH"])
    uvloop.run(serve(url, Kafka(*login)))
