"""Certificates applied to a real broker: what is made, what is refused, who may do what."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from deploy.kafka import admin
from deploy.kafka.apply import apply
from deploy.kafka.certificates import RECORDS_TOPIC, Certificate, load
from deploy.kafka.connection import BrokerAwayError, RefusedError, WrongPasswordError, can_log_in, session
from deploy.kafka.plan import Report
from deploy.local.child import StackError
from deploy.local.kafka import apply_topics_and_users
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from deploy.local.secrets import Secrets
from tests.certificates import certificate, changed
from tests.stack import Kafka, kafka_running
from tests.waiting import until


@pytest_asyncio.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    """A broker whose users and rights these tests change at will."""
    layout = Layout(tmp_path_factory.mktemp("cluster"), free_offset())
    async with kafka_running(layout) as running:
        yield running


async def applied(cluster: Kafka, *certificates: Certificate, dry_run: bool = False) -> Report:
    return await apply(certificates, cluster.connection(), cluster.password, dry_run=dry_run)


async def state(cluster: Kafka) -> tuple[object, ...]:
    """Everything that an application of certificates may change, and how often it recorded."""
    async with session(cluster.connection()) as link:
        counts = await admin.partitions(link)
        settings = await admin.configurations(link, counts)
        rules = await admin.acls(link)
    return counts, settings, rules, await end(cluster, RECORDS_TOPIC)


async def end(cluster: Kafka, topic: str) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, **cluster.connection().options)
    await consumer.start()
    try:
        offsets = await consumer.end_offsets([TopicPartition(topic, 0)])
    finally:
        await consumer.stop()
    return int(offsets[TopicPartition(topic, 0)])


async def write(cluster: Kafka, user: str, topic: str) -> None:
    """One idempotent event on partition 0, as a service's relay writes."""
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, enable_idempotence=True, **cluster.connection(user).options
    )
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"event", key=b"dossier", partition=0)
    finally:
        await producer.stop()


