"""The stack as a person sees it: a live table on a terminal, plain lines elsewhere, the whole table once it is ready."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.local.state import ChildState, StackState

WORDS = {
    "waiting": ("chờ", "dim"),
    "preparing": ("chuẩn bị", "cyan"),
    "starting": ("khởi động", "cyan"),
    "ready": ("sẵn sàng", "green"),
    "unready": ("chưa sẵn sàng", "yellow"),
    "restarting": ("khởi động lại", "yellow"),
    "stopping": ("đang dừng", "yellow"),
    "stopped": ("đã dừng", "dim"),
    "failed": ("hỏng", "red"),
}
PROGRESS_LINE_SECONDS = 3.0


def table(children: Sequence[ChildState], in_a_line_each: bool = False) -> Table:
    """Names, addresses, states and what each is busy with."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("tên · name", "địa chỉ · address", "trạng thái · state"):
        result.add_column(title, overflow="fold", no_wrap=True)
    result.add_column("chi tiết · details", overflow="fold")  # the only one that gives way to the others
    for child in children:
        word, style = WORDS[child.state]
        result.add_row(child.name, child.address, Text(word, style), _details(child, in_a_line_each))
    return result


def _details(child: ChildState, in_a_line: bool) -> Table | Text:
    text = Text(child.reason or child.description, "" if child.reason else "dim")
    if child.restarts:
        text.append(f" · khởi động lại {child.restarts} lần · restarts {child.restarts}", "yellow")
    if in_a_line:
        done = (f"{100 * (child.done or 0) // child.total} % ", "cyan") if child.total else ""
        return Text.assemble(done, text, no_wrap=True, overflow="ellipsis")
    if not child.total:
        return text
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(child.total, child.done or 0, width=20), text)
    return row


@dataclass(frozen=True)
class Fitted:
    """The table with as much as the terminal has lines for, and below it, always, how the stack is and how to end it.

    What does not fit is said shorter: a line for each child, then those that are not ready first, and how many more.
    """

    shown: StackState
    children: Sequence[ChildState]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        foot = Text(f"{summary(self.shown)} · Ctrl-C: dừng · stop")
        options = options.update(height=None)
        yield from self._head(console, options, options.size.height - len(console.render_lines(foot, options)))
        yield foot

    def _head(self, console: Console, options: ConsoleOptions, room: int) -> Iterator[RenderableType]:
        if not self.children:
            return
        for head in (table(self.children), table(self.children, in_a_line_each=True)):
            if len(console.render_lines(head, options)) <= room:
                yield head
                return
        first = sorted(self.children, key=lambda child: child.state == "ready")[: max(0, room - 2)]
        if first:
            yield table(first, in_a_line_each=True)
            yield Text(f"… và {len(self.children) - len(first)} phần nữa · more: make status", "dim", no_wrap=True)


def summary(shown: StackState) -> str:
    """The stack's state in a line."""
    if shown.state == "ready" and shown.ready_seconds is not None:
        return f"Sẵn sàng sau {shown.ready_seconds:.1f} s · ready"
    return f"{WORDS[shown.state][0]} · {shown.state}" + (f": {shown.reason}" if shown.reason else "")


def report(console: Console, shown: StackState) -> None:
    """The table, and the state in a line."""
    console.print(table(shown.children))
    console.print(summary(shown), soft_wrap=True)


class View(AbstractContextManager["View"]):
    """Shows a stack's states as they change. Its terminal may go away: then OSError comes out of its methods."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._printed: dict[str, tuple[str, str, float]] = {}
        self.announced = False

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, shown: StackState) -> None:
        if self._live is not None:
            troubled = [child for child in shown.children if child.state != "ready"]
            self._live.update(Fitted(shown, troubled if self.announced else shown.children), refresh=True)
            return
        for child in shown.children:
            self._line(child)

    def announce(self, shown: StackState) -> None:
        """Print the whole table, to stay; from now on a terminal shows below it what is not ready."""
        self.announced = True
        if self._live is None:
            report(self._console, shown)
        else:
            self.show(shown)  # before the table, which the console would put above all that is shown now
            self._console.print(table(shown.children))

    def _line(self, child: ChildState) -> None:
        state, reason, at = self._printed.get(child.name, ("waiting", "", 0.0))
        long_ago = time.monotonic() - at > PROGRESS_LINE_SECONDS
        if child.state != state or (child.reason != reason and child.reason and long_ago):
            self._printed[child.name] = (child.state, child.reason, time.monotonic())
            line = f"{child.name}: {WORDS[child.state][0]} · {child.state}"
            details = child.reason or (child.address if child.state == "ready" else "")
            self._console.print(Text(f"{line} {details}".rstrip()), soft_wrap=True)
