"""The relay alone: rows that wait in the outbox, to Kafka. A few at a time, and a backlog that no memory should hold."""

from __future__ import annotations

from typing import Any

from tests.bench import gate, history
from tests.bench.ground import Ground, Store
from tests.bench.hop import Say, path_process
from tests.bench.meters import TOTALS
from tests.bench.timed import Run, summary, timed

_TENTH = 0.1


async def measure(ground: Ground, store: Store, rows: int, repetitions: int, say: Say) -> dict[str, Any]:
    """Rows a second of the relay, in the middle of so many."""
    runs = []
    for number in range(1, repetitions + 1):
        say(f"relay {number}/{repetitions}: {rows} dòng chờ trong outbox · rows wait in the outbox")
        runs.append(await drained(ground, store, rows))
    return {**summary(runs), "rows": rows, "repetitions": repetitions}


async def backlog(ground: Ground, store: Store, rows: int, say: Say) -> dict[str, Any]:
    """Whether a long backlog slows the relay down, and how much memory it takes."""
    say(f"backlog: {rows} dòng chờ trong outbox · rows wait in the outbox")
    run = await drained(ground, store, rows)
    return {
        "events_per_s": round(run.per_second()),
        "first_tenth_events_per_s": round(run.per_second(0, _TENTH)),
        "last_tenth_events_per_s": round(run.per_second(1 - _TENTH, 1)),
        "peak_resident_mb": round(max(run.resident_mb.values()), 1),
        "rows": rows,
    }


async def drained(ground: Ground, store: Store, rows: int) -> Run:
    """One run over so many rows. Raises Invalid."""
    await store.empty()
    await ground.empty_topics()
    await history.waiting(store, rows)
    since = await store.connection.fetchval("select clock_timestamp()")
    async with (
        ground.written(TOTALS) as written,
        path_process(ground, store, "relay", "none", ["relay"]) as process,
    ):
        run = await timed(ground, [process], written, rows)
        await gate.published(store, since, written, rows)
    return run
