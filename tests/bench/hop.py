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
# As many consuming processes of the textbook's as the shape has that it is compared with.
BESIDE: Mapping[str, int] = {"one process": 1, "roles": 2}
HEADLINE = "roles"
SAMPLED = 0.01  # of all traces, as large installations record them
_SEED = 1


async def measure(ground: Ground, store: Store, events: int, textbook_events: int, repetitions: int, say: Say) -> Any:
    """Each shape and the textbook in as many consuming processes take turns; then every trace is recorded."""
    ours: dict[str, list[Run]] = {shape: [] for shape in SHAPES}
    theirs: dict[str, list[Run]] = {shape: [] for shape in SHAPES}
    for number in range(1, repetitions + 1):
        for shape, consuming in BESIDE.items():
            say(f"hop {number}/{repetitions}: {events} sự kiện · events, {shape}")
            ours[shape].append(await hop(ground, store, events, SHAPES[shape]))
            say(f"hop {number}/{repetitions}: {textbook_events} sự kiện, sách giáo khoa · the textbook ×{consuming}")
            theirs[shape].append(await textbook(ground, store, textbook_events, consuming))
    recorded = []
    for number in range(1, repetitions + 1):
        say(f"hop {number}/{repetitions}: {events} sự kiện · events, {HEADLINE}, ghi mọi dấu vết · all traces recorded")
        recorded.append(await hop(ground, store, events, SHAPES[HEADLINE], recorded=1.0))
    return {
        "events_per_s": summary(ours[HEADLINE])["events_per_s"],
        "textbook_events_per_s": summary(theirs["one process"])["events_per_s"],
        "ratio": _ratio(ours[HEADLINE], theirs["one process"]),
        "ratio_two_processes": _ratio(ours[HEADLINE], theirs[HEADLINE]),
        "ratio_one_process": _ratio(ours["one process"], theirs["one process"]),
        "ratio_all_traces_recorded": _ratio(recorded, theirs["one process"]),
        "shape": HEADLINE,
        "shapes": {shape: summary(runs) for shape, runs in ours.items()},
        "textbook": {shape: summary(runs) for shape, runs in theirs.items()},
        "all_traces_recorded": summary(recorded),
        "events": events,
        "textbook_events": textbook_events,
        "repetitions": repetitions,
    }


def _ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """How many times as many events a second, by the medians."""
    ours_per_s, theirs_per_s = (median(run.per_second() for run in runs) for runs in (ours, theirs))
    return round(ours_per_s / theirs_per_s, 1)


async def fastest(ground: Ground, store: Store, events: int) -> tuple[str, float]:
    """The better shape and its events a second, measured once."""
    return better({shape: summary([await hop(ground, store, events, roles)]) for shape, roles in SHAPES.items()})


def better(shapes: Mapping[str, Mapping[str, Any]]) -> tuple[str, float]:
    """The shape with the most events a second, and these."""
    best = max(shapes, key=lambda shape: int(shapes[shape]["events_per_s"]))
    return best, float(shapes[best]["events_per_s"])


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


async def textbook(ground: Ground, store: Store, events: int, consuming: int = 1) -> Run:
    """The same for the textbook's service, in so many processes of one consumer group. Raises Invalid."""
    await store.empty()
    await ground.empty_topics()
    given = load(events, _SEED, SAMPLED)
    async with AsyncExitStack() as kept:
        told = {"url": store.database.url, "group": f"bench.textbook.{ground.run()}"}
        processes = [
            await kept.enter_async_context(started(ground, "textbook", f"textbook-{number}", told))
            for number in range(consuming)
        ]
        run = await _over(ground, given, processes, kept)
        async with ground.written(TOTALS) as written:
            await gate.published_and_taken(store, written, events)
    await gate.totals(store, "textbook_meter", given.totals)
    return run


async def _over(ground: Ground, given: Load, processes: Sequence[Process], kept: AsyncExitStack) -> Run:
    """Everyone joins, the readings are written, all are let go at once."""
    for process in processes:
        await process.said()
    await fill(ground.options, given.lanes, READINGS)
    written = await kept.enter_async_context(ground.written(TOTALS))
    return await timed(ground, processes, written, given.count)
