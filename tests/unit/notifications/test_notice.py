"""A notice's life: whatever comes in whatever order, it moves along its table and tells each thing once."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.clock import VIETNAM
from chassis.decider import Decision
from chassis.identifiers import new_id
from contracts import notifications
from services.notifications.domain import notice
from services.notifications.domain.notice import TRANSITIONS, Announce, Notice, Receipt
from services.notifications.domain.quiet import Quiet

NOON = datetime(2026, 6, 9, 12, tzinfo=VIETNAM)
MIDNIGHT = NOON + timedelta(hours=12)
NIGHT = Quiet(time(22), time(7))

DECIDERS: dict[type, Any] = {
    Announce: partial(notice.announce, NIGHT),
    notice.Send: notice.send,
    notice.Silence: notice.despair,
    notice.Taken: notice.take,
    notice.Postponed: partial(notice.postpone, NIGHT),
    notice.Unreachable: notice.skip,
    notice.Rejected: notice.reject,
    notice.Overdue: notice.leave,
    Receipt: notice.receive,
}
EVENT_OF = {"delivered": notifications.Delivered, "sent": notifications.Sent}
FINAL = {"delivered", "permanent_failure", "skipped"}

MESSAGES = st.one_of(
    st.sampled_from([notice.Send(), notice.Silence(), notice.Postponed(), notice.Overdue()]),
    st.sampled_from([notice.Unreachable(reason="no_phone"), notice.Rejected(reason="number_invalid")]),
    st.integers(1, 3).map(lambda parts: notice.Taken(parts=parts)),
    st.sampled_from([Receipt(word=word) for word in ("delivered", "temporary_failure", "permanent_failure")]),
)


def announcement(channel: str = "sms") -> Announce:
    return Announce.model_validate(
        {"notice_id": new_id(), "dossier_code": "H-1", "step": "accepted", "channel": channel}
        | {"template": "accepted", "facts": {"due": None}}
    )


def given_notice(*messages: Any, channel: str = "sms", at: datetime = NOON) -> Decision[Notice]:
    """The decision on the last of these messages, after an announcement."""
    decision: Decision[Notice] = DECIDERS[Announce](None, announcement(channel), at)
    for message in messages:
        decision = DECIDERS[type(message)](decision.state, message, at) or Decision(decision.state)
    return decision


@given(st.lists(MESSAGES, max_size=12), st.sampled_from(["sms", "email"]), st.sampled_from([NOON, MIDNIGHT]))
@example([notice.Receipt(word="temporary_failure"), notice.Silence(), notice.Taken(parts=1)], "sms", NOON)
def test_every_move_is_in_the_table_and_says_what_the_table_says(
    messages: list[Any], channel: str, at: datetime
) -> None:
    state = given_notice(channel=channel, at=at).state
    told: list[Any] = []
    for message in messages:
        decision = DECIDERS[type(message)](state, message, at)
        if decision is None:
            continue
        path = [state.state, decision.state.state]
        if isinstance(message, notice.Taken) and state.early_word and channel == "sms":
            path.insert(1, "sent")
        for source, target in pairwise(path):
            if source != target:
                assert any(move.source == source and move.target == target for move in TRANSITIONS.moves)
        assert state.state not in FINAL
        assert [type(event) for event in decision.events] == [
            EVENT_OF.get(target, notifications.Failed)
            for source, target in pairwise(path)
            if target not in ("sending", "waiting") and target != source
        ]
        told += decision.events
        state = decision.state
    assert sum(isinstance(event, notifications.Delivered) for event in told) <= 1
    assert (state.state == "delivered") == any(isinstance(event, notifications.Delivered) for event in told)


@given(st.lists(MESSAGES, max_size=12))
def test_a_call_is_asked_for_only_when_sending_begins_and_always_under_the_same_id(messages: list[Any]) -> None:
    decision = given_notice()
    state = decision.state
    for message in messages:
        next_one = DECIDERS[type(message)](state, message, NOON)
        if next_one is not None:
            assert bool(next_one.calls) == (state.state == "waiting" and next_one.state.state == "sending")
            assert all(call.id == state.notice_id == call.request.notice_id for call in next_one.calls)
            state = next_one.state


@given(st.lists(MESSAGES, max_size=12), st.sampled_from([NOON, MIDNIGHT]))
def test_who_is_not_at_the_end_waits_for_something(messages: list[Any], at: datetime) -> None:
    """A notice without a timer or a call would be forgotten."""
    state, waiting = None, set()
    for message in [announcement(), *messages]:
        decision = DECIDERS[type(message)](state, message, at)
        waiting.discard(type(message))
        if decision is not None:
            waiting -= set(decision.cancels)
            waiting |= {type(timer.message) for timer in decision.timers}
            state = decision.state
        assert state is not None
        if state.state == "waiting":
            assert notice.Send in waiting or isinstance(message, notice.Send)
        if state.state in ("sending", "sent"):
            assert notice.Silence in waiting
        if state.state in FINAL:
            assert notice.Silence not in waiting


def test_a_second_announcement_of_the_same_step_changes_nothing() -> None:
    state = given_notice().state
    assert DECIDERS[Announce](state, announcement(), NOON) is None


def test_an_sms_of_the_night_waits_for_seven_and_a_letter_does_not() -> None:
    waiting = given_notice(at=MIDNIGHT)
    assert waiting.state.state == "waiting"
    assert waiting.calls == ()
    assert [timer.due for timer in waiting.timers] == [datetime(2026, 6, 10, 7, tzinfo=VIETNAM)]
    letter = given_notice(channel="email", at=MIDNIGHT)
    assert (letter.state.state, len(letter.calls)) == ("sending", 1)


def test_a_sending_that_met_the_night_is_put_off_until_seven() -> None:
    put_off = DECIDERS[notice.Postponed](given_notice().state, notice.Postponed(), MIDNIGHT)
    assert put_off.state.state == "waiting"
    assert put_off.timers[0].due == datetime(2026, 6, 10, 7, tzinfo=VIETNAM)


def test_a_receipt_that_overtakes_the_answer_is_told_after_the_sending() -> None:
    decision = given_notice(Receipt(word="delivered"), notice.Taken(parts=2))
    assert decision.state.state == "delivered"
    assert [type(event) for event in decision.events] == [notifications.Sent, notifications.Delivered]
    assert notice.Silence in decision.cancels


def test_silence_is_a_temporary_failure_after_72_hours_and_a_late_receipt_is_still_believed() -> None:
    sent = given_notice(notice.Taken(parts=1))
    (silence,) = sent.timers
    assert silence.due == NOON + timedelta(hours=72)
    failed = DECIDERS[notice.Silence](sent.state, silence.message, silence.due)
    assert (failed.state.state, failed.events[0].reason) == ("temporary_failure", "no_receipt")
    late = DECIDERS[Receipt](failed.state, Receipt(word="delivered"), silence.due)
    assert late.state.state == "delivered"


def test_a_letter_needs_no_receipt() -> None:
    sent = given_notice(notice.Taken(parts=1), channel="email")
    assert sent.state.state == "sent"
    assert (sent.timers, sent.cancels) == ((), (notice.Silence,))


@pytest.mark.parametrize("message", [notice.Unreachable(reason="no_phone"), notice.Rejected(reason="number_invalid")])
def test_what_is_not_sent_is_never_silent(message: Any) -> None:
    decision = given_notice(message)
    (event,) = decision.events
    assert isinstance(event, notifications.Failed)
    assert event.reason == decision.state.reason == message.reason
