"""The tables of moves say what the deciders do: no row is idle, and no decider goes where a table does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any

import pytest

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from chassis.table import Table
from services.payments.domain.answers import RefundDone, RefundRefused
from services.payments.domain.bill import MOVES, NAMES, Attempt, Bill
from services.payments.domain.difference import MOVES as DIFFERENCE_MOVES
from services.payments.domain.difference import Return
from services.payments.domain.messages import (
    AbandonPage,
    AttemptSilence,
    BillExpiry,
    BillReminder,
    CancelCheckout,
    Nudge,
    PayOut,
    RequestRefund,
    Settle,
    TakeOver,
)
from services.payments.domain.refund import REFUND_MOVES
from tests.records import NOON
from tests.unit.payments.bills import (
    AMOUNT,
    BESIDE,
    FIRST,
    LATER,
    REFUND_EVENTS,
    REFUSED,
    SECOND,
    STOPPED,
    SUBMITTED,
    TAKEN_BACK,
    Story,
    after,
    at_the_counter,
    captured,
    closed,
    created,
    refund,
    refused,
    started,
    still_open,
    transferred,
)

WHEN_ALL_IS_OVER = NOON + timedelta(days=6)
Said = Message | Event[Any]
Seen = tuple[Any, type, Any, type | None]
ROWS = {(move.source, move.message, move.target) for move in MOVES.moves}
MOVED = {(move.source, move.message, move.target, move.event) for move in MOVES.moves}
REFUND_ROWS = {(move.source, move.message, move.target, move.event) for move in REFUND_MOVES.moves}
EACH_PAGE = (created, refused, still_open, closed, captured)
# FIRST is a card's page, SECOND a picture that never closes.
PAGES = {FIRST: started(FIRST), SECOND: started(SECOND, "vietqr")}
ALL: tuple[Said, ...] = (
    # A later bill is the one that is walked: it has all moves of the form's, and may be taken back.
    LATER,
    SUBMITTED,
    *(answer(page) for page in PAGES for answer in EACH_PAGE),
    still_open(FIRST, "ch_1"),
    closed(FIRST, "ch_1"),
    captured(FIRST, AMOUNT - 1),
    captured(FIRST, 10**13),
    captured(FIRST, AMOUNT, heard_only=True),
    captured(FIRST, 1, heard_only=True),
    transferred(35_000, attempt=SECOND),
    transferred(AMOUNT + 1, 2),
    transferred(100, 3).model_copy(update={"currency": "USD"}),
    at_the_counter(),
    CancelCheckout(),
    AbandonPage(by="operator"),
    Nudge(call_id=FIRST),
    AttemptSilence(),
    BillReminder(),
    BillExpiry(),
    REFUSED,
    STOPPED,
    TAKEN_BACK,
    Settle(action="return", by="operator", reason="x"),
    Settle(action="accept", by="operator", reason="x"),
    refund(20_000, ("chup-anh", 20_000)),
)


def kind_of(message: Said) -> type:
    return type(message.data if isinstance(message, Event) else message)


def messages_for(story: Story) -> Iterator[Said]:
    """Any message; but no attempt begins twice, as ids are drawn for each."""
    yield from ALL
    known = {each.attempt_id for each in (*story.bill.past, story.bill.attempt) if each} if story.bill else set()
    yield from (start for page, start in PAGES.items() if page not in known)


def where(bill: Bill) -> str:
    """Where a bill stands, as far as its next move depends on it: not what it has told, numbered or sent back."""
    # A page that was given up is waited for as little as a closed one.
    pages = sorted((str(each.attempt_id), bool(each.session_id), is_done_with(each)) for each in bill.past)
    running = bill.attempt and (str(bill.attempt.attempt_id), bool(bill.attempt.session_id), bill.attempt.declines)
    return repr((bill.state, running, pages, bill.outstanding, bill.void_reason is not None))


def is_done_with(page: Attempt) -> bool:
    return page.closed or page.abandoned_by is not None


@cache
def walked() -> frozenset[Seen]:
    """Every move of a bill that meets any messages in any order, however senseless; asking alone is no move."""
    return frozenset(_moves())


def _moves() -> Iterator[Seen]:
    seen, waiting = {""}, deque([Story()])
    while waiting:
        here = waiting.popleft()
        for message, now in product(messages_for(here), (NOON, WHEN_ALL_IS_OVER)):
            story = Story(here.bill)
            source, kind = here.bill.state if here.bill else None, kind_of(message)
            try:
                decision = story.on(message, now)
            except Refusal:
                continue
            if decision is None or story.bill is None:
                continue
            told = next((type(each) for each in story.told if not isinstance(each, BESIDE)), None)
            row = (source, kind, source, told)
            if story.state != source or row in MOVED or (source, kind) == ("in_checkout", type(still_open())):
                yield source, kind, story.state, told
            else:
                assert told is None or told in REFUND_EVENTS, row
            if (key := where(story.bill)) not in seen:
                seen.add(key)
                waiting.append(story)


def test_the_table_is_what_the_deciders_do() -> None:
    """Each row happens in some order of messages, and nothing outside the rows does."""
    assert {move[:3] for move in walked()} == ROWS


# An officer's order, an answer or a question may leave a bill where it is and tell of refunds only.
QUIET = {
    ("in_checkout", type(closed()), "open"),  # no decline is left to tell
    ("in_checkout", type(still_open()), "in_checkout"),
    ("paid", type(REFUSED.data), "paid"),  # nothing may go back
    ("paid", type(STOPPED.data), "paid"),
    # told first that the money goes back
    *(
        ("discrepancy", Settle, state)
        for state in ("open", "closing", "expiring", "withdrawing", "expired", "cancelled")
    ),
}


def test_each_row_tells_its_event() -> None:
    """Where several follow, the row's is the first, but for a difference that is returned: that goes first."""
    assert {row[:3] for row in MOVED - walked()} <= QUIET
    assert {move for move in walked() - MOVED if move[:3] not in QUIET} == set()


