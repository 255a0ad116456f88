"""Runs the stack in this process, with its view, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from rich.console import Console

from deploy.local.checks import explained
from deploy.local.layout import Layout
from deploy.local.plan import plan
from deploy.local.secrets import Secrets
from deploy.local.supervisor import Supervisor
from deploy.local.view import View, report

SHOW_SECONDS = 0.2


def run(layout: Layout, only: Sequence[str], zipkin: bool, console: Console) -> None:
    """Until Ctrl-C, SIGTERM, or the terminal is closed. Raises StackError.

    The loop is not closed: that would wait for downloads that still run in threads.
    """
    try:
        asyncio.new_event_loop().run_until_complete(_run(layout, only, zipkin, console))
    except OSError as error:
        raise explained(error, layout.data) from error


async def _run(layout: Layout, only: Sequence[str], zipkin: bool, console: Console) -> None:
    changes = asyncio.Event()
    supervisor = Supervisor(
        plan(layout, Secrets.open(layout.data), zipkin, only),
        layout.data,
        layout.offset,
        changed=lambda shown: changes.set(),
    )
    supervisor.obey_signals()
    work = asyncio.create_task(supervisor.run())
    try:
        await _show(supervisor, work, changes, console)
    except OSError:  # the terminal is gone
        supervisor.stop.set()
    await work
    with contextlib.suppress(OSError):
        console.print("Đã dừng, dữ liệu được giữ · stopped, its data are kept")


async def _show(supervisor: Supervisor, work: asyncio.Task[None], changes: asyncio.Event, console: Console) -> None:
    announced = console.is_terminal  # there the table is always in sight
    with View(console) as view:
        while not work.done():
            if changes.is_set():
                changes.clear()
                view.show(supervisor.shown)
            if supervisor.shown.state == "ready" and not announced:
                announced = True
                report(console, supervisor.shown)
            await asyncio.wait({work}, timeout=SHOW_SECONDS)
