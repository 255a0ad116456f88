"""Mistakes between a command and the topic."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_EFFECTS, _OUTBOX, _RELAY = "chassis/effects.py", "chassis/outbox.py", "chassis/relay.py"
_RELAYS = "tests/integration/test_outbox_relay.py::"
_HANDS = "tests/integration/test_outbox_hands.py::"
_CUT_OFF = (
    "tests/integration/test_effects_together.py::test_a_transaction_that_is_cut_off_at_one_of_its_writes_leaves_none"
)

_WRITES = """\
    if effects.states:
        await aggregate.save_many(connection, effects.states)
    await outbox.insert(connection, effects.rows)
"""
_SEND = """\
            async with asyncio.timeout(_SEND_SECONDS):
                await (await producer.send_batch(batch, topic, partition=partition))
"""
_MARK = """\
            sent = [row["position"] for row in lane[first:after]]
            await session.run(lambda connection, sent=sent: outbox.mark_published(connection, sent))
"""
_FIRST, _LAST = "        first = 0\n", "            first = after\n"
_CLAIMED = "where published_at is null order by position limit $1) as prefix"
_CLAIM = "                rows = await session.run(lambda connection: outbox.claim("
_PUBLISH = "                    await self._publish(producer, session, rows, claimed_at)\n"
_TAKE_LOCK = (
    'return bool(await self.run(lambda connection: connection.fetchval("select pg_try_advisory_lock($1)", _LOCK)))'
)

OUTBOX = (
    Mistake(
        ("Outbox/publish-first",),
        (
            Edit(
                _EFFECTS,
                _WRITES,
                """\
    await outbox.insert(connection, effects.rows)
    await connection.execute("commit; begin")
    if effects.states:
        await aggregate.save_many(connection, effects.states)
""",
            ),
        ),
        (f"{_CUT_OFF}[counter]",),
        r"assert \{'counter': 0.*'inbox': 1\} == \{'counter': 0.*'inbox': 0\}",
        "The relay may have published before the rest commits, or does not.",
    ),
    Mistake(
        ("Outbox/dual-write",),
        (
            Edit(
                _EFFECTS,
                _WRITES,
                """\
    if effects.states:
        await aggregate.save_many(connection, effects.states)
    await connection.execute("commit; begin")
    await outbox.insert(connection, effects.rows)
""",
            ),
        ),
        (f"{_CUT_OFF}[outbox]",),
        r"assert \{'counter': 1.*\} == \{'counter': 0",
    ),
    Mistake(
        ("Outbox/clock-order",),
        (
            Edit(_OUTBOX, _CLAIMED, _CLAIMED.replace("position", "id")),
            Edit(_OUTBOX, "< $2 order by position", "< $2 order by id"),
        ),
        (f"{_RELAYS}test_many_keys_and_more_than_one_hand_go_out_in_order_and_once",),
        r"assert \{'key-0': \[.* == \{'key-0': \[0,",
        "The test's ids tell no order at all; a clock's would tell a wrong one now and then.",
    ),
    Mistake(
        ("Outbox/watermark",),
        (
            Edit(
                _OUTBOX,
                _CLAIMED,
                """\
where position > (select coalesce(max(position), 0) from outbox where published_at is not null)
    order by position limit $1) as prefix""",
            ),
        ),
        (f"{_RELAYS}test_writers_that_commit_out_of_position_order_lose_nothing",),
        r"assert \[2\] == \[1, 2\]",
    ),
    Mistake(
        ("Outbox/skip-locked",),
        (
            Edit(_RELAY, _TAKE_LOCK, "return True"),
            Edit(
                _RELAY,
                _CLAIM,
                '                await session.run(lambda connection: connection.execute("begin"))\n' + _CLAIM,
            ),
            Edit(
                _RELAY,
                _PUBLISH,
                _PUBLISH + '                await session.run(lambda connection: connection.execute("commit"))\n',
            ),
            Edit(_OUTBOX, _CLAIMED, _CLAIMED.replace("limit $1", "limit $1 for update skip locked")),
        ),
        (f"{_HANDS}test_what_one_relay_has_in_its_hand_no_other_passes",),
        r"assert \[2, 1\] == \[1, 2\]",
    ),
    Mistake(
        ("Outbox/go-on-after-fail",),
        (
            Edit(_RELAY, _FIRST, "        first, trouble = 0, None\n"),
            Edit(
                _RELAY,
                _SEND,
                """\
            try:
                await (await producer.send_batch(batch, topic, partition=partition))
            except KafkaError as error:
                first, trouble = after, error
                continue
""",
            ),
            Edit(_RELAY, _LAST, _LAST + "        if trouble is not None:\n            raise trouble\n"),
        ),
        (f"{_HANDS}test_behind_a_refused_batch_nothing_of_its_partition_is_sent",),
        r"assert \[2, 1\] == \[1, 2\]",
    ),
    Mistake(
        ("Outbox/mark-before-send",),
        (Edit(_RELAY, _SEND + _MARK, _MARK + _SEND),),
        (f"{_RELAYS}test_no_row_is_marked_before_kafka_has_acknowledged_it",),
        r"DID NOT RAISE .*TimeoutError",
    ),
    Mistake(
        ("Outbox/stalled-holder",),
        (Edit(_RELAY, '                "idle_session_timeout": f"{_SESSION_MS}ms",\n', ""),),
        (f"{_RELAYS}test_the_holders_place_is_taken_within_two_seconds[{19}]",),
        "two-relay did not become the holder",
    ),
)
