"""What can go wrong, each fault by its name, and how it is made to happen."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaError

from tests.chaos.log import Log
from tests.chaos.people import People
from tests.chaos.stack import Stack

FROZEN_SECONDS = 13.5
"""Past the consumer groups' session time-out of 12 s."""

CLAIM_SECONDS = 15.0
"""How long a point stays armed."""

_LATEST = 400


@dataclass(frozen=True)
class Fault:
    """One fault to come: `kind` says how it is made, `name` what it is counted as; `chance` decides its details."""

    kind: str
    name: str
    target: str
    seconds: float
    chance: int


@dataclass
class Field:
    """Where faults happen. `fired` counts those that really did, by name; once it is `over`, nobody waits for more."""

    stack: Stack
    log: Log
    people: People
    fired: Counter[str] = field(default_factory=Counter)
    over: bool = False
    _turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def fire(self, fault: Fault) -> None:
        """Let it happen, one at a time on each target, and count it when it did."""
        async with self._turns[f"{fault.kind} {fault.name}" if fault.kind == "sandbox" else fault.target]:
            if await KINDS[fault.kind](self, fault):
                self.fired[fault.name] += 1


async def kill_at_a_point(at: Field, fault: Fault) -> bool:
    """SIGKILL, by its own hand, when it reaches the point."""
    before = at.stack.pid(fault.target)
    armed = at.stack.points.arm(fault.target, fault.name.partition("@")[2])
    if not await at.stack.points.claimed(armed, CLAIM_SECONDS, lambda: at.over):
        return False
    await at.stack.back(fault.target, other_than=before)
    return True


async def stall_at_a_point(at: Field, fault: Fault) -> bool:
    """Stands still at the point; its other work goes on."""
    armed = at.stack.points.arm(fault.target, fault.name.partition("@")[2], fault.seconds)
    return await at.stack.points.claimed(armed, CLAIM_SECONDS, lambda: at.over)


async def kill_anywhere(at: Field, fault: Fault) -> bool:
    pid = at.stack.signal(fault.target, signal.SIGKILL)
    await at.stack.back(fault.target, other_than=pid)
    return pid is not None


async def freeze(at: Field, fault: Fault) -> bool:
    """SIGSTOP for longer than the group waits, then SIGCONT: it goes on with what it had in hand."""
    pid = at.stack.signal(fault.target, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        same = at.stack.pid(fault.target) == pid and pid is not None
        if same:
            at.stack.signal(fault.target, signal.SIGCONT)
    await at.stack.back(fault.target)
    return same


async def second_process(at: Field, fault: Fault) -> bool:
    """Another process of the service joins its groups and stands by as relay; then it leaves, or dies."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    async with at.stack.second(fault.target, port) as process:
        await asyncio.sleep(fault.seconds)
        lived = process.returncode is None
        if lived and random.Random(fault.chance).random() < 0.7:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 25)
    return lived


async def restart(at: Field, fault: Fault) -> bool:
    """Stopped, or killed, and started again."""
    politely = signal.SIGINT if fault.target == "postgres" else signal.SIGTERM
    pid = at.stack.signal(fault.target, random.Random(fault.chance).choice((politely, signal.SIGKILL)))
    await at.stack.back(fault.target, other_than=pid)
    return pid is not None


async def network(at: Field, fault: Fault) -> bool:
    """Between the services and Kafka, or between one service and PostgreSQL."""
    server, _, what = fault.name.partition(".")
    proxy = at.stack.kafka if server == "kafka" else at.stack.postgres[fault.target.partition(" ")[2]]
    if what == "delay":
        await proxy.slow(random.Random(fault.chance).uniform(0.02, 0.15), fault.seconds)
    else:
        await (proxy.cut if what == "partition" else proxy.silence)(fault.seconds)
    return True


async def duplicate(at: Field, fault: Fault) -> bool:
    """Some of the latest records again, byte for byte."""
    chance, latest = random.Random(fault.chance), at.log.records[-_LATEST:]
    return await _again(at, chance.sample(latest, min(len(latest), chance.randint(1, 12))))


async def reorder(at: Field, fault: Fault) -> bool:
    """All records of one key again behind its newer ones, the last one first."""
    if not at.log.records:
        return False
    chosen = random.Random(fault.chance).choice(at.log.records[-_LATEST:])
    old = [each for each in at.log.records if (each.topic, each.key) == (chosen.topic, chosen.key)]
    return await _again(at, old[:-20:-1] if len(old) > 20 else old[::-1])


async def _again(at: Field, records: list[Any]) -> bool:
    try:
        await at.log.again(records)
    except (KafkaError, TimeoutError):
        return False
    return bool(records)


async def sandbox(at: Field, fault: Fault) -> bool:
    """The gateway's, the carrier's or the mail box's own fault; it tells when it has fired."""
    server, _, name = fault.name.partition(".")
    match = SANDBOX[fault.name]
    await at.people.control(server, "POST", json=_order(name, match, fault.seconds))
    for _ in range(50):
        await asyncio.sleep(0.4)
        if await _has_fired(at, server, name):
            return True
        if at.over:
            break
    # Never left armed: who is met by it later would not be counted.
    await at.people.control(server, "POST", json=_order(name, match, fault.seconds) | {"times": 0})
    return False


async def _has_fired(at: Field, server: str, name: str) -> bool:
    armed = (await at.people.control(server, "GET"))["armed"]
    return any(each["name"] == name and each["fired"] for each in armed)


def _order(name: str, match: str, seconds: float) -> dict[str, Any]:
    return {"name": name, "times": 1, "delay_seconds": seconds, "match": match}


KINDS: Mapping[str, Callable[[Field, Fault], Awaitable[bool]]] = {
    each.__name__: each
    for each in (
        kill_at_a_point,
        stall_at_a_point,
        kill_anywhere,
        freeze,
        second_process,
        restart,
        network,
        duplicate,
        reorder,
        sandbox,
    )
}

# What narrows each. A refund that comes back is told by webhook alone, so that one must arrive in the end.
SANDBOX: Mapping[str, str] = {
    "gateway.timeout_before": "",
    "gateway.timeout_after_charge": "",
    "gateway.error_500_after_charge": "",
    "gateway.storm_500": "",
    "gateway.rate_limited_429": "",
    "gateway.conflict_409": "",
    "gateway.slow": "/c/pay",
    "gateway.webhook_lost": "checkout.session",
    "gateway.webhook_duplicated": "",
    "gateway.webhook_before_response": "",
    "gateway.webhook_delayed": "",
    "gateway.webhook_reordered": "",
    "gateway.webhook_forged": "",
    "gateway.webhook_stale": "",
    "gateway.webhook_unsigned": "",
    "gateway.unknown_event": "",
    "sms.timeout_before": "",
    "sms.timeout_after_send": "",
    "sms.storm_500": "",
    "sms.rate_limited_429": "",
    "sms.receipt_lost": "",
    "sms.receipt_duplicated": "",
    "sms.receipt_before_response": "",
    "sms.receipt_delayed": "",
    "mail.refuse_connection": "",
    "mail.temporary_451": "",
    "mail.timeout_after_data": "",
    "mail.slow": "",
}


@asynccontextmanager
async def field_of(stack: Stack, log: Log, people: People) -> AsyncIterator[Field]:
    """A field that is left without a fault."""
    at = Field(stack, log, people)
    try:
        yield at
    finally:
        for server in ("gateway", "sms", "mail"):
            await people.control(server, "DELETE")
