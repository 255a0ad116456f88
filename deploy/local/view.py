"""The stack as a person sees it: a live table on a terminal, plain lines elsewhere, a table at the end."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console, Group
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


def table(shown: StackState) -> Table:
    """Names, addresses, states and what each is busy with."""
    result = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("tên · name", "địa chỉ · address", "trạng thái · state", "chi tiết · details"):
        result.add_column(title, overflow="fold", no_wrap=not title.startswith("chi tiết"))
    for child in shown.children:
        word, style = WORDS[child.state]
        result.add_row(child.name, child.address, Text(word, style), _details(child))
    return result


def _details(child: ChildState) -> Table | Text:
    text = Text(child.reason or child.description, "" if child.reason else "dim")
    if child.restarts:
        text.append(f" · khởi động lại {child.restarts} lần · restarts {child.restarts}", "yellow")
    if not child.total:
        return text
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(child.total, child.done or 0, width=20), text)
    return row


def summary(shown: StackState) -> str:
    """The stack's state in a line."""
    if shown.state == "ready" and shown.ready_seconds is not None:
        return f"Sẵn sàng sau {shown.ready_seconds:.1f} s · ready"
    return f"{WORDS[shown.state][0]} · {shown.state}" + (f": {shown.reason}" if shown.reason else "")


def report(console: Console, shown: StackState) -> None:
    """The table, and the state in a line."""
    console.print(table(shown))
    console.print(summary(shown), soft_wrap=True)


class View(AbstractContextManager["View"]):
    """Shows a stack's states as they change. Its terminal may go away: then OSError comes out of `show`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._printed: dict[str, tuple[str, str, float]] = {}

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
            self._live.update(Group(table(shown), Text(f"{summary(shown)} · Ctrl-C: dừng · stop")), refresh=True)
            return
        for child in shown.children:
            self._line(child)

    def _line(self, child: ChildState) -> None:
        state, reason, at = self._printed.get(child.name, ("waiting", "", 0.0))
        long_ago = time.monotonic() - at > PROGRESS_LINE_SECONDS
        if child.state != state or (child.reason != reason and child.reason and long_ago):
            self._printed[child.name] = (child.state, child.reason, time.monotonic())
            line = f"{child.name}: {WORDS[child.state][0]} · {child.state}"
            details = child.reason or (child.address if child.state == "ready" else "")
            self._console.print(Text(f"{line} {details}".rstrip()), soft_wrap=True)
