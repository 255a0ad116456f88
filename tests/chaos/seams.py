"""Puts the named points into the chassis, from outside: production code knows nothing of them.

    command.before-commit   relay.after-claim     consumer.after-inbox     call.after-claim     timer.after-claim
    command.after-commit    relay.after-produce   consumer.before-commit   call.after-answer    timer.before-commit
                            relay.after-mark      consumer.after-commit    call.before-commit   timer.after-commit
                                                  consumer.after-offsets   call.after-commit

A relay's `after-produce` lies before the rows are marked; a consumer's `after-commit` before its offsets are committed.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from aiokafka import AIOKafkaConsumer

from chassis import inbox, leases, outbox
from chassis.calls import Calls
from chassis.consumer import Consumer
from chassis.timers import Timers
from chassis.together import Together
from chassis.work import Work

Reach = Callable[[str], Awaitable[None]]
Around = Callable[..., Awaitable[Any]]

# Whose transaction this is: every decision is written by the same function.
_WHO: ContextVar[str] = ContextVar("who", default="")


def wrap(owner: Any, name: str, around: Around) -> None:
    """Replace `owner.name` by `around(original, …)`. Raises AttributeError when there is no such function."""
    original = getattr(owner, name)

    @functools.wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        return await around(original, *args, **kwargs)

    setattr(owner, name, wrapped)


def install(reach: Reach) -> None:
    """Make this process stop by at every point."""

    def after(point: str) -> Around:
        """Reached when the function has something to show for itself."""

        async def around(original: Around, *args: Any, **kwargs: Any) -> Any:
            answer = await original(*args, **kwargs)
            if answer:
                await reach(point)
            return answer

        return around

    def in_the_name_of(who: str, before: str | None = None) -> Around:
        async def around(original: Around, *args: Any, **kwargs: Any) -> Any:
            if before is not None:
                await reach(before)
            token = _WHO.set(who)
            try:
                answer = await original(*args, **kwargs)
            finally:
                _WHO.reset(token)
            await reach(f"{who}.after-commit")
            return answer

        return around

    async def insert(original: Around, connection: Any, rows: Any) -> None:
        await original(connection, rows)
        who = _WHO.get()
        # A command may decide on several aggregates: the point lies behind one that has something to say.
        if who and (rows or who != "command"):
            await reach(f"{who}.before-commit")

    async def mark(original: Around, *args: Any, **kwargs: Any) -> None:
        await reach("relay.after-produce")
        await original(*args, **kwargs)
        await reach("relay.after-mark")

    async def commit_offsets(original: Around, *args: Any, **kwargs: Any) -> None:
        await original(*args, **kwargs)
        await reach("consumer.after-offsets")

    async def claim(original: Around, pool: Any, table: str, *args: Any) -> Any:
        rows = await original(pool, table, *args)
        if rows:
            await reach(f"{table}.after-claim")
        return rows

    wrap(Work, "send", in_the_name_of("command"))
    wrap(Together, "_done", in_the_name_of("command"))
    wrap(outbox, "claim", after("relay.after-claim"))
    wrap(outbox, "insert", insert)
    wrap(outbox, "mark_published", mark)
    wrap(inbox, "take", after("consumer.after-inbox"))
    wrap(Consumer, "take", in_the_name_of("consumer"))
    wrap(AIOKafkaConsumer, "commit", commit_offsets)
    wrap(leases, "claim", claim)
    wrap(leases, "claim_one", claim)
    wrap(Calls, "_settle", in_the_name_of("call", before="call.after-answer"))
    wrap(Timers, "_settle", in_the_name_of("timer"))
