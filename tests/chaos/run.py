"""One run: journeys walked while faults fire, then quiet, then the oracle."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from deploy.local.layout import Layout
from deploy.local.plan import SERVICES
from tests.chaos import evidence, journeys, log, oracle, quiet, schedule, stack
from tests.chaos.faults import Fault, Field, field_of
from tests.chaos.journeys import Journey, Walk
from tests.chaos.people import People

Say = Callable[[str], None]
Strike = Callable[[Field, "Progress"], Coroutine[Any, Any, None]]

FAULTS_A_JOURNEY = 0.36
LEAST_FAULTS = 20
FAULTS_AT_ONCE = 6


@dataclass(frozen=True)
class Pace:
    """How many journeys are under way at once, how long one may take, how long quiet may be waited for; seconds."""

    at_once: int = 120
    between: float = 0.05
    journey_seconds: float = 240.0
    quiet_seconds: float = 120.0


@dataclass
class Result:
    """What a run has found: `fired` counts faults by name, `verdict` is the oracle's."""

    journeys: int
    seed: int
    fired: dict[str, int]
    verdict: oracle.Verdict
    seconds: float
    remarks: list[str] = field(default_factory=list)

    @property
    def green(self) -> bool:
        return not any(self.verdict.figures().values())

    def told(self) -> dict[str, Any]:
        """What a program reads of it."""
        return {
            "journeys": self.journeys,
            "faults": dict(sorted(self.fired.items())),
            **self.verdict.figures(),
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
        }


async def run(layout: Layout, count: int, seed: int, say: Say, pace: Pace | None = None) -> Result:
    """Everything, on a stack of its own in `layout.data`. Raises StackError when that cannot come up."""
    begin, pace = time.monotonic(), pace or Pace()
    say("khởi động hệ thống · starting the stack")
    async with stack.running(layout, learn=count > 200) as running, log.reading(running.admin) as read:
        people = People(layout)
        try:
            say(f"hệ thống sẵn sàng sau {time.monotonic() - begin:.0f} s · the stack is ready")
            faults = schedule.planned(seed, max(LEAST_FAULTS, round(FAULTS_A_JOURNEY * count)))
            walk, walked = Walk(running, read, people), journeys.planned(seed, count)
            fired, verdict = await storm(walk, walked, partial(strike, faults), say, pace)
            unknown = await evidence.strangers(running, {journey.code for journey in walked})
            verdict.lost += [f"{code}: a dossier that nobody was told of" for code in unknown]
        finally:
            await people.close()
    return Result(count, seed, fired, verdict, time.monotonic() - begin, _remarks(verdict, people))


async def storm(
    walk: Walk, walked: Sequence[Journey], striking: Strike, say: Say, pace: Pace
) -> tuple[dict[str, int], oracle.Verdict]:
    """Walk the journeys while `striking` lets faults happen, let all heal, and judge; answers the faults that fired."""
    async with field_of(walk.stack, walk.log, walk.people) as field:
        progress = Progress(len(walked), field.fired, say)
        tasks = [asyncio.create_task(progress.tell()), asyncio.create_task(striking(field, progress))]
        try:
            await _walk_all(walk, walked, progress, pace)
        finally:
            field.over, progress.walked = True, len(walked)
            await asyncio.wait(tasks[1:], timeout=60)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    tasks[1].result()
    say(f"{field.fired.total()} lỗi đã xảy ra · faults fired; chờ yên lặng · waiting for quiet")
    codes = {journey.code for journey in walked if journey.code}
    with suppress(TimeoutError):
        await walk.stack.back("kafka", "postgres", *SERVICES)
    moving = await quiet.wait(walk.stack, walk.log, walk.people, codes, pace.quiet_seconds)
    verdict = oracle.judge(walked, await evidence.gather(walk.stack, walk.log, walk.people, codes))
    verdict.lost += [f"still under way after {pace.quiet_seconds:.0f} s: {each}" for each in moving]
    return dict(field.fired), verdict


def _remarks(verdict: oracle.Verdict, people: People) -> list[str]:
    """What is no figure and should be known."""
    remarks = []
    if verdict.in_doubt:
        remarks.append(
            f"{len(verdict.in_doubt)} thư gửi lại khi không rõ đã đến (docs/decisions/0010) · letters repeated in doubt"
        )
    if people.internal_errors:
        remarks.append(f"{people.internal_errors} câu trả lời 500, đã hỏi lại · answers with 500, asked again")
    return remarks


@dataclass
class Progress:
    """How far a run has come."""

    journeys: int
    fired: Counter[str]
    say: Say
    started: int = 0
    walked: int = 0

    @property
    def share(self) -> float:
        """From 0 to 1; faults come as journeys go, so that all of them meet some."""
        return (self.started + self.walked) / (2 * self.journeys)

    async def tell(self) -> None:
        while True:
            await asyncio.sleep(5)
            self.say(
                f"hành trình · journeys {self.walked}/{self.journeys} ({self.started} bắt đầu · begun), "
                f"lỗi · faults {self.fired.total()}"
            )


async def _walk_all(walk: Walk, walked: Sequence[Journey], progress: Progress, pace: Pace) -> None:
    places = asyncio.Semaphore(pace.at_once)

    async def one(journey: Journey) -> None:
        try:
            await walk.whole(journey, pace.journey_seconds)
        finally:
            progress.walked += 1
            places.release()

    async with asyncio.TaskGroup() as tasks:
        for journey in walked:
            await places.acquire()
            progress.started += 1
            tasks.create_task(one(journey))
            await asyncio.sleep(pace.between)


async def strike(faults: Sequence[Fault], field: Field, progress: Progress) -> None:
    """Let the faults happen in their order, as the journeys go."""
    places = asyncio.Semaphore(FAULTS_AT_ONCE)

    async def one(fault: Fault) -> None:
        try:
            await field.fire(fault)
        finally:
            places.release()

    async with asyncio.TaskGroup() as tasks:
        for number, fault in enumerate(faults):
            while progress.share < number / len(faults):
                await asyncio.sleep(0.05)
            await places.acquire()
            tasks.create_task(one(fault))
