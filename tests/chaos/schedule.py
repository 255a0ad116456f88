"""Which faults come, on whom, in which order: all of it follows from the seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from deploy.local.plan import SERVICES
from tests.chaos.faults import FROZEN_SECONDS, Fault
from tests.chaos.outside import SANDBOX

WRITERS = ("intake", "payments", "notifications")
CALLERS = ("payments", "notifications")

# Who comes by each point.
POINTS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("command.before-commit", "command.after-commit"), WRITERS),
    **dict.fromkeys(("relay.after-claim", "relay.after-produce", "relay.after-mark"), WRITERS),
    **dict.fromkeys(
        ("consumer.after-inbox", "consumer.before-commit", "consumer.after-commit", "consumer.after-offsets"),
        tuple(SERVICES),
    ),
    **dict.fromkeys(("call.after-claim", "call.after-answer", "call.before-commit", "call.after-commit"), CALLERS),
    **dict.fromkeys(("timer.after-claim", "timer.before-commit", "timer.after-commit"), ("payments",)),
}
_STALLS = ("relay.after-claim", "relay.after-produce", "consumer.before-commit", "command.before-commit")
_PLACES = [f"{service}@{point}" for point, services in POINTS.items() for service in services]

Deal = Callable[[random.Random], tuple[str, str, str, float]]
"""(kind, name, target, seconds) of one fault."""


class _Decks:
    """Deals each thing of a kind once before it deals any a second time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._left = chance, dict[str, list[str]]()

    def next(self, name: str, things: Iterable[str]) -> str:
        left = self._left.setdefault(name, [])
        if not left:
            left += things
            self._chance.shuffle(left)
        return left.pop()


def planned(seed: int, count: int) -> list[Fault]:
    """`count` faults in the order in which they begin; costly ones are rare, cheap ones often."""
    chance = random.Random(f"faults {seed}")
    decks = _Decks(chance)
    families = _families(decks)
    chosen = [family for family, times in _quotas(families, count, chance).items() for _ in range(times)]
    chance.shuffle(chosen)
    return [Fault(*families[family][1](chance), chance.getrandbits(32)) for family in chosen]


def _quotas(families: Mapping[str, tuple[float, Deal]], count: int, chance: random.Random) -> dict[str, int]:
    """How often each family comes: by its weight, and what is left over to as many different ones as there can be."""
    total = sum(weight for weight, _ in families.values())
    shares = {name: count * weight / total for name, (weight, _) in families.items()}
    quotas = {name: int(share) for name, share in shares.items()}
    order = sorted(families, key=lambda name: chance.random() / max(shares[name] - quotas[name], 1e-9))
    for name in order[: count - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _families(decks: _Decks) -> dict[str, tuple[float, Deal]]:
    """Weight and dealer of each family."""

    def kill_at(chance: random.Random) -> tuple[str, str, str, float]:
        service, _, point = decks.next("points", _PLACES).partition("@")
        return "kill_at_a_point", f"kill@{point}", service, 0.0

    def stall_at(chance: random.Random) -> tuple[str, str, str, float]:
        point = decks.next("stalls", _STALLS)
        return "stall_at_a_point", f"stall@{point}", chance.choice(POINTS[point]), chance.uniform(0.5, 3)

    def on_a_service(kind: str, name: str, longest: float, shortest: float = 0.0) -> Deal:
        def deal(chance: random.Random) -> tuple[str, str, str, float]:
            return kind, name, decks.next(kind, SERVICES), chance.uniform(shortest, longest)

        return deal

    def of_kafka(what: str, longest: float) -> Deal:
        return lambda chance: ("network", f"kafka.{what}", "kafka network", chance.uniform(0.5, longest))

    def of_postgres(what: str, longest: float) -> Deal:
        def deal(chance: random.Random) -> tuple[str, str, str, float]:
            service = decks.next(f"postgres {what}", SERVICES)
            return "network", f"postgres.{what}", f"network {service}", chance.uniform(0.3, longest)

        return deal

    def of_the_log(kind: str) -> Deal:
        return lambda chance: (kind, f"log.{kind}", f"log {chance.randrange(4)}", 0.0)

    def outside(chance: random.Random) -> tuple[str, str, str, float]:
        name = decks.next("sandbox", SANDBOX)
        return "sandbox", name, name.partition(".")[0], chance.uniform(0.5, 2)

    return {
        "points": (60, kill_at),
        "stalls": (16, stall_at),
        "anywhere": (10, on_a_service("kill_anywhere", "kill.anywhere", 0)),
        "frozen": (4, on_a_service("freeze", "freeze.past-session", FROZEN_SECONDS, FROZEN_SECONDS)),
        "second": (6, on_a_service("second_process", "second-process", 9, 5)),
        "kafka restart": (2, lambda chance: ("restart", "kafka.restart", "kafka", 0.0)),
        "postgres restart": (4, lambda chance: ("restart", "postgres.restart", "postgres", 0.0)),
        "kafka partition": (6, of_kafka("partition", 3)),
        "kafka silence": (3, of_kafka("silence", 4)),
        "kafka delay": (8, of_kafka("delay", 4)),
        "postgres partition": (14, of_postgres("partition", 2)),
        "postgres silence": (6, of_postgres("silence", 4)),
        "postgres delay": (12, of_postgres("delay", 3)),
        "duplicates": (70, of_the_log("duplicate")),
        "reordered": (40, of_the_log("reorder")),
        "outside": (80, outside),
    }
