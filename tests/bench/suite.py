"""All benchmarks in one run, on one Kafka and one PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import (
    deadlines,
    desk_list,
    growth,
    hop,
    intake_submit,
    latency,
    payments_reconcile,
    payments_webhooks,
    rebuild,
    relay,
)
from tests.bench.ground import Ground, standing
from tests.bench.hop import Say


@dataclass(frozen=True)
class Sizes:
    """How much is measured: events and rows, seconds of one load, repetitions of each."""

    repetitions: int
    hop_events: int
    textbook_events: int
    relay_rows: int
    backlog_rows: int
    latency_seconds: float
    dossiers: int
    histories: tuple[int, int, int]
    growth_events: int
    submit_seconds: float
    open_dossiers: int
    listed_dossiers: int
    webhooks: int
    textbook_webhooks: int
    reconciled: int


FULL = Sizes(
    repetitions=2,
    hop_events=100_000,
    textbook_events=2_000,
    relay_rows=200_000,
    backlog_rows=1_000_000,
    latency_seconds=6.0,
    dossiers=12_000,
    histories=(10_000, 1_000_000, 5_000_000),
    growth_events=40_000,
    submit_seconds=10.0,
    open_dossiers=100_000,
    listed_dossiers=1_000_000,
    webhooks=9_000,
    textbook_webhooks=3_000,
    reconciled=100_000,
)
QUICK = Sizes(
    repetitions=1,
    hop_events=6_000,
    textbook_events=150,
    relay_rows=20_000,
    backlog_rows=40_000,
    latency_seconds=1.0,
    dossiers=1_000,
    histories=(1_000, 10_000, 50_000),
    growth_events=6_000,
    submit_seconds=1.0,
    open_dossiers=2_000,
    listed_dossiers=20_000,
    webhooks=300,
    textbook_webhooks=150,
    reconciled=1_500,
)


@dataclass(frozen=True)
class Asked:
    """What a benchmark is given: servers, how much to measure, whom to tell, and what was measured before it."""

    ground: Ground
    sizes: Sizes
    say: Say
    told: Mapping[str, Any]


async def _hop(of: Asked) -> Any:
    async with of.ground.meters() as store:
        events, textbook_events = of.sizes.hop_events, of.sizes.textbook_events
        return await hop.measure(of.ground, store, events, textbook_events, of.sizes.repetitions, of.say)


async def _relay(of: Asked) -> Any:
    async with of.ground.meters() as store:
        return await relay.measure(of.ground, store, of.sizes.relay_rows, of.sizes.repetitions, of.say)


async def _backlog(of: Asked) -> Any:
    async with of.ground.meters() as store:
        return await relay.backlog(of.ground, store, of.sizes.backlog_rows, of.say)


async def _latency(of: Asked) -> Any:
    """Its loads are shares of what the hop sustains: as it was measured in this run, or else measured first."""
    async with of.ground.meters() as store:
        if "hop" in of.told:
            fastest = hop.better(of.told["hop"]["shapes"])
        else:
            of.say("latency: đo tốc độ tối đa trước · the maximum rate first")
            fastest = await hop.fastest(of.ground, store, of.sizes.hop_events)
        seconds, repetitions = of.sizes.latency_seconds, of.sizes.repetitions
        return await latency.measure(of.ground, store, fastest, seconds, repetitions, of.say)


async def _rebuild(of: Asked) -> Any:
    return await rebuild.measure(of.ground, of.sizes.dossiers, of.sizes.repetitions, of.say)


async def _growth(of: Asked) -> Any:
    sizes = of.sizes
    return await growth.measure(of.ground, sizes.histories, sizes.growth_events, sizes.repetitions, of.say)


async def _intake_submit(of: Asked) -> Any:
    return await intake_submit.measure(of.ground, of.sizes.submit_seconds, of.sizes.repetitions, of.say)


async def _deadlines(of: Asked) -> Any:
    return await deadlines.measure(of.ground, of.sizes.open_dossiers, of.say)


async def _desk_list(of: Asked) -> Any:
    return await desk_list.measure(of.ground, of.sizes.listed_dossiers, of.say)


async def _payments_webhooks(of: Asked) -> Any:
    sizes = of.sizes
    return await payments_webhooks.measure(
        of.ground, sizes.webhooks, sizes.textbook_webhooks, sizes.repetitions, of.say
    )


async def _payments_reconcile(of: Asked) -> Any:
    return await payments_reconcile.measure(of.ground, of.sizes.reconciled, of.say)


# In the order in which they are measured.
MEASURES: Mapping[str, Callable[[Asked], Awaitable[Any]]] = {
    "hop": _hop,
    "relay": _relay,
    "backlog": _backlog,
    "latency": _latency,
    "rebuild": _rebuild,
    "growth": _growth,
    "intake_submit": _intake_submit,
    "deadlines": _deadlines,
    "desk_list": _desk_list,
    "payments_webhooks": _payments_webhooks,
    "payments_reconcile": _payments_reconcile,
}
_TOLD_AS = {"latency": "latency_ms"}


async def measured(names: Sequence[str], sizes: Sizes, say: Say) -> dict[str, Any]:
    """What is asked for, by name; latencies under `latency_ms`. Raises Invalid where there is no figure to give."""
    told: dict[str, Any] = {}
    say("khởi động Kafka và PostgreSQL · starting Kafka and PostgreSQL")
    async with standing() as ground:
        for name, measure in MEASURES.items():
            if name in names:
                told[_TOLD_AS.get(name, name)] = await measure(Asked(ground, sizes, say, told))
    return told
