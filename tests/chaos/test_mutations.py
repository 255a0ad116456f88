"""The test of the test: each mistake, put into the services, makes the oracle red under the fault that provokes it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.chaos import journeys
from tests.chaos.faults import Fault, Field, since
from tests.chaos.mutations import MUTATIONS
from tests.chaos.run import Pace, Progress, Strike, storm
from tests.chaos.walking import Walk
from tests.ports import free_port

COUNT = 9
RED = Pace(journey_seconds=15, quiet_seconds=4)
SLOWLY = Pace(journey_seconds=30, quiet_seconds=4, between=1.5)
"""So that journeys are still under way when a second process has come up."""
GREEN = Pace(journey_seconds=120, quiet_seconds=60)


async def killed_with_a_batch_in_hand(at: Field, progress: Progress) -> None:
    """payments dies inside the transaction of the first dossiers."""
    armed = at.stack.points.arm("payments", "consumer.after-inbox")
    assert await at.stack.points.claimed(armed, 15)


async def everything_twice(at: Field, progress: Progress) -> None:
    """All that stands in the log is published again, once some dossiers are on their way."""
    before = len(at.log.records)
    while len(at.log.records) < before + 20:
        await asyncio.sleep(0.05)
    await at.log.again(at.log.records[before:])


async def killed_with_a_command_in_hand(at: Field, progress: Progress) -> None:
    """intake dies after it has written all that an officer's command asks for, before it commits."""
    before = len(at.log.records)
    while not any(b"fees-settled" in value for each in at.log.records[before:] for _, value in each.headers):
        await asyncio.sleep(0.02)
    armed = at.stack.points.arm("intake", "command.before-commit")
    assert await at.stack.points.claimed(armed, 15)


async def a_stalled_relay_beside_another(at: Field, progress: Progress) -> None:
    """One of two relays stands still with rows in hand, several times; then the second process dies."""
    port = free_port()
    async with at.stack.second("notifications", port):
        for _ in range(8):
            armed = at.stack.points.arm("notifications", "relay.after-claim", stall_seconds=2.0)
            if await at.stack.points.claimed(armed, 5, lambda: at.over):
                await asyncio.sleep(1.5)
        begin = time.time()
    # A letter that it had in hand may come again.
    at.happened.append((Fault("second_process", "second_process", "notifications", 0.0, 0), since(begin)))


async def the_database_away(at: Field, progress: Progress) -> None:
    """payments is cut off from PostgreSQL while the first dossiers come."""
    await at.stack.postgres["payments"].cut(4)


@dataclass(frozen=True)
class Provocation:
    """How a mistake is provoked, and the words by which the oracle must name its harm."""

    strike: Strike
    harm: str
    pace: Pace = RED


PROVOKED_BY: Mapping[str, Provocation] = {
    "commit-offsets-first": Provocation(killed_with_a_batch_in_hand, "lost: .*its bill is None"),
    "skip-the-inbox": Provocation(everything_twice, "projection_mismatches: .*timeline"),
    "publish-before-commit": Provocation(killed_with_a_command_in_hand, "out_of_order: dossiers"),
    "skip-locked-relay": Provocation(a_stalled_relay_beside_another, "out_of_order: notifications", SLOWLY),
    "acknowledge-on-error": Provocation(the_database_away, "lost: .*its bill is None"),
}


async def all_of_them(at: Field, progress: Progress) -> None:
    await asyncio.gather(*(each.strike(at, progress) for each in PROVOKED_BY.values()))


def test_every_mutation_is_provoked() -> None:
    assert PROVOKED_BY.keys() == MUTATIONS.keys()


async def test_without_a_mistake_none_of_the_provocations_harms(walk: Walk) -> None:
    _, verdict = await storm(walk, journeys.planned(100, COUNT), all_of_them, print, GREEN)
    assert not list(verdict.reasons())


@pytest.mark.parametrize("mutation", PROVOKED_BY)
async def test_the_oracle_names_the_harm_of_the_mistake(walk: Walk, mutation: str) -> None:
    await walk.stack.mutate(mutation)
    seed, provoked = 101 + list(PROVOKED_BY).index(mutation), PROVOKED_BY[mutation]
    _, verdict = await storm(walk, journeys.planned(seed, COUNT), provoked.strike, print, provoked.pace)
    assert any(verdict.figures().values())
    assert [reason for reason in verdict.reasons() if re.match(provoked.harm, reason)], list(verdict.reasons())
