"""Runs the stack in this process, with its view, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
from collections.abc import Iterator, Sequence

from rich.console import Console

from deploy.local.checks import explained
from deploy.local.layout import Layout
from deploy.local.plan import plan
from deploy.local.secrets import Secrets
from deploy.local.supervisor import Supervisor
from deploy.local.view import View

SHOW_SECONDS = 0.2  # several changes within it are shown at once
POLL_SECONDS = 1.0  # between two looks at the terminal while nothing changes
READER_GONE = (errno.EIO, errno.EPIPE, errno.ENXIO)


def run(layout: Layout, only: Sequence[str], zipkin: bool, console: Console) -> None:
    """Until Ctrl-C, SIGTERM, or the terminal is closed. Raises StackError.

    Downloads that still run in threads are not waited for, as `asyncio.run` would.
    """
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(_run(layout, only, zipkin, console))
    except OSError as error:
        raise explained(error, layout.data) from error
    finally:
        loop.close()


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
    work.add_done_callback(lambda task: changes.set())
    try:
        with _unwritten_is_dropped(console):
            await _show(supervisor, work, changes, console)
    except (OSError, SystemExit):  # nobody reads any more; rich makes SystemExit of a broken pipe
        supervisor.stop.set()
    await work
    with contextlib.suppress(OSError):
        console.print("Đã dừng, dữ liệu được giữ · stopped, its data are kept")


async def _show(supervisor: Supervisor, work: asyncio.Task[None], changes: asyncio.Event, console: Console) -> None:
    terminal = next((descriptor for descriptor in (0, 1) if os.isatty(descriptor)), None)
    with View(console) as view:
        while not work.done():
            if terminal is not None and hung_up(terminal):
                supervisor.stop.set()
            if changes.is_set():
                changes.clear()
                with _unwritten_is_dropped(console):
                    view.show(supervisor.shown)
            if supervisor.shown.state == "ready" and not view.announced:
                with _unwritten_is_dropped(console):
                    view.announce(supervisor.shown)
            await asyncio.wait({work}, timeout=SHOW_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await changes.wait()


def hung_up(terminal: int) -> bool:
    """Whether the terminal was closed. The kernel sends SIGHUP to the session's leader alone, which may be `make`."""
    poll = select.poll()
    poll.register(terminal, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))


@contextlib.contextmanager
def _unwritten_is_dropped(console: Console) -> Iterator[None]:
    """A full disk under the log must not end the stack. Raises OSError when the reader is gone."""
    try:
        yield
    except OSError as error:
        if error.errno in READER_GONE:
            raise
        console.quiet = True
        console.print()  # a quiet console forgets what it still wanted to write
        console.quiet = False