async def read(cluster: Kafka, user: str, topic: str, group: str) -> bytes | None:
    """The first event's value, as a service's consumer reads."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=cluster.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        **cluster.connection(user).options,
    )
    try:
        await consumer.start()
        message = await consumer.getone()
        await consumer.commit()
    finally:
        await consumer.stop()
    value: bytes | None = message.value
    return value


async def test_the_certificates_of_the_project_are_applied_and_a_second_time_changes_nothing(cluster: Kafka) -> None:
    report = await apply_topics_and_users(cluster.layout, cluster.secrets)
    assert {line.subject for line in report.changes} >= {found.topic for found in load()}
    before = await state(cluster)

    again = await apply_topics_and_users(cluster.layout, cluster.secrets)

    assert again.changes == ()
    assert {line.outcome for line in again.lines} == {"unchanged"}
    assert await state(cluster) == before


async def test_a_dry_run_tells_and_does_nothing(cluster: Kafka) -> None:
    one = certificate()
    report = await applied(cluster, one, dry_run=True)
    assert ("created", one.topic) in {(line.outcome, line.subject) for line in report.lines}
    async with session(cluster.connection()) as link:
        assert one.topic not in await admin.partitions(link)


@pytest.mark.parametrize(
    "changes",
    [
        {"partitions": {"local": 2, "production": 12}},
        {"partitions": {"local": 4, "production": 12}},
        {"key": "person_id"},
        {"cleanup": "compact", "retention": None},
    ],
    ids=["shrinking", "growing with events in it", "re-keying", "another clean-up"],
)
async def test_a_change_that_would_break_readers_is_refused_and_nothing_at_all_is_changed(
    cluster: Kafka, changes: dict[str, Any]
) -> None:
    one, other = certificate(), certificate()
    await applied(cluster, one)
    await write(cluster, "writer", one.topic)
    before = await state(cluster)

    report = await applied(cluster, changed(one, readers=["reader", "newcomer"], **changes), other)

    assert [line.subject for line in report.refusals] == [one.topic]
    assert report.changes == ()
    assert await state(cluster) == before


async def test_the_local_stack_is_told_of_a_refusal_in_one_line(
    cluster: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = certificate()
    await applied(cluster, one)
    monkeypatch.setattr("deploy.local.kafka.load", lambda: [changed(one, key="person_id")])
    with pytest.raises(StackError, match=f"{one.topic}: .*will not re-key: dossier_code → person_id") as caught:
        await apply_topics_and_users(cluster.layout, cluster.secrets)
    assert "\n" not in str(caught.value)


async def test_a_topic_grows_while_no_event_was_written_and_its_retention_always_follows(cluster: Kafka) -> None:
    one = certificate()
    await applied(cluster, one)
    report = await applied(cluster, changed(one, partitions={"local": 5, "production": 12}, retention=3))
    assert one.topic in {line.subject for line in report.changes}
    async with session(cluster.connection()) as link:
        assert (await admin.partitions(link))[one.topic] == 5
        assert (await admin.configurations(link, [one.topic]))[one.topic]["retention.ms"] == "259200000"


async def test_a_topic_made_by_hand_is_refused_once_it_holds_events(cluster: Kafka) -> None:
    one = certificate()
    async with session(cluster.connection()) as link:
        await admin.create_topics(link, [admin.NewTopic(one.topic, 3, 1, {})])
    await write(cluster, "admin", one.topic)
    report = await applied(cluster, one)
    assert [line.subject for line in report.refusals] == [one.topic]


async def test_an_application_that_was_cut_off_is_finished_by_the_next(cluster: Kafka) -> None:
    one = certificate()
    async with session(cluster.connection()) as link:
        await admin.create_topics(link, [admin.NewTopic(one.topic, 3, 1, {})])
    assert not (await applied(cluster, one)).refusals
    assert (await applied(cluster, one)).changes == ()


async def test_a_service_reads_and_writes_what_its_certificates_grant_and_nothing_else(cluster: Kafka) -> None:
    granted, foreign = certificate(), certificate(owner="other", readers=["another"])
    await applied(cluster, granted, foreign)

    await write(cluster, "writer", granted.topic)
    assert await read(cluster, "reader", granted.topic, "reader.view") == b"event"

    with pytest.raises(TopicAuthorizationFailedError):
        await read(cluster, "reader", foreign.topic, "reader.view")
    with pytest.raises(GroupAuthorizationFailedError):  # it reads nothing, so it has no groups
        await read(cluster, "writer", granted.topic, "writer.view")
    with pytest.raises(ClusterAuthorizationFailedError):  # it writes nothing, so it is no producer
        await write(cluster, "reader", granted.topic)
    with pytest.raises(TopicAuthorizationFailedError):
        await write(cluster, "writer", foreign.topic)
    with pytest.raises(GroupAuthorizationFailedError):
        await read(cluster, "reader", granted.topic, "readers-of-others.view")
    with pytest.raises(GroupAuthorizationFailedError):
        await read(cluster, "reader", granted.topic, "writer.view")
    assert await end(cluster, foreign.topic) == 0


async def test_a_service_can_neither_make_topics_nor_users_nor_rights(cluster: Kafka) -> None:
    await applied(cluster, certificate())
    async with session(cluster.connection("writer")) as link:
        with pytest.raises(RefusedError, match="code 29"):
            await admin.create_topics(link, [admin.NewTopic("own.v1", 1, 1, {})])
        with pytest.raises(RefusedError, match="code 31"):
            await admin.set_passwords(link, {"writer": "another"})
        with pytest.raises(RefusedError, match="code 31"):
            await admin.grant(link, [admin.allow("writer", admin.READ, admin.TOPIC, "contacts.v1")])


async def test_the_monitor_sees_lag_and_no_event(cluster: Kafka) -> None:
    one = certificate()
    await applied(cluster, one)
    await write(cluster, "writer", one.topic)
    await read(cluster, "reader", one.topic, "reader.lag")
    monitor = cluster.connection("ops")
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, group_id="reader.lag", **monitor.options)
    await consumer.start()
    try:
        part = TopicPartition(one.topic, 0)
        assert await consumer.end_offsets([part]) == {part: 1}
    finally:
        await consumer.stop()
    with pytest.raises((TopicAuthorizationFailedError, GroupAuthorizationFailedError)):
        await read(cluster, "ops", one.topic, "reader.lag")


async def test_a_reader_without_certificate_loses_its_rights_and_its_login(cluster: Kafka) -> None:
    one = certificate(readers=["reader", "former"])
    await applied(cluster, one)
    assert await can_log_in(cluster.connection("former"))

    await applied(cluster, changed(one, readers=["reader"]))

    assert not await can_log_in(cluster.connection("former"))
    async with session(cluster.connection()) as link:
        assert not [rule for rule in await admin.acls(link) if rule.principal == "User:former"]
    assert (await applied(cluster, changed(one, readers=["reader"]))).changes == ()


async def test_a_changed_password_is_set_again(cluster: Kafka) -> None:
    one = certificate()
    await applied(cluster, one)
    async with session(cluster.connection()) as link:
        await admin.set_passwords(link, {"writer": "forgotten"})
    await until(
        lambda: can_log_in(dataclasses.replace(cluster.connection("writer"), password="forgotten")),
        "the broker does not know the other password",
    )
    report = await applied(cluster, one)
    assert [line.subject for line in report.changes] == ["user writer"]
    assert await can_log_in(cluster.connection("writer"))


async def test_a_wrong_password_is_told_apart_from_a_broker_that_is_away(cluster: Kafka) -> None:
    right = cluster.connection()
    with pytest.raises(WrongPasswordError, match="refuses the password of admin"):
        await apply([certificate()], dataclasses.replace(right, password="wrong"), cluster.password)
    with pytest.raises(WrongPasswordError):
        await apply([certificate()], dataclasses.replace(right, user="nobody"), cluster.password)
    away = f"127.0.0.1:{cluster.layout.port('portal')}"
    with pytest.raises(BrokerAwayError, match=away):
        await apply([certificate()], dataclasses.replace(right, bootstrap=away), cluster.password)


async def test_the_first_broker_that_answers_is_asked(cluster: Kafka) -> None:
    await applied(cluster, certificate())
    several = f"127.0.0.1:{cluster.layout.port('portal')},{cluster.bootstrap}"
    async with session(dataclasses.replace(cluster.connection(), bootstrap=several)) as link:
        assert RECORDS_TOPIC in await admin.partitions(link)


async def test_passwords_of_two_data_folders_differ(cluster: Kafka, tmp_path: Any) -> None:
    assert not await can_log_in(
        dataclasses.replace(cluster.connection(), password=Secrets.open(tmp_path).password("kafka:admin"))
    )
