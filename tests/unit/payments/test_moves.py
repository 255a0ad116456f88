"""The table of moves says what the deciders do: no row is idle, and no decider goes where the table does not."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import Any

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import Refusal
from chassis.identifiers import derived_id
from contracts import payments
from services.payments.domain.bill import MOVES, AttemptSilence, BillExpiry, Nudge, ReceiptNumbered
from services.payments.domain.gateway import RefundDone, RefundRefused
from tests.unit.payments.bills import (
    AMOUNT,
    FIRST,
    LATER,
    REFUSED,
    SECOND,
    STOPPED,
    SUBMITTED,
    Story,
    captured,
    closed,
    created,
    refused,
    started,
    still_open,
)

ROWS = {(move.source, move.message, move.target) for move in MOVES.moves}
EACH_PAGE = (created, refused, still_open, closed, captured)
ALL: tuple[Message | Event[Any], ...] = (
    SUBMITTED,
    LATER,
    started(FIRST),
    started(SECOND),
    *(answer(page) for page in (FIRST, SECOND) for answer in EACH_PAGE),
    still_open(FIRST, "ch_1"),
    closed(FIRST, "ch_1"),
    captured(FIRST, AMOUNT - 1),
    Nudge(call_id=FIRST),
    AttemptSilence(),
    BillExpiry(),
    REFUSED,
    STOPPED,
    ReceiptNumbered(number="2026/00000001"),
)


def refund_answers(story: Story) -> list[Message]:
    if story.bill is None or story.bill.refund is None:
        return []
    refund = story.bill.refund.refund_id
    stranger = derived_id(refund, "another")
    return [
        *(RefundDone(refund_id=each, reference="re_1") for each in (refund, stranger)),
        *(RefundRefused(refund_id=each, reason="expired_card") for each in (refund, stranger)),
    ]


def walked() -> set[tuple[Any, type, Any, type | None]]:
    """Every move of a bill that meets any messages in any order, however senseless; asking alone is no move."""
    seen, moves = {""}, set()
    waiting = deque([Story()])
    while waiting:
        here = waiting.popleft()
        for message in (*ALL, *refund_answers(here)):
            story = Story(here.bill)
            source = here.bill.state if here.bill else None
            try:
                decision = story.on(message)
            except Refusal:
                continue
            if decision is None or story.bill is None:
                continue
            kind = type(message.data if isinstance(message, Event) else message)
            told = type(decision.events[0]) if decision.events else None
            if told or story.state != source or (source, kind, source) in ROWS:
                moves.add((source, kind, story.state, told))
            key = story.bill.model_dump_json(exclude={"version"})
            if key not in seen:
                seen.add(key)
                waiting.append(copy(story))
    return moves


def test_the_table_is_what_the_deciders_do() -> None:
    """Each row happens in some order of messages, and nothing outside the rows does."""
    assert {move[:3] for move in walked()} == ROWS


def test_each_row_tells_its_event_and_no_other() -> None:
    """A page that closes may have no decline left to tell; every other row always tells what it names."""
    rows = {(move.source, move.message, move.target, move.event) for move in MOVES.moves}
    told = walked()
    assert {move for move in told if move[3] is not None} == {row for row in rows if row[3] is not None}
    quiet = {move[:3] for move in told if move[3] is None and (*move[:3], None) not in rows}
    assert quiet == {("in_checkout", type(closed()), "open")}


def test_the_states_in_which_a_bill_ends_ask_for_nothing_more() -> None:
    """From each of them only money is taken in: of a page long closed, or of a refund that the bank sent back."""
    for state, leaving in (("refunded", {RefundRefused}), ("refund_failed", set()), ("discrepancy", set())):
        left = {move.message for move in MOVES.moves if move.source == state and move.target != state}
        assert left == leaving, state
    for state in ("expired", "cancelled"):
        left = {move.message for move in MOVES.moves if move.source == state}
        assert left == {type(captured())}, state


def test_the_diagram_shows_every_row() -> None:
    diagram = MOVES.mermaid()
    assert diagram.count("-->") == len(MOVES.moves)
    assert f"in_checkout --> paid: Captured / {payments.Succeeded.__name__}" in diagram
