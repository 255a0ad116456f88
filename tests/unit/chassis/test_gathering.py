"""Plain writes that come at the same time share a statement; each has its own answer and its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chassis.gathering import Gathering


class Database:
    """Writes numbers; a write lasts until it is let go, and a negative number fails all that share it."""

    def __init__(self, waits: bool = False) -> None:
        self.statements: list[list[int]] = []
        self.go = asyncio.Event()
        if not waits:
            self.go.set()

    async def write(self, numbers: Sequence[int]) -> list[str]:
        self.statements.append(list(numbers))
        await self.go.wait()
        if any(number < 0 for number in numbers):
            raise ValueError("negative")
        return [f"kept {number}" for number in numbers]


async def test_alone_one_is_written_at_once() -> None:
    database = Database()
    gathering = Gathering(database.write, 64)
    assert [await gathering.written(1), await gathering.written(2)] == ["kept 1", "kept 2"]
    assert database.statements == [[1], [2]]


async def test_those_that_come_during_a_write_share_the_next_ones() -> None:
    database = Database(waits=True)
    gathering = Gathering(database.write, 4)
    tasks = [asyncio.create_task(gathering.written(number)) for number in range(10)]
    while not database.statements:
        await asyncio.sleep(0)
    database.go.set()
    assert await asyncio.gather(*tasks) == [f"kept {number}" for number in range(10)]
    assert [number for statement in database.statements for number in statement] == list(range(10))
    assert max(len(statement) for statement in database.statements) == 4


@given(some.lists(some.integers(-3, 30), max_size=40), some.integers(1, 16))
async def test_each_has_its_own_answer_and_what_is_wrong_with_one_is_its_own(numbers: list[int], most: int) -> None:
    gathering = Gathering(Database().write, most)
    answers = await asyncio.gather(*map(gathering.written, numbers), return_exceptions=True)
    for number, answer in zip(numbers, answers, strict=True):
        assert isinstance(answer, ValueError) if number < 0 else answer == f"kept {number}"


async def test_passing_trouble_is_everybodys_and_not_asked_about_by_halves() -> None:
    asked = 0

    async def away(numbers: Sequence[int]) -> list[str]:
        nonlocal asked
        asked += 1
        raise ConnectionError("away")

    gathering = Gathering(away, 64)
    answers = await asyncio.gather(*(gathering.written(number) for number in range(8)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError] * 8
    assert asked == 1
    with pytest.raises(ConnectionError):
        await gathering.written(1)


async def test_whoever_goes_away_while_waiting_holds_up_nobody() -> None:
    database = Database(waits=True)
    gathering = Gathering(database.write, 64)
    gone, stays = (asyncio.create_task(gathering.written(number)) for number in range(2))
    while not database.statements:
        await asyncio.sleep(0)
    gone.cancel()
    database.go.set()
    assert await stays == "kept 1"
    with pytest.raises(asyncio.CancelledError):
        await gone
