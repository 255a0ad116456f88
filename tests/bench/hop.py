"""One hop: consumed, taken once, its effect and its event committed together, relayed to Kafka. Beside the textbook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tests.bench.ground import Ground, standing
from tests.bench.meters import TOTALS


@dataclass(frozen=True)
class Run:
    """Events a second in the middle of a run, and microseconds of processor time an event cost each part."""

    per_second: float
    processor_us: dict[str, float]


async def hop(ground: Ground, count: int, roles: Sequence[Sequence[str]], sampled: float = 0.01) -> Run:
    """The message path, over `count` waiting readings; each entry of `roles` is a process."""
    await ground.afresh()
    await ground.fill(count)
    run = await _timed(ground, count, "hop_process", {"+".join(each): (list(each), sampled) for each in roles})
    row = await ground.connection.fetchrow(
        """select (select count(*) from inbox) as taken, (select sum(total)::bigint from meter) as total,
        (select count(*) from outbox where published_at is not null) as published"""
    )
    if row is None or row["taken"] != count or row["published"] != count:
        raise SystemExit(f"not valid: {count} readings, in the database {dict(row or {})}")
    return run


async def textbook(ground: Ground, count: int) -> Run:
    """The same for the textbook's service."""
    await ground.afresh()
    await ground.fill(count)
    run = await _timed(ground, count, "textbook", {"textbook": ()})
    taken = await ground.connection.fetchval("select count(*) from textbook_inbox")
    if taken != count:
        raise SystemExit(f"not valid: {count} readings, {taken} taken")
    return run


async def _timed(ground: Ground, count: int, module: str, processes: dict[str, tuple[Any, ...]]) -> Run:
    with ExitStack() as started:
        named = {name: started.enter_context(ground.process(module, *told)).pid for name, told in processes.items()}
        seen: list[tuple[float, int, dict[str, float]]] = []
        async with ground.counting(TOTALS) as written, asyncio.timeout(240):
            while not seen or seen[-1][1] < count:
                seen.append((time.monotonic(), await written(), ground.processors(named)))
                await asyncio.sleep(0.05)
    middle = [each for each in seen if 0.15 * count <= each[1] <= 0.9 * count]
    (began, first, before), (ended, last, after) = middle[0], middle[-1]
    used = {name: (after[name] - before[name]) / (last - first) * 1e6 for name in after}
    return Run((last - first) / (ended - began), used)


async def main() -> None:
    async with standing() as ground:
        for _ in range(1):
            print(await hop(ground, 100_000, [["consumers"], ["relay"]]))
        print(await hop(ground, 100_000, [["consumers", "relay"]]))
        print(await textbook(ground, 2_000))


if __name__ == "__main__":
    asyncio.run(main())
