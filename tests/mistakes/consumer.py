"""Mistakes between a partition and its effects."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_CONSUMER, _INBOX, _SUBSCRIPTIONS = "chassis/consumer.py", "chassis/inbox.py", "chassis/subscriptions.py"
_AWAY = (
    "tests/integration/test_parking_away.py::test_while_parking_is_impossible_the_consumer_stops_and_no_offset_moves"
)
_INBOXES = "tests/integration/test_consumer_inbox.py::"
_OWNERS = "tests/integration/test_two_owners.py::"

_TAKE = """\
    rows = await connection.fetch(_TAKE, consumer, sorted(set(ids)))
    return {row["event_id"] for row in rows}
"""
_HANDLE = "            await self._take(consumer, records)\n"

CONSUMER = (
    Mistake(
        ("Consumer/offset-first",),
        (Edit(_SUBSCRIPTIONS, _HANDLE, "            await fetching.consumer.commit(fetching.behind())\n" + _HANDLE),),
        (_AWAY,),
        r"assert [234] in \(None, 0, 1\)",
    ),
    Mistake(
        ("Consumer/commit-position",),
        (Edit(_SUBSCRIPTIONS, "ack_policy=AckPolicy.MANUAL", "ack_policy=AckPolicy.ACK_FIRST"),),
        (
            "tests/integration/test_consumer_offsets.py::"
            "test_a_batch_that_is_fetched_and_not_committed_is_done_by_the_successor",
        ),
        "assert [23] == 1",
        "The client's automatic commit takes the position. commit() without offsets would do no harm here: one batch is "
        "in hand at a time, and the position is behind it.",
    ),
    Mistake(
        ("Consumer/ack-on-error",),
        (
            Edit(
                _SUBSCRIPTIONS,
                "                await self._wait(name, error, pause)\n",
                "                await self._wait(name, error, pause)\n                return\n",
            ),
        ),
        (_AWAY,),
        "the batch was not done again three times",
    ),
    Mistake(
        ("Consumer/no-inbox",),
        (Edit(_INBOX, _TAKE, "    return set(ids)\n"),),
        (f"{_INBOXES}test_a_batch_that_comes_again_has_no_second_effect",),
        r"assert \[<Record doss.* == \[<Record doss",
    ),
    Mistake(
        ("Consumer/lookup-inbox",),
        (
            Edit(
                _INBOX,
                _TAKE,
                """\
    look = "select event_id from inbox where consumer = $1 and event_id = any($2::uuid[])"
    known = {row["event_id"] for row in await connection.fetch(look, consumer, list(ids))}
    await connection.fetch(_TAKE, consumer, sorted(set(ids)))
    return set(ids) - known
""",
            ),
        ),
        (f"{_OWNERS}test_a_batch_that_both_have_in_hand_has_one_effect",),
        r"assert \{'held': 2, 'k': 2\} == \{'held': 1, 'k': 1\}",
    ),
    Mistake(
        ("Consumer/own-duplicates",),
        (Edit(_CONSUMER, "                left.discard(event.id)\n", ""),),
        (f"{_INBOXES}test_a_copy_within_one_batch_has_no_second_effect",),
        r"assert \{'A': \[1, 1, 1\]\} == \{'A': \[1\]\}",
    ),
    Mistake(
        ("Consumer/frozen-in-tx",),
        (
            Edit(
                "chassis/postgres.py",
                '    "idle_in_transaction_session_timeout": "8s",\n    "transaction_timeout": "10s",\n',
                "",
            ),
        ),
        (f"{_OWNERS}test_a_process_that_stands_still_in_its_transaction_stops_its_successor_for_seconds_only",),
        "still passing trouble after 60 s",
    ),
)
