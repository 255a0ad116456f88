"""State machines as tables: what is legal, what is told of what is not, and how it is drawn."""

from __future__ import annotations

from enum import Enum

import pytest

from chassis.errors import Refusal
from chassis.table import Move, Table


class State(Enum):
    OPEN = "open"
    PAID = "paid"


class Opens: ...


class Pays: ...


class Waits: ...


class Paid: ...


TABLE = Table(
    [
        Move(None, Opens, State.OPEN),
        Move(State.OPEN, Waits, State.OPEN),
        Move(State.OPEN, Pays, State.PAID, Paid),
        Move(State.OPEN, Pays, State.OPEN),
    ],
    names={State.OPEN: "đang mở", State.PAID: "đã nộp"},
    words={Pays: "nộp phí", Waits: "chờ", Opens: "mở"},
)


def test_a_legal_move_is_the_first_row_that_fits() -> None:
    assert TABLE.require(State.OPEN, Pays) == Move(State.OPEN, Pays, State.PAID, Paid)
    assert TABLE.require(None, Opens).target is State.OPEN


def test_an_illegal_move_names_the_legal_ones_once_in_both_languages() -> None:
    with pytest.raises(Refusal) as refused:
        TABLE.require(State.OPEN, Opens)
    assert (refused.value.code, refused.value.status) == ("illegal_move", 409)
    assert refused.value.vi == "Không thể mở khi đang ở trạng thái “đang mở”. Có thể: chờ, nộp phí."
    assert refused.value.en == "Opens is not possible in state open. Possible: Pays, Waits."


def test_people_are_told_of_moves_that_they_can_make_themselves_only() -> None:
    class ByPerson: ...

    class Asks(ByPerson): ...

    class Drops(ByPerson): ...

    class Expires: ...

    table = Table(
        [Move(1, Asks, 2), Move(2, Expires, 3), Move(4, Expires, 3), Move(4, Drops, 3), Move(5, Expires, 2)],
        voices=(ByPerson,), rests=(5,),
    )  # fmt: skip
    for state, vi, en in (
        (1, "Asks", "Asks"),
        (2, "chờ bên khác thực hiện", "wait for others"),
        (3, "không còn bước nào", "nothing, it is final"),
        (5, "không còn bước nào", "nothing, it is final"),
    ):
        with pytest.raises(Refusal) as refused:
            table.require(state, Drops)
        assert (refused.value.vi.split("Có thể: ")[1], refused.value.en.split("Possible: ")[1]) == (f"{vi}.", f"{en}.")
    with pytest.raises(Refusal) as refused:
        table.require(4, Asks)
    assert "Expires" not in refused.value.vi + refused.value.en


def test_a_final_state_says_that_it_is_final() -> None:
    with pytest.raises(Refusal) as refused:
        TABLE.require(State.PAID, Pays)
    assert "không còn bước nào" in refused.value.vi
    assert "nothing, it is final" in refused.value.en


@pytest.mark.parametrize("state", [None, State.OPEN, State.PAID])
@pytest.mark.parametrize("message", [Opens, Pays, Waits])
def test_what_is_allowed_is_what_is_not_refused(state: State | None, message: type) -> None:
    try:
        TABLE.require(state, message)
    except Refusal:
        assert not TABLE.allows(state, message)
    else:
        assert TABLE.allows(state, message)


def test_the_diagram_has_every_move_with_its_event_every_end_and_every_name() -> None:
    assert TABLE.mermaid() == (
        "stateDiagram-v2\n"
        "    [*] --> open: Opens\n"
        "    open --> open: Waits\n"
        "    open --> paid: Pays / Paid\n"
        "    open --> open: Pays\n"
        "    paid --> [*]\n"
        "    open: đang mở\n"
        "    paid: đã nộp\n"
    )


def test_the_diagram_leaves_out_states_that_no_move_reaches() -> None:
    table = Table([Move(None, Opens, "open")], {"open": "đang mở", "later": "sau này"})
    assert table.mermaid() == "stateDiagram-v2\n    [*] --> open: Opens\n    open --> [*]\n    open: đang mở\n"
