"""What `make up` shows on a terminal: the last line says how the stack is and how to end it, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.layout import Layout
from deploy.local.plan import plan
from deploy.local.processes import Process
from deploy.local.secrets import Secrets
from deploy.local.state import ChildState, StackState
from deploy.local.view import Fitted, View

END = "Ctrl-C: dừng · stop"
LONG = "Kafka chưa trả lời ở 127.0.0.1:19092, thử lại sau mỗi giây · Kafka does not answer yet, tried every second"


@pytest.fixture
def children(tmp_path: Path) -> Sequence[ChildState]:
    """Every child of the whole stack, ready."""
    planned = plan(Layout(tmp_path), Secrets.open(tmp_path))
    return [ChildState(each.name, each.address, each.description, "ready") for each in planned]


def stack(children: Sequence[ChildState]) -> StackState:
    ready = all(child.state == "ready" for child in children)
    seconds = 12.3 if ready else None
    return StackState(
        Process(1, ""), 0, "ready" if ready else "starting", ready_seconds=seconds, children=list(children)
    )


def lines(children: Sequence[ChildState], height: int, width: int = 80) -> list[str]:
    """What stands on a terminal of this size, from the top."""
    console = Console(file=StringIO(), force_terminal=True, color_system=None, width=width, height=height)
    shown = console.render_lines(Fitted(stack(children), children))
    return ["".join(segment.text for segment in line).rstrip() for line in shown]


def test_all_of_the_stack_and_how_to_end_it_stand_on_80_by_24(children: Sequence[ChildState]) -> None:
    for state in (children, [replace(child, state="starting", reason=LONG) for child in children]):
        shown = lines(state, 24)
        assert len(shown) <= 24
        assert shown[-1].endswith(END)
        assert [line.split()[0] for line in shown[1 : len(state) + 1]] == [child.name for child in state]


def test_how_far_a_download_is_stands_in_one_line_too(children: Sequence[ChildState]) -> None:
    loading = replace(children[1], state="preparing", reason=LONG, done=30, total=120)
    shown = lines([children[0], loading, *children[2:]], 24)
    assert "25 %" in shown[2]
    assert len(shown) == len(children) + 2


def test_a_terminal_with_room_shows_reasons_whole(children: Sequence[ChildState]) -> None:
    shown = " ".join(
        line.split("khởi động")[-1].strip() for line in lines([replace(children[0], state="starting", reason=LONG)], 24)
    )
    assert LONG in " ".join(shown.split())


@pytest.mark.parametrize("height", range(1, 24))
def test_on_a_terminal_too_low_for_all_those_that_are_not_ready_come_first(
    children: Sequence[ChildState], height: int
) -> None:
    late = [*children[:-1], replace(children[-1], state="starting", reason=LONG)]
    shown = lines(late, height)
    assert shown[-1].endswith(END)
    assert len(shown) <= max(height, 1)
    if 4 <= height < len(children) + 2:
        assert shown[1].startswith(late[-1].name)
        assert f"và {len(children) - len(shown) + 3} phần nữa" in shown[-2]


def test_when_it_is_ready_the_whole_table_is_printed_once_and_stays(children: Sequence[ChildState]) -> None:
    output = StringIO()
    console = Console(file=output, force_terminal=True, color_system=None, width=80, height=24)
    with View(console) as view:
        view.show(stack(children))
        output.seek(output.truncate(0))
        view.announce(stack(children))
        announced = output.getvalue()
        output.seek(output.truncate(0))
        view.show(stack([replace(children[0], state="restarting"), *children[1:]]))
        later = output.getvalue()
    for child in children:
        assert announced.count(child.address) == 1
    assert announced.rstrip().endswith(END)
    assert children[0].address in later
    assert children[1].address not in later
