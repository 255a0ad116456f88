"""Folding on a real database: how messages are grouped into transactions is no part of the result."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from chassis import outbox
from chassis.answering import Answering
from chassis.decider import Decide, Decision, Message, Remark
from chassis.errors import Conflict, NotFound, Refusal
from chassis.fold import Group, Inbound, Outcome, fold
from chassis.identifiers import new_id
from tests.counters import COUNTERS, DECIDES, Add, Added, Ask, Calm, Counter, Desk, Due, Remind, voice
from tests.records import NOON
from tests.waiting import kept_open, until_waiting

KEYS = ("a", "b", "c")
SPEAKER = voice(lambda: NOON)


@pytest.fixture
async def clean(desk: Desk) -> Desk:
    await desk.forget()
    return desk


def group(lane: str, *messages: Any) -> Group:
    return Group(lane, [Inbound(each.counter, each, _decider(each)) for each in messages])


def _decider(message: Message) -> Decide:
    decide = DECIDES.decider(type(message))
    assert decide is not None
    return decide


async def folded(desk: Desk, groups: Sequence[Group]) -> list[Outcome]:
    async with desk.pool.acquire() as connection, connection.transaction():
        return await fold(SPEAKER, connection, COUNTERS, groups)


messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Add, counter=st.sampled_from(KEYS), amount=st.integers(-1, 5), tell=st.integers(0, 3)),
    st.builds(
        Remind,
        counter=st.sampled_from(KEYS),
        at=st.integers(1, 9).map(lambda hours: NOON + timedelta(hours=hours)),
        amount=st.integers(1, 3),
    ),
    st.builds(Calm, counter=st.sampled_from(KEYS)),
    st.builds(Ask, counter=st.sampled_from(KEYS), call=st.just(None).map(lambda _: new_id())),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Message]], list[int]]:
    """Groups of messages, and where one transaction ends and the next begins."""
    groups = draw(st.lists(st.lists(messages, min_size=1, max_size=3), min_size=1, max_size=10))
    cuts = draw(st.lists(st.integers(1, len(groups)), max_size=4, unique=True).map(sorted))
    return groups, cuts


async def _effect(desk: Desk, groups: list[list[Message]], cuts: list[int]) -> dict[str, Any]:
    """Everything that is in the database after the groups, cut into transactions like this."""
    await desk.forget()
    done: list[str] = []
    for begin, end in zip([0, *cuts], [*cuts, len(groups)], strict=True):
        # Lanes of their own: whether a failure holds what follows is the consumer's question, not that of the batch.
        batch = [group(str(number), *groups[number]) for number in range(begin, end)]
        outcomes = await folded(desk, batch)
        done += [type(outcome.error).__name__ for outcome in outcomes]
    return {
        "outcomes": done,
        "states": await _rows(desk, "select id, total, sequence from counter order by id"),
        "said": await _rows(
            desk,
            """select aggregateid, headers->>'ce_sequence' as sequence, convert_from(payload, 'utf8') as data
            from outbox order by position""",
        ),
        "timers": await _rows(desk, "select key, kind, body, due_at from timer order by key"),
        "calls": await _rows(desk, "select id, key, body from call order by id"),
    }


async def _rows(desk: Desk, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await desk.pool.fetch(sql)]


@settings(max_examples=30, deadline=None)
@given(histories())
async def test_any_grouping_into_transactions_gives_the_same(
    desk: Desk, history: tuple[list[list[Message]], list[int]]
) -> None:
    """States, events in their order, timers and calls: all as if each group had had its own transaction."""
    groups, cuts = history
    one_by_one = await _effect(desk, groups, list(range(1, len(groups))))
    assert await _effect(desk, groups, cuts) == one_by_one
    for key in KEYS:
        sequences = [int(said["sequence"]) for said in one_by_one["said"] if said["aggregateid"] == key]
        assert sequences == list(range(1, len(sequences) + 1)), "gapless, from 1"
        (state,) = [each for each in one_by_one["states"] if each["id"] == key] or [{"sequence": 0}]
        assert state["sequence"] == len(sequences)


async def test_a_failing_group_leaves_nothing_of_any_of_its_messages(clean: Desk) -> None:
    failing = group("x", Add(counter="a", amount=5), Remind(counter="b", at=NOON), Add(counter="c", amount=-1))
    before, after = group("y", Add(counter="a", amount=1)), group("z", Add(counter="a", amount=2))
    outcomes = await folded(clean, [before, failing, after])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), Refusal, type(None)]
    assert outcomes[1].decisions == []
    assert await clean.totals() == {"a": 3}
    assert await clean.pool.fetchval("select count(*) from timer") == 0
    said = await clean.pool.fetch("select headers->>'ce_sequence' as sequence from outbox order by position")
    assert [row["sequence"] for row in said] == ["1", "2"]


async def test_after_a_failure_its_lane_is_held_and_the_others_go_on(clean: Desk) -> None:
    groups = [
        group("x", Add(counter="a", amount=-1)),
        group("y", Add(counter="b", amount=1)),
        group("x", Add(counter="a", amount=1)),
        group("y", Add(counter="b", amount=1)),
    ]
    outcomes = await folded(clean, groups)
    assert [outcome.held for outcome in outcomes] == [False, False, True, False]
    assert await clean.totals() == {"b": 2}


async def test_one_group_sees_its_own_earlier_messages(clean: Desk) -> None:
    (outcome,) = await folded(clean, [group("x", *[Add(counter="a", amount=1) for _ in range(3)])])
    assert [decision.state.total for _, decision in outcome.decisions] == [1, 2, 3]
    assert await clean.pool.fetchval("select version from counter") == 1


async def test_a_timer_set_again_replaces_the_waiting_one_and_gets_another_id(clean: Desk) -> None:
    await folded(clean, [group("x", Remind(counter="a", at=NOON))])
    (first,) = await clean.pool.fetch("select * from timer")
    await clean.pool.execute("update timer set leased_until = now() + interval '1 hour'")
    await folded(clean, [group("x", Remind(counter="a", at=NOON + timedelta(hours=1)))])
    (second,) = await clean.pool.fetch("select * from timer")
    assert (second["due_at"] - first["due_at"], second["leased_until"]) == (timedelta(hours=1), None)
    assert second["id"] != first["id"], "who has claimed the first one must find it gone"


async def test_a_call_of_an_id_that_is_waiting_already_is_not_asked_twice(clean: Desk) -> None:
    one = Ask(counter="a", call=new_id())
    await folded(clean, [group("x", one), group("y", one)])
    await folded(clean, [group("z", one)])
    assert await clean.pool.fetchval("select count(*) from call") == 1


async def test_an_event_that_no_record_can_carry_is_refused_before_it_is_written(clean: Desk) -> None:
    """Refused for ever by Kafka, it would stand in front of its key: the command is told instead, and alone."""
    fitting = "x" * (outbox.LARGEST_EVENT_BYTES - 2_000)
    outcomes = await folded(
        clean,
        [
            group("x", Add(counter="a", amount=1, padding=fitting)),
            group("y", Add(counter="b", amount=1, padding=fitting + "x" * 2_000)),
            group("z", Add(counter="c", amount=1)),
        ],
    )
    assert [type(outcome.error) for outcome in outcomes] == [type(None), Refusal, type(None)]
    assert await clean.totals() == {"a": 1, "c": 1}


async def test_of_two_transactions_that_make_the_same_aggregate_one_is_a_conflict(clean: Desk) -> None:
    """There is no row yet that could be locked: the version notices the race."""
    async with clean.pool.acquire() as first, clean.pool.acquire() as second:
        begun = second.transaction()
        await begun.start()
        states = await COUNTERS.load_many(second, ["a"])
        async with first.transaction():
            await fold(SPEAKER, first, COUNTERS, [group("x", Add(counter="a", amount=1))])
        with pytest.raises(Conflict):
            await fold(SPEAKER, second, COUNTERS, [group("x", Add(counter="a", amount=1))], states)
        await begun.rollback()
    assert await clean.totals() == {"a": 1}


async def test_aggregates_are_locked_in_one_order_whatever_the_order_of_messages(clean: Desk) -> None:
    """Two batches that meet in the middle wait for each other; they never deadlock."""
    await folded(clean, [group(key, Add(counter=key, amount=1)) for key in KEYS])
    async with kept_open(clean.pool) as holder:
        await holder.execute("select from counter where id = 'a' for update")
        waiting = asyncio.create_task(folded(clean, [group(key, Add(counter=key, amount=1)) for key in "cba"]))
        await until_waiting(clean.pool)
        assert await holder.fetch("select from counter where id in ('b', 'c') for update nowait"), "nothing behind a"
    await waiting
    assert await clean.totals() == dict.fromkeys(KEYS, 2)


async def test_what_is_told_carries_its_envelope_beside_it(clean: Desk) -> None:
    await folded(clean, [group("x", Add(counter="a", amount=4))])
    (row,) = await clean.pool.fetch("select * from outbox")
    assert from_json(row["payload"]) == {"amount": 4, "total": 4, "padding": ""}
    assert row["headers"] == {
        "ce_specversion": "1.0",
        "ce_id": str(row["id"]),
        "ce_type": "vn.motcua.test-counter.added.v1",
        "ce_source": "/motcua/test",
        "ce_subject": "a",
        "ce_sequence": "1",
        "ce_time": NOON.isoformat(),
        "ce_dataschema": "urn:motcua:schema:vn.motcua.test-counter.added.v1",
        "content-type": "application/json",
    }
    assert (row["aggregatetype"], row["aggregateid"], row["type"]) == ("counters.v1", "a", row["headers"]["ce_type"])


async def test_a_database_error_is_the_callers_to_split(clean: Desk) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await folded(clean, [group("x", Add(counter="a", amount=1)), group("y", Add(counter="b", amount=10**6))])
    assert await clean.totals() == {}


def test_a_decision_without_anything_to_do_is_none() -> None:
    assert _decider(Due(counter="a", amount=0))(Counter(id="a"), Due(counter="a", amount=0), NOON) is None
    assert isinstance(_decider(Calm(counter="a"))(None, Calm(counter="a"), NOON), Decision)


def _remark(counter: Counter | None, message: Add, now: Any) -> Remark | Decision[Counter]:
    said = Added(amount=message.amount, total=0)
    if counter is None:
        return Remark((said,))
    return Decision(counter.model_copy(update={"total": counter.total + 1}), events=(said,), remarks=(said,))


async def test_a_remark_is_told_without_an_aggregate_and_takes_no_number_of_its_history(clean: Desk) -> None:
    """What is said about an aggregate that does not exist makes none; a decision's remarks leave no gap in its events."""
    remarked = Group("x", [Inbound("a", Add(counter="a", amount=7), _remark)])
    async with clean.pool.acquire() as connection, connection.transaction():
        (outcome,) = await fold(SPEAKER, connection, COUNTERS, [remarked])
    assert (outcome.decisions, outcome.error, await clean.totals()) == ([], None, {})
    await folded(clean, [group("x", Add(counter="a", amount=1))])
    async with clean.pool.acquire() as connection, connection.transaction():
        await fold(SPEAKER, connection, COUNTERS, [remarked])
    await folded(clean, [group("x", Add(counter="a", amount=1))])
    said = await clean.pool.fetch(
        "select aggregateid, headers->>'ce_sequence' as sequence from outbox order by position"
    )
    assert [(row["aggregateid"], row["sequence"]) for row in said] == [
        ("a", each) for each in ("1", "1", "2", "1", "3")
    ]


async def test_many_aggregates_are_answered_at_once_and_one_refusal_is_its_own(clean: Desk) -> None:
    """The states come in the order of the messages; a refusal stands in the place of its own, and stops no other."""
    answering = Answering(clean.pool, SPEAKER, [DECIDES])
    asked = [("c", Add(counter="c", amount=3)), ("a", Add(counter="a", amount=-1)), ("b", Add(counter="b", amount=2))]
    first, refused, third = await answering.many(COUNTERS, asked)
    assert (first.total, third.total) == (3, 2)
    assert isinstance(refused, Refusal)
    assert refused.code == "negative"
    assert await clean.totals() == {"b": 2, "c": 3}
    (nothing,) = await answering.many(COUNTERS, [("d", Add(counter="d", amount=0))])
    assert isinstance(nothing, NotFound)
