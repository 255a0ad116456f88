"""The view of a dossier: four facts side by side, the same in whatever order the topics come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import reduce
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chassis.decider import Decision
from chassis.envelope import Event
from chassis.identifiers import derived_id, new_id
from contracts import appointments, dossiers, notifications, payments
from contracts.event import Data
from services.status.domain.facts import Payment
from services.status.domain.view import View
from services.status.main import CONSUMES
from tests.records import CODE, NOON, event, example

DECIDERS = {kind: decide for fold in CONSUMES for kind, decide in fold.on.items()}
TOPICS = (dossiers.EVENTS, payments.EVENTS, appointments.EVENTS, notifications.EVENTS)
FIRST = new_id()
SOURCES = (FIRST, derived_id(FIRST, "another"))
SOURCE_FIELDS = {payments: "bill_id", appointments: "appointment_id", notifications: "notice_id"}


def folded(events: Iterable[Event[Any]]) -> View:
    """The view after these events in this order."""

    def step(view: View | None, each: Event[Any]) -> View:
        decision = DECIDERS[type(each.data)](view, each, NOON)
        assert isinstance(decision, Decision)
        return View.model_validate(decision.state)

    view = reduce(step, events, None)
    assert view is not None
    return view


def of_source(kind: type[Data], source: UUID, **changes: Any) -> Data:
    """An example that names this bill, appointment or notice."""
    named = {field: source for module, field in SOURCE_FIELDS.items() if kind.TOPIC == module.TOPIC}
    return example(kind, **named, **changes)


@st.composite
def topic_of(draw: st.DrawFn, kinds: tuple[type[Data], ...], once: bool) -> list[Event[Any]]:
    """What one topic may hold of a dossier: each source counts its own events, and times may be equal or go back."""
    from_dossier = dossiers.Submitted in kinds
    sources = SOURCES[:1] if from_dossier else SOURCES
    pairs = st.tuples(st.sampled_from(kinds), st.sampled_from(sources), st.integers(0, 3), st.integers(1, 10))
    told = draw(st.lists(pairs, max_size=6, unique_by=(lambda pair: pair[:2]) if once else None))
    events: list[Event[Any]] = []
    counted = dict.fromkeys(sources, 0)
    for kind, source, minutes, status in told:
        counted[source] += 1
        step = {
            "status": status,
            "officer": f"Cán bộ {counted[source]}",
            "result_due": NOON + timedelta(days=status % 3),
        }
        changes = {"step": step} if from_dossier else {}
        at = NOON + timedelta(minutes=minutes)
        events.append(event(of_source(kind, source, **changes), counted[source], at))
    return events


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Event[Any]], list[Event[Any]]]:
    """Four topics' events, topic after topic and in some other order that keeps each topic's own."""
    topics = [draw(topic_of(kinds, once=False)) for kinds in TOPICS]
    turns = draw(st.permutations([number for number, events in enumerate(topics) for _ in events]))
    assume(turns)
    waiting = [iter(events) for events in topics]
    return [each for events in topics for each in events], [next(waiting[number]) for number in turns]


@given(interleaved())
def test_any_interleaving_of_the_topics_gives_the_same_view(orders: tuple[list[Event[Any]], list[Event[Any]]]) -> None:
    one, other = orders
    assert folded(one) == folded(other)


@given(st.data())
def test_even_events_of_one_topic_may_come_late_without_a_trace(data: st.DataObject) -> None:
    """Refusal and stop are both final, so a dossier has one of them."""
    kinds = [tuple(kind for kind in topic if kind is not dossiers.Stopped) for topic in TOPICS]
    events = [each for topic in kinds for each in data.draw(topic_of(topic, once=True))]
    if events:
        assert folded(events) == folded(data.draw(st.permutations(events)))


@given(interleaved())
def test_every_event_has_its_line_in_the_timeline_in_order_of_time(
    orders: tuple[list[Event[Any]], list[Event[Any]]],
) -> None:
    events, view = orders[1], folded(orders[1])
    assert sorted(line.type for line in view.timeline) == sorted(each.type for each in events)
    times = [line.at for line in view.timeline]
    assert times == sorted(times)
    assert view.opened_at == times[0]


@given(interleaved())
def test_a_view_survives_its_row(orders: tuple[list[Event[Any]], list[Event[Any]]]) -> None:
    view = folded(orders[0])
    assert View.model_validate_json(view.model_dump_json()) == view


def test_before_the_dossiers_own_event_only_what_others_said_is_known() -> None:
    view = folded([event(example(payments.Opened))])
    assert view.dossier_code == CODE
    assert (view.status, view.person_id, view.agency, view.result) == (None, None, None, None)
    assert [bill.state for bill in view.payments.values()] == ["open"]


def test_the_four_facts_do_not_touch_each_other() -> None:
    bill, visit, notice = new_id(), new_id(), new_id()
    base = [
        event(example(dossiers.Accepted, step={"status": 2}), 3),
        event(example(payments.Succeeded, bill_id=bill), 3),
        event(example(appointments.Booked, appointment_id=visit), 1),
        event(example(notifications.Sent, notice_id=notice), 1),
    ]
    before = folded(base)
    after = folded([*base, event(example(payments.RefundFailed, bill_id=bill), 9)])
    told = {"payments", "timeline"}
    assert after.model_dump(exclude=told) == before.model_dump(exclude=told)
    assert after.payments[bill].state == "refund_failed"


def test_an_older_event_of_the_same_source_changes_no_fact() -> None:
    bill = new_id()
    paid = event(example(payments.Succeeded, bill_id=bill), 3)
    declined = event(example(payments.Failed, bill_id=bill), 2)
    view = folded([paid, declined])
    assert view.payments[bill].state == "paid"
    assert len(view.timeline) == 2

    done = event(example(dossiers.Completed, step={"status": 9, "officer": "Hoàng Văn Sơn"}), 5)
    started = event(example(dossiers.ProcessingStarted, step={"status": 4, "officer": "Vũ Thị Lan"}), 4)
    view = folded([done, started])
    assert (view.status, view.officer) == (9, "Hoàng Văn Sơn")


def test_who_has_the_dossier_since_when_and_due_when_follow_the_latest_step() -> None:
    due = datetime.fromisoformat("2026-06-16T17:00:00+07:00")
    step = {"status": 4, "department": "Phòng Quản lý vận tải", "officer": "Hoàng Văn Sơn", "since": NOON, "due": due}
    view = folded([event(example(dossiers.Submitted), 1), event(example(dossiers.ProcessingStarted, step=step), 2)])
    assert (view.department, view.officer, view.since, view.due) == (
        "Phòng Quản lý vận tải",
        "Hoàng Văn Sơn",
        NOON,
        due,
    )
    holder = view.timeline[-1].holder
    assert holder is not None
    assert (holder.status, holder.due) == (4, due)


def test_partial_refunds_add_up() -> None:
    bill = new_id()
    events = [
        event(example(payments.Refunded, bill_id=bill, refund_id=new_id(), amount=amount), number)
        for number, amount in enumerate((35_000, 100_000), 5)
    ]
    assert folded(events).payments[bill].refunded == 135_000


def test_a_refund_that_came_back_and_was_paid_out_is_refunded_once() -> None:
    bill = new_id()
    kinds: tuple[type[Data], ...] = (payments.Refunded, payments.RefundFailed, payments.Refunded)
    told = [event(example(kind, **one_refund(bill), amount=35_000), number) for number, kind in enumerate(kinds, 5)]
    assert [folded(told[:length]).payments[bill].refunded for length in (1, 2, 3)] == [35_000, 0, 35_000]
    for order in permutations(told):
        assert folded(order).payments == folded(told).payments


def test_money_that_was_no_fee_and_went_back_is_counted_apart() -> None:
    bill = new_id()
    told = event(example(payments.Refunded, **one_refund(bill), amount=1_000, unexpected=True), 5)
    view = folded([told, event(example(payments.Refunded, **one_refund(bill, "another"), amount=35_000), 6)])
    assert (view.payments[bill].refunded, view.payments[bill].returned) == (35_000, 1_000)


def test_a_view_of_before_refunds_were_told_apart_keeps_its_sum() -> None:
    """What it knows of is not told again, but for a refund that comes back."""
    bill = new_id()
    before = folded([event(example(payments.Succeeded, bill_id=bill), 3)])
    old = before.payments[bill].model_copy(update={"refunded": 20_000})
    view = before.model_copy(update={"payments": {bill: old}})
    decision = DECIDERS[payments.Refunded](
        view, event(example(payments.Refunded, **one_refund(bill), amount=35_000), 7), NOON
    )
    assert isinstance(decision, Decision)
    assert decision.state.payments[bill].refunded == 55_000


def refund_told(bill: UUID, *told: tuple[type[Data], str, dict[str, Any]]) -> list[Event[Any]]:
    """A bill of 135.000 đồng that was opened and paid, and what was told of its refunds afterwards."""
    paid = [example(payments.Opened, bill_id=bill, amount=135_000), example(payments.Succeeded, bill_id=bill)]
    after = [example(kind, **one_refund(bill, name), **changes) for kind, name, changes in told]
    return [event(data, number) for number, data in enumerate([*paid, *after], 1)]


PART = {"amount": 20_000}
STARTED = (payments.RefundStarted, "one", PART)
FAILED: tuple[type[Data], str, dict[str, Any]] = (payments.RefundFailed, "one", PART)
FAILED_BEFORE: tuple[type[Data], str, dict[str, Any]] = (payments.RefundFailed, "one", {"amount": None})
"""As it was told before it told its amount."""
PAID_OUT = (payments.Refunded, "one", PART | {"kept": 114_000, "by_hand": True})
OTHER = (payments.RefundStarted, "other", {"amount": 1_000})
OTHER_DONE = (payments.Refunded, "other", {"amount": 1_000, "kept": 134_000})
REST = (payments.Refunded, "rest", {"amount": 114_000, "kept": 0})


def test_a_bill_is_refunded_when_nothing_stays_paid_and_failed_while_an_officer_owes_a_refund() -> None:
    bill = new_id()
    told = refund_told(bill, STARTED, OTHER, FAILED_BEFORE, OTHER_DONE, PAID_OUT, REST)
    states = [folded(told[:length]).payments[bill].state for length in range(2, len(told) + 1)]
    owed = ["refunding", "refunding", "refund_failed", "refund_failed"]
    assert states == ["paid", *owed, "partly_refunded", "refunded"]
    (one, *_) = folded(told[:5]).payments[bill].refunds.values()
    assert (one.state, one.asked, one.amount) == ("failed", 20_000, 0)


@pytest.mark.parametrize("failed", [FAILED, FAILED_BEFORE], ids=["with its amount", "without"])
def test_a_bill_stands_the_same_in_whatever_order_its_refunds_are_heard_of(failed: Any) -> None:
    told = refund_told(new_id(), STARTED, OTHER, failed, OTHER_DONE)
    for order in permutations(told):
        assert folded(order).payments == folded(told).payments


def test_a_failure_tells_how_much_waits_at_the_desk_whatever_else_was_heard() -> None:
    (refund,) = folded(refund_told(bill := new_id(), FAILED)).payments[bill].refunds.values()
    assert (refund.state, refund.asked) == ("failed", 20_000)


def test_money_that_was_no_fee_leaves_its_bill_as_it_is_and_its_own_failure_is_shown() -> None:
    bill = new_id()
    view = folded(
        refund_told(bill, (*STARTED[:2], PART | {"unexpected": True}), (*FAILED[:2], PART | {"unexpected": True}))
    )
    assert view.payments[bill].state == "paid"
    assert [(each.state, each.asked) for each in view.payments[bill].refunds.values()] == [("failed", 20_000)]


def test_an_event_that_does_not_say_what_stays_paid_is_held_against_the_bills_amount() -> None:
    bill = new_id()
    told = refund_told(bill, (payments.Refunded, "one", PART), (payments.Refunded, "rest", {"amount": 115_000}))
    assert [folded(told[:length]).payments[bill].state for length in (3, 4)] == ["partly_refunded", "refunded"]


def test_a_bill_that_was_kept_before_its_refunds_had_states_is_read() -> None:
    def read(state: str, **refund: int) -> str | None:
        known = {"amount": 135_000, "refunded": refund.get("amount", 0), "sequence": 7, "state": state}
        refunds = {str(new_id()): {"sequence": 7, "unexpected": False, **refund}} if refund else {}
        return Payment.model_validate({"bill_id": str(new_id()), **known, "refunds": refunds}).state

    assert [read(state) for state in ("paid", "refunding", "refunded")] == ["paid", "refunding", "refunded"]
    assert read("refunded", amount=20_000) == "partly_refunded"
    assert read("refunded", amount=135_000) == "refunded"
    assert read("refund_failed", amount=0) == "refund_failed"


def one_refund(bill: UUID, name: str = "a refund") -> dict[str, Any]:
    return {"bill_id": bill, "refund_id": derived_id(bill, name)}


def life(*told: tuple[type[Data], dict[str, Any]]) -> list[Event[Any]]:
    """A dossier's events, one minute after the other."""
    return [
        event(example(kind, **changes), number, NOON + timedelta(minutes=number))
        for number, (kind, changes) in enumerate(told, 1)
    ]


