"""When a consumer has to be restarted: records wait and nothing comes, for long enough, without a reason that is known."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from chassis.watchdog import Progress, Seen

ONE, TWO = TopicPartition("t.v1", 1), TopicPartition("t.v1", 2)
STALLED = Seen({ONE: 5}, {ONE: 9}, idle_seconds=1_000)


def _watched(*looks: tuple[float, Seen]) -> list[bool]:
    progress = Progress(stall_seconds=30)
    return [progress.trouble(now, seen) is not None for now, seen in looks]


def test_a_partition_with_records_that_nobody_takes() -> None:
    assert _watched((0, STALLED), (29, STALLED), (30, STALLED)) == [False, False, True]


def test_each_step_forward_begins_the_time_anew() -> None:
    further = Seen({ONE: 6}, {ONE: 9}, idle_seconds=1_000)
    assert _watched((0, STALLED), (29, further), (58, further), (59, further)) == [False, False, False, True]


def test_a_log_that_was_read_to_its_end_is_no_stall() -> None:
    at_the_end = Seen({ONE: 9}, {ONE: 9}, idle_seconds=1_000)
    assert _watched((0, at_the_end), (900, at_the_end)) == [False, False]


def test_the_first_record_after_a_quiet_day_has_all_its_time() -> None:
    at_the_end = Seen({ONE: 9}, {ONE: 9}, idle_seconds=90_000)
    came = Seen({ONE: 9}, {ONE: 10}, idle_seconds=90_000)
    assert _watched((0, at_the_end), (90_000, came), (90_029, came), (90_030, came)) == [False, False, False, True]


def test_one_silent_partition_among_others_that_flow() -> None:
    looks = [(5.0 * n, Seen({ONE: 5, TWO: n}, {ONE: 9, TWO: 999}, buffered={TWO})) for n in range(8)]
    assert _watched(*looks) == [False] * 6 + [True] * 2


@pytest.mark.parametrize(
    "excused",
    [
        Seen({ONE: 5}, {ONE: 9}, buffered={ONE}),
        Seen({ONE: 5}, {ONE: 9}, standing={ONE}, idle_seconds=1_000),
        Seen({}, {}, idle_seconds=1_000),
    ],
    ids=["its turn will come after the batch in hand", "it stands still aloud", "it has no partition"],
)
def test_what_waits_for_a_known_reason_is_left_alone(excused: Seen) -> None:
    assert _watched((0, excused), (900, excused), (1_800, excused)) == [False] * 3


def test_records_in_its_buffer_that_nobody_asks_for() -> None:
    forgotten = Seen({ONE: 5}, {ONE: 9}, buffered={ONE}, idle_seconds=40)
    assert _watched((0, forgotten), (30, forgotten)) == [False, True]


def test_joining_has_a_longer_time_but_not_for_ever() -> None:
    joining = Seen(None)
    assert _watched((0, joining), (119, joining), (120, joining)) == [False, False, True]
    assert _watched((0, joining), (119, STALLED), (120, joining), (148, STALLED), (178, STALLED)) == [False] * 4 + [
        True
    ]


def test_kafka_that_is_there_but_does_not_answer_it() -> None:
    unanswered = Seen({ONE: 5}, None)
    assert _watched((0, unanswered), (29, unanswered), (30, unanswered)) == [False, False, True]
    assert _watched((0, unanswered), (29, STALLED), (30, unanswered), (58, unanswered)) == [False] * 4


def test_an_excuse_begins_everything_anew() -> None:
    progress = Progress(stall_seconds=30)
    for now in (0.0, 29.0):
        assert progress.trouble(now, STALLED) is None
    progress.excuse()
    assert progress.trouble(40.0, STALLED) is None
    assert progress.trouble(69.0, STALLED) is None
    assert progress.trouble(70.0, STALLED) is not None
