"""A run timed: how the work went on, and what it took of processors and memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.bench.gate import Invalid
from tests.bench.ground import Count, Ground
from tests.bench.processes import Process, processor_seconds

# What comes before is warming up, and what comes behind is running dry.
WARM, DRY = 0.15, 0.9
_POLL_SECONDS = 0.05
STALL_SECONDS = 20.0


@dataclass(frozen=True)
class Run:
    """How many things were done at which moment (seconds), and what a thing cost between WARM and DRY.

    `processor_us` is microseconds of processor time by part; `resident_mb` the largest memory of each process.
    """

    seen: Sequence[tuple[float, int]]
    processor_us: dict[str, float]
    resident_mb: dict[str, float]

    def per_second(self, begin: float = WARM, end: float = DRY) -> float:
        """Things a second between two shares of the whole, 0 to 1."""
        whole = self.seen[-1][1]
        (began, first), (ended, last) = _middle(self.seen, begin * whole, end * whole)
        return (last - first) / (ended - began)


async def timed(ground: Ground, processes: Sequence[Process], done: Count, count: int) -> Run:
    """Let go of the processes and watch until `count` things are done.

    Raises Invalid when nothing more is done for STALL_SECONDS.
    """
    seen = [(time.monotonic(), await done())]
    used = [(seen[0][1], processor_seconds(ground, processes))]
    # The first look comes before: on a busy machine the next may be late, and find more than WARM done.
    for process in processes:
        await process.tell("go")
    largest = dict.fromkeys((each.name for each in processes), 0.0)
    moved = seen[0][0]
    while seen[-1][1] < count:
        await asyncio.sleep(_POLL_SECONDS)
        for process in processes:
            process.must_live()
        now, sum_ = time.monotonic(), await done()
        moved = now if sum_ > seen[-1][1] else moved
        if now - moved > STALL_SECONDS:
            raise Invalid(f"dừng lại ở {sum_}/{count} · nothing more is done after {sum_} of {count}")
        seen.append((now, sum_))
        # Reading these takes milliseconds: only at the two moments that count.
        if (len(used) == 1 and sum_ >= WARM * count) or (len(used) == 2 and sum_ >= DRY * count):
            used.append((sum_, processor_seconds(ground, processes)))
        largest = {each.name: max(largest[each.name], each.resident_mb) for each in processes}
    (first, before), (last, after) = used[-2:]
    return Run(seen, {name: (after[name] - before[name]) / (last - first) * 1e6 for name in after}, largest)


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """The median of several runs' rates, each of them, and the median of what a thing cost each part."""
    rates = [run.per_second() for run in runs]
    names = runs[0].processor_us
    return {
        "events_per_s": round(median(rates)),
        "each": [round(rate) for rate in rates],
        "processor_us": {name: round(median(run.processor_us[name] for run in runs), 1) for name in names},
    }


def _middle(
    seen: Sequence[tuple[float, int]], first: float, last: float
) -> tuple[tuple[float, int], tuple[float, int]]:
    """The last look before which no more than `first` was done, and the first one at which `last` was."""
    begin = [each for each in seen if each[1] <= first][-1]
    end = next(each for each in seen if each[1] >= last)
    return begin, end
