"""What an event costs when the inbox and the outbox have lived: the same hop beside short and long histories."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from statistics import median
from typing import Any

from tests.bench import gate, history
from tests.bench.gate import Invalid
from tests.bench.ground import Ground, Store
from tests.bench.hop import SAMPLED, SHAPES, Say, unemptied
from tests.bench.readings import load
from tests.bench.timed import Run

SHAPE = "one process"
# Each history lives in a database of its own, borrowed from one of these services, so that runs can take turns.
_SERVICES = ("payments", "intake", "notifications")
_BYTES_A_ROW = 1_500  # of the outbox, the inbox, and the log of their making
_SEED = 2


async def measure(ground: Ground, histories: Sequence[int], events: int, repetitions: int, say: Say) -> dict[str, Any]:
    """Microseconds an event beside each history, and how much more that is than beside the first. Raises Invalid."""
    _there_is_room(ground, sum(histories))
    runs: dict[int, list[Run]] = {rows: [] for rows in histories}
    async with AsyncExitStack() as kept:
        stores: dict[int, Store] = {}
        for rows, service in zip(histories, _SERVICES, strict=True):
            say(f"growth: tạo lịch sử · making a history of {rows} rows in inbox and outbox")
            stores[rows] = await kept.enter_async_context(ground.meters(service))
            await history.lived(stores[rows], rows)
        for number in range(1, repetitions + 1):
            # Whoever is first meets what the one before left behind: each is first in its turn.
            turns = sorted(stores, key=lambda rows: (histories.index(rows) - number) % len(histories))
            for rows in turns:
                say(f"growth {number}/{repetitions}: {events} sự kiện, lịch sử · events, a history of {rows} rows")
                runs[rows].append(await _beside(ground, stores[rows], events))
    return _compared(runs) | {"events": events, "repetitions": repetitions}


async def _beside(ground: Ground, store: Store, events: int) -> Run:
    """One run; what it left is cleared away, so that the next one finds the same history."""
    await ground.checkpoint()
    since: datetime = await store.connection.fetchval("select clock_timestamp()")
    run = await unemptied(ground, store, load(events, _SEED, SAMPLED), SHAPES[SHAPE])
    for table, column in (("outbox", "published_at"), ("inbox", "received_at")):
        gone = await store.connection.execute(f"delete from {table} where {column} >= $1", since, timeout=600)
        gate.agree({f"rows added to {table}": f"DELETE {events}"}, {f"rows added to {table}": gone})
        await store.connection.execute(f"vacuum (analyze) {table}", timeout=600)
    await store.connection.execute("truncate meter")
    return run


def _compared(runs: Mapping[int, Sequence[Run]]) -> dict[str, Any]:
    """Each repetition is compared with its own first run: whatever else the machine does meanwhile, both meet it."""
    (first, *_), told = runs, dict[str, Any]()
    for rows, each in runs.items():
        ratios = [_cost(run) / _cost(beside) for run, beside in zip(each, runs[first], strict=True)]
        worked = [_worked(run) / _worked(beside) for run, beside in zip(each, runs[first], strict=True)]
        told[str(rows)] = {
            "us_per_event": round(median(_cost(run) for run in each), 1),
            "processor_us_per_event": round(median(_worked(run) for run in each), 1),
            "ratio": round(median(ratios), 3),
            "processor_ratio": round(median(worked), 3),
        }
    return {"ratio": max(each["ratio"] for each in told.values()), "history": told}


def _cost(run: Run) -> float:
    return 1e6 / run.per_second()


def _worked(run: Run) -> float:
    return sum(run.processor_us.values())


def _there_is_room(ground: Ground, rows: int) -> None:
    needed, free = rows * _BYTES_A_ROW, shutil.disk_usage(ground.folder).free
    if free < needed:
        raise Invalid(
            f"growth cần {needed / 1e9:.0f} GB ở {ground.folder.parent}, còn {free / 1e9:.0f}: đặt TMPDIR ở nơi rộng hơn · "
            f"needs {needed / 1e9:.0f} GB there, has {free / 1e9:.0f}: set TMPDIR to where there is more room"
        )
