"""One run: journeys walked while faults fire, then quiet, then the oracle."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from deploy.local.layout import Layout
from deploy.local.plan import SERVICES
from tests.chaos import evidence, journeys, log, oracle, quiet, schedule, stack
from tests.chaos.faults import FROZEN_SECONDS, Fault, Field, field_of
from tests.chaos.outside import LETTER_IN_DOUBT
from tests.chaos.people import People
from tests.chaos.stack import BACK_SECONDS, StuckError
from tests.chaos.verdict import Verdict
from tests.chaos.walking import Journey, Walk

Say = Callable[[str], None]
Strike = Callable[[Field, "Progress"], Coroutine[Any, Any, None]]

FAULTS_A_JOURNEY = 0.42  # some find nobody to happen to
FEWEST_FAULTS_A_JOURNEY, MANY_JOURNEYS = 0.3, 100
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
    verdict: Verdict
    seconds: float
    remarks: list[str] = field(default_factory=list)

    @property
    def stormy(self) -> bool:
        """Whether a long run has had as many faults as its claim rests on."""
        return self.journeys < MANY_JOURNEYS or sum(self.fired.values()) >= FEWEST_FAULTS_A_JOURNEY * self.journeys

    @property
    def green(self) -> bool:
        return self.stormy and not any(self.verdict.figures().values())

    def told(self) -> dict[str, Any]:
        """What a program reads of it."""
        return {
            "journeys": self.journeys,
            "faults": dict(sorted(self.fired.items())),
            **self.verdict.figures(),
            "letters_repeated_in_doubt": len(self.verdict.in_doubt),
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
            fired, verdict = await storm(walk, walked, partial(strike, faults), say, pace, alone=True)
        finally:
            await people.close()
    result = Result(count, seed, fired, verdict, time.monotonic() - begin)
    result.remarks += _remarks(result, people)
    return result


async def storm(
    walk: Walk, walked: Sequence[Journey], striking: Strike, say: Say, pace: Pace, alone: bool = False
) -> tuple[dict[str, int], Verdict]:
    """Walk the journeys while `striking` lets faults happen, let all heal, and judge; answers the faults that fired.

    Where these journeys are `alone` on their stack, all that there is is judged.
    """
    async with field_of(walk.stack, walk.log, walk.people) as field:
        progress = Progress(len(walked), field.fired, say)
        tasks = [asyncio.create_task(progress.tell()), asyncio.create_task(striking(field, progress))]
        try:
            await _walk_all(walk, walked, progress, pace)
        finally:
            field.over, progress.walked = True, len(walked)
            await asyncio.wait(tasks[1:], timeout=BACK_SECONDS + FROZEN_SECONDS + 10)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if tasks[1].cancelled():
        field.stuck.append("faults did not come to their end")
    else:
        tasks[1].result()
    say(f"{field.fired.total()} lỗi đã xảy ra · faults fired; chờ yên lặng · waiting for quiet")
    verdict = await _judged(walk, walked, field, pace, alone)
    verdict.lost += field.stuck
    return dict(field.fired), verdict


async def _judged(walk: Walk, walked: Sequence[Journey], field: Field, pace: Pace, alone: bool) -> Verdict:
    """The oracle's word, once all is quiet."""
    codes = {journey.code for journey in walked if journey.code}
    try:
        await walk.stack.back("kafka", "postgres", *SERVICES)
    except StuckError as error:
        return Verdict(lost=[f"nothing can be judged: {error}"])
    moving = await quiet.wait(walk.stack, walk.log, walk.people, None if alone else list(codes), pace.quiet_seconds)
    troubles = field.troubles("notifications", LETTER_IN_DOUBT)
    verdict = oracle.judge(walked, await evidence.gather(walk.stack, walk.log, walk.people, codes, alone, troubles))
    verdict.lost += [f"still under way after {pace.quiet_seconds:.0f} s: {each}" for each in moving]
    return verdict


def _remarks(result: Result, people: People) -> Iterator[str]:
    """What is no figure and should be known."""
    yield (
        f"{len(result.verdict.in_doubt)} thư gửi lại khi không rõ đã đến (docs/decisions/0010), "
        "đều do lỗi đã xảy ra · letters repeated in doubt, each explained by a fault that fired"
    )
    if not result.stormy:
        yield (
            f"ít lỗi quá: {sum(result.fired.values())} · too few faults, a long run must have "
            f"{FEWEST_FAULTS_A_JOURNEY} a journey"
        )
    if people.internal_errors:
        yield f"{people.internal_errors} câu trả lời 500, đã hỏi lại · answers with 500, asked again"


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
            await journeys.whole(walk, journey, pace.journey_seconds)
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
