"""status reads its topics from real Kafka: what others publish is seen, and poison stops nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from chassis.identifiers import new_id
from chassis.parking import Record
from contracts import appointments, dossiers, notifications, payments
from services.status.main import CONSUMES
from tests.database import Server
from tests.integration.status_desk import ANH, OURS, Desk, running
from tests.issuer import issuing
from tests.records import CODE, example, raw, record
from tests.stack import Kafka

OWNERS = {dossiers: "intake", payments: "payments", appointments: "notifications", notifications: "notifications"}


@pytest.fixture(scope="module")
async def desk(postgres_server: Server, kafka: Kafka) -> AsyncIterator[Desk]:
    with issuing() as issuer:
        async with running(await postgres_server.fresh("status"), issuer, kafka) as desk:
            yield desk


async def publish(kafka: Kafka, records: Sequence[Record]) -> None:
    """Send records as the owners of their topics do."""
    for module, owner in OWNERS.items():
        mine = [each for each in records if each.topic == module.TOPIC]
        if mine:
            async with _producer(kafka, owner) as producer:
                for each in mine:
                    await producer.send_and_wait(each.topic, each.value, each.key, headers=list(each.headers))


@asynccontextmanager
async def _producer(kafka: Kafka, user: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **kafka.connection(user).options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """Wait for the condition; it fails by taking longer than a minute."""
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_what_four_topics_tell_is_seen_as_one_dossier(desk: Desk, kafka: Kafka) -> None:
    told = [
        example(payments.Opened),
        example(dossiers.Submitted, person_id=ANH, step={"agency": OURS}),
        example(appointments.Booked),
        example(notifications.Sent, notice_id=new_id()),
    ]
    await publish(kafka, [record(data, 0) for data in told])

    async def whole() -> bool:
        seen = (await desk.get(f"/dossiers/{CODE}", "citizen", person_id=str(ANH))).json()
        return len(seen.get("timeline", ())) == len(told)

    async def ready() -> bool:
        return (await desk.http.get("/readyz")).status_code == 200

    await until(whole)
    seen = (await desk.get(f"/dossiers/{CODE}", "officer", agency=OURS)).json()
    assert (seen["payment"]["state"], seen["appointment"]["state"]) == ("open", "booked")
    assert [notice["state"] for notice in seen["delivery"]["notices"]] == ["sent"]
    await until(ready)


async def test_poison_in_every_topic_is_parked_and_the_dossiers_behind_it_are_seen(desk: Desk, kafka: Kafka) -> None:
    topics = [fold.topic for fold in CONSUMES]
    strange: list[tuple[str, bytes | None]] = [("ce_id", b"\xff"), ("ce_type", None), ("tên\x00lạ", b"1")]
    poison = [
        raw(topic, 0, b"poison", value, headers)
        for topic in topics
        for value, headers in ((b"{", []), (None, []), (b"\xff\x00", strange))
    ]
    # Of the same key, so surely behind the poison in its partition.
    behind = [record(example(kind), 0, subject="poison") for kind in (payments.Started, dossiers.Submitted)]
    await publish(kafka, [*poison, *behind])
    codes = [f"G09.20-20260609-{number:07}" for number in range(100, 148)]
    await publish(kafka, [record(example(dossiers.Submitted), 0, subject=code) for code in codes])

    async def all_seen() -> bool:
        return bool(await desk.pool.fetchval("select count(*) = 48 from view where dossier_code = any($1)", codes))

    async def all_parked() -> bool:
        return bool(await desk.pool.fetchval("select count(*) = $1 from parked", len(poison) + len(behind)))

    await until(all_seen)
    await until(all_parked)
    assert await desk.pool.fetchval("select count(*) from parked where state = 'parked'") == len(topics)
    assert await desk.pool.fetchval("select count(*) from view where dossier_code = 'poison'") == 0