DUE, LATER = NOON + timedelta(days=3), NOON + timedelta(days=5)
AT_WORK = {"status": 4, "result_due": DUE}


def test_a_supplement_is_shown_with_what_was_asked_until_when_and_when_it_came() -> None:
    asked, supplied = life(
        (dossiers.SupplementRequested, {"until": LATER}), (dossiers.Supplemented, {"step": {"status": 1}})
    )
    view = folded([asked])
    assert view.supplement is not None
    assert (view.supplement.items, view.supplement.until) == (asked.data.items, LATER)
    assert (view.supplement.asked_at, view.supplement.supplied_at) == (asked.time, None)
    assert folded([asked, supplied]).supplement == folded([supplied, asked]).supplement
    assert folded([asked, supplied]).supplement == view.supplement.model_copy(update={"supplied_at": supplied.time})


def test_another_agency_that_has_the_dossier_is_shown_with_its_task_until_it_is_back() -> None:
    there = {"handler": "H55", "handler_name": "Sở Công Thương", "task": "Thẩm định"}
    none = dict.fromkeys(there)
    away, back = life((dossiers.HandedOn, {"step": AT_WORK | there}), (dossiers.HandedOn, {"step": AT_WORK | none}))
    assert folded([away]).model_dump(include=set(there)) == there
    assert folded([away, back]).model_dump(include=set(there)) == none


