"""One hop: consumed, taken once, its effect and its event committed together, relayed to Kafka. Beside the textbook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from statistics import median
from typing import Any

from tests.bench import gate
from tests.bench.ground import Ground, Store
from tests.bench.meters import READINGS, TOTALS
from tests.bench.processes import Process, started
from tests.bench.readings import Load, fill, load
from tests.bench.timed import Run, summary, timed

Say = Callable[[str], None]
Roles = Mapping[str, Sequence[str]]

# What a process does, by the name of the process.
SHAPES: Mapping[str, Roles] = {
    "one process": {"consumers+relay": ["consumers", "relay"]},
    "roles": {"consumers-0": ["consumers"], "consumers-1": ["consumers"], "relay": ["relay"]},
}
SAMPLED = 0.01  # of all traces, as large installations record them
_SEED = 1


async def measure(ground: Ground, store: Store, events: int, textbook_events: int, repetitions: int, say: Say) -> Any:
    """The message path in each shape and the textbook, one after the other and again; then with every trace recorded."""
    runs: dict[str, list[Run]] = {name: [] for name in (*SHAPES, "textbook", "recorded")}
    for number in range(1, repetitions + 1):
        for shape in SHAPES:
            say(f"hop {number}/{repetitions}: {events} sự kiện · events, {shape}")
            runs[shape].append(await hop(ground, store, events, SHAPES[shape]))
        say(f"hop {number}/{repetitions}: {textbook_events} sự kiện · events, theo sách giáo khoa · the textbook")
        runs["textbook"].append(await textbook(ground, store, textbook_events))
    ours = {shape: summary(runs[shape]) for shape in SHAPES}
    best = max(ours, key=lambda shape: int(ours[shape]["events_per_s"]))
    for number in range(1, repetitions + 1):
        say(f"hop {number}/{repetitions}: {events} sự kiện · events, {best}, ghi mọi dấu vết · all traces recorded")
        runs["recorded"].append(await hop(ground, store, events, SHAPES[best], recorded=1.0))
    theirs = summary(runs["textbook"])
    return {
        "events_per_s": ours[best]["events_per_s"],
        "textbook_events_per_s": theirs["events_per_s"],
        "ratio": round(
            median(r.per_second() for r in runs[best]) / median(r.per_second() for r in runs["textbook"]), 1
        ),
        "shape": best,
        "shapes": ours,
        "textbook": theirs,
        "all_traces_recorded": summary(runs["recorded"]),
        "events": events,
        "textbook_events": textbook_events,
        "repetitions": repetitions,
    }


async def fastest(ground: Ground, store: Store, events: int) -> tuple[str, float]:
    """The better shape and its events a second, measured once."""
    rates = {shape: (await hop(ground, store, events, roles)).per_second() for shape, roles in SHAPES.items()}
    best = max(rates, key=lambda shape: rates[shape])
    return best, rates[best]


async def hop(
    ground: Ground, store: Store, events: int, roles: Roles, recorded: float = SAMPLED, fold: str = "meters"
) -> Run:
    """The message path over readings that wait in Kafka. Raises Invalid."""
    await store.empty()
    return await unemptied(ground, store, load(events, _SEED, recorded), roles, recorded, fold)


async def unemptied(
    ground: Ground, store: Store, given: Load, roles: Roles, recorded: float = SAMPLED, fold: str = "meters"
) -> Run:
    """The same, beside whatever the inbox and the outbox hold already; the meters must be new."""
    await ground.empty_topics()
    group, since = f"payments.meters.{ground.run()}", await store.connection.fetchval("select clock_timestamp()")
    async with AsyncExitStack() as kept:
        processes = [
            await kept.enter_async_context(path_process(ground, store, name, group, each, recorded, fold))
            for name, each in roles.items()
        ]
        run = await _over(ground, given, processes, kept)
        async with ground.written(TOTALS) as written:
            await gate.published(store, since, written, given.count)
    await gate.taken(store, group, given.count)
    await gate.totals(store, "meter", given.totals)
    return run


def path_process(
    ground: Ground,
    store: Store,
    name: str,
    group: str,
    roles: Sequence[str],
    recorded: float = SAMPLED,
    fold: str = "meters",
) -> AbstractAsyncContextManager[Process]:
    """One process of the message path."""
    url = store.database.url
    told = {"url": url, "fold": fold, "group": group, "instance": name, "roles": roles, "recorded": recorded}
    return started(ground, "hop_process", name, told)


async def textbook(ground: Ground, store: Store, events: int) -> Run:
    """The same for the textbook's service. Raises Invalid."""
    await store.empty()
    await ground.empty_topics()
    given = load(events, _SEED, SAMPLED)
    async with AsyncExitStack() as kept:
        told = {"url": store.database.url, "group": f"bench.textbook.{ground.run()}"}
        process = await kept.enter_async_context(started(ground, "textbook", "textbook", told))
        run = await _over(ground, given, [process], kept)
    found = await store.connection.fetchval("select count(*) from textbook_inbox")
    gate.agree({"inbox rows": events}, {"inbox rows": found})
    await gate.totals(store, "textbook_meter", given.totals)
    return run


async def _over(ground: Ground, given: Load, processes: Sequence[Process], kept: AsyncExitStack) -> Run:
    """Everyone joins, the readings are written, all are let go at once."""
    for process in processes:
        await process.said()
    await fill(ground.options, given.lanes, READINGS)
    written = await kept.enter_async_context(ground.written(TOTALS))
    for process in processes:
        await process.tell("go")
    return await timed(ground, processes, written, given.count)
