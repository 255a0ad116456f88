"""Two versions of an event on one topic, through a real consumer, real Kafka and real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from pydantic import BaseModel

from chassis.consumer import Consumer, Fold
from chassis.decider import Decide, Decision
from chassis.drainer import Drainer
from chassis.envelope import Event, Reader
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.subscriptions import Subscriptions
from contracts.event import Data, Older, Part, events, registry
from tests import stack
from tests.consuming import obeyed
from tests.counters import COUNTERS, Counter, Desk, counting, voice
from tests.database import Server
from tests.integration.counters_desk import until
from tests.records import record
from tests.relaying import login, make_topic, reading, relaying

TOLD_TOPIC = "told-on.v1"


class Place(Part):
    desk: str


class RaisedV1(Data):
    """A digit, at a desk that only says its name."""

    digit: int
    desk: str


class Raised(Data):
    """A digit, at a place, and in which notation."""

    digit: int
    place: Place
    notation: Literal["decimal"]


class ToldOn(Data):
    """What was heard, told on with all that was said."""

    digit: int
    place: Place


def with_place(old: RaisedV1) -> Raised:
    said = old.model_dump(exclude={"desk"})
    return Raised.model_validate({**said, "place": Place(desk=old.desk), "notation": "decimal"})


BOTH = registry(events("raised.v1", "vn.motcua.test", {"raised": Raised}, {Raised: Older(RaisedV1, with_place)}))
ONLY_V1 = {RaisedV1.TYPE: RaisedV1}
events(TOLD_TOPIC, "vn.motcua.test", {"told-on": ToldOn})


def append(counter: Counter | None, event: Event[Any], now: datetime) -> Decision[Counter]:
    """Writes the digit behind those that are there, so that the total tells the order."""
    before = counter or Counter(id=event.subject)
    after = before.model_copy(update={"total": before.total * 10 + event.data.digit})
    return Decision(after, events=(ToldOn(**event.data.model_dump()),))


def append_v1(counter: Counter | None, event: Event[RaisedV1], now: datetime) -> Decision[Counter]:
    before = counter or Counter(id=event.subject)
    return Decision(before.model_copy(update={"total": before.total * 10 + event.data.digit}))


def consumer(desk: Desk, topic: str, on: Mapping[type[Any], Decide], known: Mapping[str, type[BaseModel]]) -> Consumer:
    fold = Fold(f"test.{topic}", topic, COUNTERS, on)
    return Consumer(fold, desk.pool, voice(), Reader(known, {}), Metrics(), parking_limit=100)


@asynccontextmanager
async def consuming(kafka: stack.Kafka, taking: Consumer) -> AsyncIterator[None]:
    subscriptions = Subscriptions([taking], login(kafka), taking.consumes.name, Metrics(), Health())
    task = asyncio.create_task(subscriptions.forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
async def database(postgres_server: Server) -> AsyncIterator[Desk]:
    async with counting(postgres_server) as desk:
        yield desk


@pytest.fixture
async def desk(database: Desk) -> Desk:
    await database.forget()
    return database


@pytest.fixture
async def topic(kafka: stack.Kafka) -> str:
    """A topic that no other test writes to."""
    name = f"raised-{uuid4().hex}.v1"
    await make_topic(kafka, name)
    return name


@pytest.fixture(scope="module")
async def producer(kafka: stack.Kafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **kafka.connection().options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, key: str, *said: Data) -> None:
    """One after another, in this order, of one key."""
    for number, data in enumerate(said, 1):
        sent = record(data, 0, number, subject=key)
        await producer.send_and_wait(topic, sent.value, sent.key, headers=list(sent.headers))


def v1(digit: int, **more: Any) -> RaisedV1:
    return RaisedV1(digit=digit, desk="3", **more)


def v2(digit: int, **more: Any) -> Raised:
    return Raised(digit=digit, place=Place(desk="3", **more), notation="decimal", **more)


async def until_totals(desk: Desk, wanted: Mapping[str, int]) -> None:
    async def reached() -> bool:
        totals = await desk.totals()
        return {key: totals.get(key) for key in wanted} == wanted

    await until(reached, 60)


async def until_parked(desk: Desk, count: int) -> None:
    async def reached() -> bool:
        found: int = await desk.pool.fetchval("select count(*) from parked")
        return found == count

    await until(reached, 60)


async def test_two_versions_on_one_topic_take_effect_in_their_order(
    desk: Desk, kafka: stack.Kafka, producer: AIOKafkaProducer, topic: str
) -> None:
    """The decider knows the newest only, and answers both."""
    async with consuming(kafka, consumer(desk, topic, {Raised: append}, BOTH)):
        await asyncio.gather(
            send(producer, topic, "a", v1(1), v2(2), v1(3), v2(4), v1(5)),
            send(producer, topic, "b", v2(5), v2(4), v1(3), v1(2), v2(1)),
        )
        await until_totals(desk, {"a": 12345, "b": 54321})
    assert await desk.pool.fetchval("select count(*) from parked") == 0


async def test_a_reader_of_the_old_version_parks_the_new_one_and_goes_on_after_its_upgrade(
    desk: Desk, kafka: stack.Kafka, producer: AIOKafkaProducer, topic: str
) -> None:
    """Nothing of the dossier overtakes what was not understood, other dossiers go on, and nothing is lost."""
    await send(producer, topic, "a", v1(1), v2(2), v1(3))
    await send(producer, topic, "b", v1(7), v1(8))
    async with consuming(kafka, consumer(desk, topic, {RaisedV1: append_v1}, ONLY_V1)):
        await until_totals(desk, {"a": 1, "b": 78})
        await until_parked(desk, 2)
    mine = await desk.pool.fetch(
        'select partition, "offset", state, error from parked where key = $1 order by "offset"', "a"
    )
    assert [row["state"] for row in mine] == ["parked", "held"]
    assert "unknown type or version: vn.motcua.test.raised.v2" in mine[0]["error"]

    upgraded = consumer(desk, topic, {Raised: append}, BOTH)
    drainer = Drainer(upgraded)
    assert await obeyed(drainer, "redrive", mine[0]["offset"], mine[0]["partition"]) == "redriven"
    while await drainer.drain():
        pass
    async with consuming(kafka, upgraded):
        await send(producer, topic, "a", v2(4), v1(5))
        await until_totals(desk, {"a": 12345, "b": 78})


async def test_what_a_reader_does_not_know_reaches_whoever_it_tells(
    desk: Desk, kafka: stack.Kafka, producer: AIOKafkaProducer, topic: str
) -> None:
    """Fields of a later release, at the top and inside, of both versions: from topic to topic through a decider."""
    more = {"added_later": {"by": "a newer release", "đúng": [1, None, "ồ"]}}
    await make_topic(kafka, TOLD_TOPIC)
    async with (
        reading(kafka, TOLD_TOPIC) as log,
        consuming(kafka, consumer(desk, topic, {Raised: append}, BOTH)),
        relaying(desk.database.url, login(kafka)),
    ):
        await send(producer, topic, "c", v1(1, **more), v2(2, **more))
        async with asyncio.timeout(60):
            while len(found := [each for each in log.records if each.key == b"c"]) < 2:
                await log.to_the_end()
    first, second = (json.loads(each.value) for each in found)
    kept = {"digit": 1, "place": {"desk": "3"}, "notation": "decimal", **more}
    assert first == kept
    assert second == {**kept, "digit": 2, "place": {"desk": "3", **more}}