def test_an_open_dossier_is_late_from_the_word_on_its_promised_date_until_that_moves_or_it_is_done() -> None:
    told = life(
        (dossiers.Accepted, {"step": AT_WORK | {"status": 2}}),
        (dossiers.DueSoon, {"step": AT_WORK}),
        (dossiers.Overdue, {"step": AT_WORK}),
        (dossiers.DueChanged, {"step": AT_WORK | {"result_due": LATER}}),
        (dossiers.Overdue, {"step": AT_WORK | {"result_due": LATER}}),
        (dossiers.Completed, {"step": AT_WORK | {"status": 9, "result_due": LATER}}),
    )
    assert [folded(told[: number + 1]).lateness for number in range(6)] == [None, "soon", "late", None, "late", None]
    assert folded(reversed(told)).lateness is None


def test_every_move_of_the_promised_date_is_kept_with_its_cause_and_both_dates() -> None:
    step = AT_WORK | {"result_due": LATER}
    told = life(
        (dossiers.Rescheduled, {"promised": DUE, "step": step}),
        (dossiers.DueChanged, {"was": LATER, "cause": "calendar", "step": AT_WORK}),
    )
    moves = folded(reversed(told)).new_dates
    assert [(move.cause, move.was, move.due) for move in moves] == [("apology", DUE, LATER), ("calendar", LATER, DUE)]


