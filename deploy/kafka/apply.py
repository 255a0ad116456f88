"""Makes a cluster what the certificates say: looks, plans, acts, and records what was applied.

The record of each topic lies in the compacted topic `certificates.v1` (key: topic name), written last: a run that
was cut off is finished by the next one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection
from pydantic import ValidationError

from deploy.kafka import admin
from deploy.kafka.certificates import RECORDS_TOPIC, Certificate, Environment
from deploy.kafka.connection import BrokerAwayError, Connection, RefusedError, can_log_in, session
from deploy.kafka.plan import MONITOR, REPLICAS, Found, FoundTopic, Plan, Record, Report, plan, services

TIMEOUT_SECONDS = 30
PAUSE_SECONDS = 0.05


async def apply(
    certificates: Collection[Certificate],
    connection: Connection,
    passwords: Callable[[str], str],
    environment: Environment = "local",
    dry_run: bool = False,
) -> Report:
    """Create and adjust topics, users and rights, until the broker acts by them; a second run changes nothing.

    `passwords` gives the password of each service and of the monitor `ops`. Nothing is done when the report holds a
    refusal, or with `dry_run`. Raises AdministrationError.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), session(connection) as link:

            async def planned() -> Plan:
                found = await look(certificates, connection, link, passwords, environment)
                return plan(certificates, found, environment)

            todo = await planned()
            if not dry_run and not todo.report.refusals:
                await _act(todo, connection, link, passwords, environment)
                # The controller says yes before the broker knows: who starts in between has no rights yet.
                shown = not todo.report.changes
                while not shown:
                    await asyncio.sleep(PAUSE_SECONDS)
                    shown = not (await planned()).report.changes
            return todo.report
    except TimeoutError as error:
        raise BrokerAwayError(
            f"Kafka không trả lời trong {TIMEOUT_SECONDS} s · Kafka does not answer within {TIMEOUT_SECONDS} s"
        ) from error


async def look(
    certificates: Collection[Certificate],
    connection: Connection,
    link: AIOKafkaConnection,
    passwords: Callable[[str], str],
    environment: Environment,
) -> Found:
    """The cluster as it is, as far as the certificates speak of it."""
    counts = await admin.partitions(link)
    users = sorted(services(certificates) | {MONITOR})
    settings, rules, logins, records = await asyncio.gather(
        admin.configurations(link, counts.keys() & {c.topic for c in certificates}),
        admin.acls(link),
        asyncio.gather(*(_knows(connection, user, passwords(user)) for user in users)),
        _records(connection) if RECORDS_TOPIC in counts else _no_records(),
    )
    # Only these may have to be empty; asking for one topic takes a tenth of a second.
    doubtful = {
        c.topic: counts[c.topic]
        for c in certificates
        if c.topic in counts and (c.topic not in records or counts[c.topic] != c.partitions.of(environment))
    }
    empty = await _empty(connection, doubtful) if doubtful else frozenset()
    return Found(
        topics={name: FoundTopic(counts[name], settings[name], name not in empty) for name in settings},
        records=records,
        acls=rules,
        users=frozenset(user for user, knows in zip(users, logins, strict=True) if knows),
    )


async def _knows(connection: Connection, user: str, password: str) -> bool:
    return await can_log_in(dataclasses.replace(connection, user=user, password=password))


@asynccontextmanager
async def _consumer(connection: Connection) -> AsyncIterator[AIOKafkaConsumer]:
    """Belongs to no group and commits nothing."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=connection.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20, **connection.options
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _empty(connection: Connection, counts: Mapping[str, int]) -> frozenset[str]:
    """The topics to which no event was ever written."""
    async with _consumer(connection) as consumer:
        ends = await consumer.end_offsets(
            [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
        )
    return frozenset(counts) - {part.topic for part, end in ends.items() if end > 0}


async def _no_records() -> dict[str, Record]:
    return {}


async def _records(connection: Connection) -> dict[str, Record]:
    """The last record of each topic. Raises RefusedError when one cannot be read."""
    part = TopicPartition(RECORDS_TOPIC, 0)
    last: dict[str, bytes | None] = {}
    async with _consumer(connection) as consumer:
        consumer.assign([part])
        end = (await consumer.end_offsets([part]))[part]
        while await consumer.position(part) < end:
            for message in (await consumer.getmany(timeout_ms=200)).get(part, []):
                last[message.key.decode()] = message.value
    try:
        return {name: Record.model_validate_json(value) for name, value in last.items() if value is not None}
    except ValidationError as error:
        raise RefusedError(f"{RECORDS_TOPIC}: bản ghi hỏng · a damaged record: {error}") from error


async def _act(
    todo: Plan,
    connection: Connection,
    link: AIOKafkaConnection,
    passwords: Callable[[str], str],
    environment: Environment,
) -> None:
    await admin.revoke(link, todo.revoke)
    await admin.delete_users(link, todo.retire)
    await admin.set_passwords(link, {user: passwords(user) for user in todo.passwords})
    await admin.create_topics(link, todo.create)
    await admin.grow_topics(link, todo.grow)
    await admin.configure_topics(link, todo.configure)
    await admin.grant(link, todo.grant)
    if todo.records:
        if RECORDS_TOPIC not in await admin.partitions(link):
            replicas = REPLICAS[environment]
            await admin.create_topics(link, [admin.NewTopic(RECORDS_TOPIC, 1, replicas, {"cleanup.policy": "compact"})])
        await _record(connection, todo.records)


async def _record(connection: Connection, records: Mapping[str, Record]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=connection.bootstrap, acks="all", **connection.options)
    try:
        await producer.start()
        for name, record in records.items():
            await producer.send(RECORDS_TOPIC, record.model_dump_json().encode(), key=name.encode())
        await producer.flush()
    finally:
        await producer.stop()
