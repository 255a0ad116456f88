"""What the plan for a cluster does, and what it never does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.kafka.admin import DESCRIBE, GROUP, PREFIXED, READ, TOPIC, WRITE, Acl, allow
from deploy.kafka.certificates import Certificate
from deploy.kafka.plan import MONITOR, Found, FoundTopic, Plan, Record, configuration, plan, rules, services
from tests.certificates import certificate, changed

USERS = st.sampled_from(["intake", "payments", "status"])


@st.composite
def sets_of_certificates(draw: st.DrawFn) -> tuple[Certificate, ...]:
    def one(name: str) -> Certificate:
        cleanup = draw(st.sampled_from(["delete", "compact"]))
        return certificate(
            topic=name,
            owner=draw(USERS),
            readers=draw(st.lists(USERS, unique=True)),
            key=draw(st.sampled_from(["dossier_code", "person_id"])),
            partitions={"local": draw(st.integers(1, 4)), "production": draw(st.integers(1, 4))},
            cleanup=cleanup,
            retention=None if cleanup == "compact" else draw(st.none() | st.integers(1, 90)),
            personal_data=draw(st.sampled_from(["none", "encrypted"])),
        )

    return tuple(one(name) for name in draw(st.sets(st.sampled_from(["a.v1", "b.v1", "c.v1"]), min_size=1)))


def done(found: Found, todo: Plan, certificates: tuple[Certificate, ...]) -> Found:
    """The cluster after the plan."""
    topics = dict(found.topics)
    for new in todo.create:
        topics[new.name] = FoundTopic(new.partitions, new.configuration, written=False)
    for name, count in todo.grow.items():
        topics[name] = dataclasses.replace(topics[name], partitions=count)
    for name, settings in todo.configure.items():
        topics[name] = dataclasses.replace(topics[name], configuration=settings)
    return Found(
        topics=topics,
        records={**found.records, **todo.records},
        acls=(found.acls - todo.revoke) | todo.grant,
        users=(found.users | set(todo.passwords)) - set(todo.retire),
    )


def with_events(found: Found) -> Found:
    topics = {name: dataclasses.replace(topic, written=True) for name, topic in found.topics.items()}
    return dataclasses.replace(found, topics=topics)


def does_nothing(todo: Plan) -> bool:
    return todo == Plan(lines=todo.lines)


@given(first=sets_of_certificates(), second=sets_of_certificates(), written=st.booleans())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    first: tuple[Certificate, ...], second: tuple[Certificate, ...], written: bool
) -> None:
    found = done(Found(), plan(first, Found(), "local"), first)
    found = with_events(found) if written else found
    todo = plan(second, found, "local")
    if not todo.report.refusals:
        again = plan(second, done(found, todo, second), "local")
        assert does_nothing(again)
        assert not again.report.changes


@given(first=sets_of_certificates(), second=sets_of_certificates())
def test_a_topic_with_events_keeps_partitions_key_and_cleanup_or_nothing_is_done(
    first: tuple[Certificate, ...], second: tuple[Certificate, ...]
) -> None:
    found = with_events(done(Found(), plan(first, Found(), "local"), first))
    todo = plan(second, found, "local")
    before = {one.topic: (one.partitions.local, one.key, one.cleanup) for one in first}
    after = {one.topic: (one.partitions.local, one.key, one.cleanup) for one in second}
    same = all(before[topic] == after[topic] for topic in before.keys() & after.keys())
    assert bool(todo.report.refusals) == (not same)
    if not same:
        assert does_nothing(todo)
        assert not todo.report.changes


@given(certificates=sets_of_certificates())
def test_nobody_gets_a_right_that_no_certificate_names(certificates: tuple[Certificate, ...]) -> None:
    writers = {(user, one.topic) for one in certificates for user in one.producers}
    readers = {(user, one.topic) for one in certificates for user in one.readers}
    for rule in rules(certificates):
        user = rule.principal.removeprefix("User:")
        if user == MONITOR:
            assert (rule.operation, rule.name) == (DESCRIBE, "*")
        elif rule.resource == GROUP:
            assert (rule.operation, rule.pattern, rule.name) == (READ, PREFIXED, f"{user}.")
        elif rule.operation == READ:
            assert (user, rule.name) in readers
        else:
            assert rule.operation in (WRITE, DESCRIBE)
            assert (user, rule.name) in writers


def settled(one: Certificate, written: bool = True) -> Found:
    """A cluster to which the certificate was applied, and used since if `written`."""
    topic = FoundTopic(one.partitions.local, configuration(one, "local"), written)
    users = services([one]) | {MONITOR}
    return Found({one.topic: topic}, {one.topic: Record.of(one)}, rules([one]), users)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"partitions": {"local": 2, "production": 12}}, "will not shrink: 3 → 2"),
        ({"partitions": {"local": 4, "production": 12}}, "will not grow with events in it"),
        ({"key": "person_id"}, "will not re-key: dossier_code → person_id"),
        ({"cleanup": "compact", "retention": None}, "will not change the clean-up: delete → compact"),
    ],
)
def test_a_refusal_says_what_would_break(changes: dict[str, Any], said: str) -> None:
    one = certificate()
    (line,) = plan([changed(one, **changes)], settled(one), "local").report.refusals
    assert line.subject == one.topic
    assert said in line.detail


def test_a_topic_without_events_grows_but_never_shrinks() -> None:
    one = certificate()
    found = settled(one, written=False)
    assert plan([changed(one, partitions={"local": 9, "production": 12})], found, "local").grow == {one.topic: 9}
    assert plan([changed(one, partitions={"local": 2, "production": 12})], found, "local").report.refusals


def test_a_topic_of_unknown_key_is_adopted_only_without_events() -> None:
    one = certificate()
    unknown = dataclasses.replace(settled(one, written=False), records={})
    assert plan([one], unknown, "local").records == {one.topic: Record.of(one)}
    (line,) = plan([one], with_events(unknown), "local").report.refusals
    assert "nobody knows their key" in line.detail


def test_rights_that_a_certificate_no_longer_gives_are_taken_away_and_others_are_not_touched() -> None:
    one = certificate(readers=["reader", "former"])
    stranger = Acl(TOPIC, one.topic, 3, "User:agency-of-hanoi", "*", WRITE, 3)
    found = settled(one)
    found = dataclasses.replace(found, acls=found.acls | {stranger, allow("writer", READ, TOPIC, "other.v1")})
    todo = plan([changed(one, readers=["reader"])], found, "local")
    assert todo.retire == ("former",)
    assert todo.revoke == {
        allow("former", READ, TOPIC, one.topic),
        allow("former", READ, GROUP, "former.", PREFIXED),
        allow("writer", READ, TOPIC, "other.v1"),
    }


def test_a_topic_that_lost_its_certificate_is_left_with_its_events() -> None:
    one, other = certificate(), certificate()
    todo = plan([other], settled(one), "local")
    assert ("left", one.topic) in {(line.outcome, line.subject) for line in todo.lines}
    assert [new.name for new in todo.create] == [other.topic]


def test_erasure_of_personal_data_has_a_bound() -> None:
    one = certificate(cleanup="compact", retention=None, personal_data="encrypted")
    assert configuration(one, "production")["max.compaction.lag.ms"] == "3600000"


def test_production_keeps_three_copies_and_acknowledges_two() -> None:
    one = certificate()
    (new,) = plan([one], Found(), "production").create
    assert (new.partitions, new.replicas, new.configuration["min.insync.replicas"]) == (12, 3, "2")