def test_a_date_that_was_never_promised_is_no_new_promise() -> None:
    told = life((dossiers.DueChanged, {"cause": "calendar", "step": AT_WORK | {"status": 1, "result_due": None}}))
    assert folded(told).new_dates == ()


def test_the_latest_word_on_a_withdrawal_counts_and_another_stop_is_none() -> None:
    told = life(
        (dossiers.WithdrawalRequested, {}),
        (dossiers.WithdrawalDeclined, {"reason": "Kết quả đã có."}),
        (dossiers.WithdrawalRequested, {}),
        (dossiers.Stopped, {"cause": "withdrawn"}),
    )
    states = [view.withdrawal and view.withdrawal.state for view in (folded(told[: n + 1]) for n in range(4))]
    assert states == ["asked", "declined", "asked", "granted"]
    assert folded(life((dossiers.Stopped, {"cause": "unpaid"}))).withdrawal is None


def test_messages_are_counted_by_author_and_a_result_by_post_is_shown_with_its_number() -> None:
    view = folded(
        life(
            (dossiers.MessagePosted, {"author": "citizen"}),
            (dossiers.MessagePosted, {"author": "officer"}),
            (dossiers.MessagePosted, {"author": "citizen"}),
            (dossiers.Completed, {"delivery": "post"}),
            (dossiers.ResultDispatched, {"carrier": "Bưu điện", "tracking_number": "EB123456789VN"}),
        )
    )
    assert (view.posts.citizen, view.posts.officer) == (2, 1)
    assert view.result is not None
    assert (view.result.delivery, view.result.tracking_number) == ("post", "EB123456789VN")
