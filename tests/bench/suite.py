"""All benchmarks in one run, on one Kafka and one PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
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
from tests.bench.ground import standing
from tests.bench.hop import Say

NAMES = (
    "hop",
    "relay",
    "backlog",
    "latency",
    "rebuild",
    "growth",
    "intake_submit",
    "deadlines",
    "desk_list",
    "payments_webhooks",
    "payments_reconcile",
)


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
    reconciled: int


FULL = Sizes(
    2,
    100_000,
    2_000,
    200_000,
    1_000_000,
    6.0,
    12_000,
    (10_000, 1_000_000, 5_000_000),
    40_000,
    10.0,
    100_000,
    1_000_000,
    9_000,
    100_000,
)
QUICK = Sizes(1, 6_000, 150, 20_000, 40_000, 1.0, 1_000, (1_000, 10_000, 50_000), 6_000, 1.0, 2_000, 20_000, 300, 1_500)


async def measured(names: Sequence[str], sizes: Sizes, say: Say) -> dict[str, Any]:
    """What is asked for, by name; latencies under `latency_ms`. Raises Invalid where there is no figure to give."""
    told: dict[str, Any] = {}
    asked = [name for name in NAMES if name in names]
    say("khởi động Kafka và PostgreSQL · starting Kafka and PostgreSQL")
    async with standing() as ground:
        async with ground.meters() as store:
            if "hop" in asked:
                told["hop"] = await hop.measure(
                    ground, store, sizes.hop_events, sizes.textbook_events, sizes.repetitions, say
                )
            if "relay" in asked:
                told["relay"] = await relay.measure(ground, store, sizes.relay_rows, sizes.repetitions, say)
            if "backlog" in asked:
                told["backlog"] = await relay.backlog(ground, store, sizes.backlog_rows, say)
            if "latency" in asked:
                if "hop" in told:
                    fastest = hop.better(told["hop"]["shapes"])
                else:
                    say("latency: đo tốc độ tối đa trước · the maximum rate first")
                    fastest = await hop.fastest(ground, store, sizes.hop_events)
                told["latency_ms"] = await latency.measure(
                    ground, store, fastest, sizes.latency_seconds, sizes.repetitions, say
                )
        if "rebuild" in asked:
            told["rebuild"] = await rebuild.measure(ground, sizes.dossiers, sizes.repetitions, say)
        if "growth" in asked:
            told["growth"] = await growth.measure(ground, sizes.histories, sizes.growth_events, sizes.repetitions, say)
        if "intake_submit" in asked:
            told["intake_submit"] = await intake_submit.measure(ground, sizes.submit_seconds, say)
        if "deadlines" in asked:
            told["deadlines"] = await deadlines.measure(ground, sizes.open_dossiers, say)
        if "desk_list" in asked:
            told["desk_list"] = await desk_list.measure(ground, sizes.listed_dossiers, say)
        if "payments_webhooks" in asked:
            told["payments_webhooks"] = await payments_webhooks.measure(ground, sizes.webhooks, say)
        if "payments_reconcile" in asked:
            told["payments_reconcile"] = await payments_reconcile.measure(ground, sizes.reconciled, say)
    return told