def test_what_no_row_allows_is_refused_or_passed_over_on_purpose() -> None:
    """People are told what they may do instead; what gateways, clocks and dossiers say twice or too late changes nothing."""
    for state in NAMES:
        story = standing_in(state)
        for message in (CancelCheckout(), AbandonPage(by="op"), Settle(action="return", by="op", reason="x")):
            if MOVES.allows(state, type(message)):
                continue
            if isinstance(message, CancelCheckout) and state in ("open", "closing"):
                assert story.on(message) is None
                continue
            with pytest.raises(Refusal):
                story.on(message)
        for said in (SUBMITTED, BillExpiry(), BillReminder(), REFUSED, *(answer(SECOND) for answer in EACH_PAGE[:4])):
            if not MOVES.allows(state, kind_of(said)) and not isinstance(said, BillReminder):
                assert standing_in(state).on(said) is None, (state, said)


def standing_in(state: str) -> Story:
    """A bill that was led into this state."""
    page = (started(), created())
    ways: dict[str, tuple[Said, ...]] = {
        "open": (),
        "checkout_ready": (started(),),
        "in_checkout": page,
        "closing": (*page, CancelCheckout()),
        "expiring": (*page, BillExpiry()),
        "withdrawing": (*page, STOPPED),
        "paid": (*page, captured()),
        "expired": (BillExpiry(),),
        "cancelled": (STOPPED,),
        "discrepancy": (*page, captured(amount=1)),
    }
    story = after(*ways[state])
    assert story.state == state
    return story


def test_the_states_in_which_a_bill_ends_ask_for_nothing_more() -> None:
    """From each of them only money is taken in, which goes back; from paid, an ending sends back what it may."""
    for state in ("paid", "expired", "cancelled"):
        assert {move.target for move in MOVES.moves if move.source == state} == {state}
    for state in ("expired", "cancelled"):
        assert {move.message for move in MOVES.moves if move.source == state} == {type(captured())}


def test_the_refunds_table_is_what_the_deciders_do() -> None:
    """By any answers in any order, about a refund that a gateway sends, or that waits for an officer."""
    seen = set[tuple[Any, type, Any, type | None]]()
    by_gateway = (started(), created(), captured())
    for paid in (by_gateway, (at_the_counter(),)):
        order = refund(20_000, ("chup-anh", 20_000))
        stranger = derived_id(order.refund_id, "another")
        answers: tuple[Said, ...] = (
            *(RefundDone(refund_id=each, reference="re_1") for each in (order.refund_id, stranger)),
            *(RefundRefused(refund_id=each, reason="expired_card") for each in (order.refund_id, stranger)),
            *(TakeOver(refund_id=each, by="operator") for each in (order.refund_id, stranger)),
            *(PayOut(refund_id=each, reference="PC-1", by="treasurer") for each in (order.refund_id, stranger)),
            Nudge(call_id=FIRST),
            REFUSED,
        )
        waiting, known = deque([after(*paid)]), set[str]()
        while waiting:
            here = waiting.popleft()
            for message in (order, *answers):
                story, before = Story(here.bill), _state(here)
                try:
                    if story.on(message, NOON if message is order else WHEN_ALL_IS_OVER) is None:
                        continue
                except Refusal:
                    continue
                if _state(story) != before:
                    told = next(type(each) for each in story.told if isinstance(each, REFUND_EVENTS))
                    seen.add((before, kind_of(message), _state(story), told))
                if (key := f"{story.bill and story.bill.model_dump_json(include={'refunds'})}") not in known:
                    known.add(key)
                    waiting.append(story)
    assert {each for each in seen if each[1] is not kind_of(REFUSED)} == REFUND_ROWS


def _state(story: Story) -> str | None:
    assert story.bill is not None
    return story.bill.refunds[0].state if story.bill.refunds else None


@pytest.mark.parametrize("table", [MOVES, REFUND_MOVES])
def test_the_diagram_shows_every_row(table: Any) -> None:
    diagram = table.mermaid()
    assert diagram.count("-->") == len(table.moves) + diagram.count("--> [*]")


def test_an_order_begins_a_refund_by_the_gateway_or_by_hand() -> None:
    assert {move.target for move in REFUND_MOVES.moves if move.message is RequestRefund} == {"ready", "by_hand"}


@pytest.mark.parametrize(
    ("table", "states", "message"),
    [
        (MOVES, ("paid", "expired", "cancelled"), AbandonPage),
        (REFUND_MOVES, ("done",), TakeOver),
        (DIFFERENCE_MOVES, ("healed", "returned", "assigned"), Return),
    ],
)
def test_nobody_is_told_to_wait_where_nothing_is_waited_for(
    table: Table, states: tuple[str, ...], message: type
) -> None:
    for state in states:
        with pytest.raises(Refusal) as refusal:
            table.require(state, message)
        assert refusal.value.vi.endswith("Có thể: không còn bước nào.")
        assert refusal.value.en.endswith("Possible: nothing, it is final.")
