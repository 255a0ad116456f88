"""Whole journeys while services are killed at named points, frozen, cut off and lied to; the long form is `motcua chaos`."""

from __future__ import annotations

from pathlib import Path

from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from tests import learnt
from tests.chaos import journeys, schedule
from tests.chaos.faults import KINDS
from tests.chaos.run import Pace, run

SEED = 3


def test_the_same_seed_chooses_the_same_faults_and_journeys_another_one_others() -> None:
    assert schedule.planned(SEED, 300) == schedule.planned(SEED, 300)
    assert schedule.planned(SEED, 300) != schedule.planned(SEED + 1, 300)
    keys = [[journey.key for journey in journeys.planned(seed, 50)] for seed in (SEED, SEED, SEED + 1)]
    assert keys[0] == keys[1]
    assert set(keys[0]).isdisjoint(keys[2])


def test_every_kind_of_fault_comes_in_a_long_run_and_names_of_many_in_a_short_one() -> None:
    assert {fault.kind for fault in schedule.planned(SEED, 360)} == KINDS.keys()
    assert len({fault.name for fault in schedule.planned(SEED, 20)}) >= 12


async def test_journeys_come_to_their_ends_whatever_happens_on_the_way(tmp_path: Path) -> None:
    learnt.give(tmp_path)
    pace = Pace(journey_seconds=120, quiet_seconds=60)
    result = await run(Layout(tmp_path, free_offset()), 20, SEED, print, pace)
    assert not list(result.verdict.reasons())
    assert result.green
    assert sum(result.fired.values()) >= 12
    assert len(result.fired) >= 8
