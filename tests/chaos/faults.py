"""What can go wrong, each fault by its name, and how it is made to happen."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
from aiokafka.errors import KafkaError

from tests.chaos.evidence import Span
from tests.chaos.log import Log
from tests.chaos.outside import SANDBOX
from tests.chaos.people import People
from tests.chaos.stack import Stack, StuckError
from tests.ports import free_port

FROZEN_SECONDS = 13.5
"""Past the consumer groups' session time-out of 12 s."""

CLAIM_SECONDS = 15.0
"""How long a point stays armed."""

JOIN_SECONDS, LEAVE_SECONDS = 40, 25
"""How long a second process may take until it is ready, and until it has gone."""

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
    """Where faults happen. Once it is `over`, nobody waits for more.

    `fired` counts those that really happened, by name, and `happened` tells when; `stuck` says who never came back.
    """

    stack: Stack
    log: Log
    people: People
    fired: Counter[str] = field(default_factory=Counter)
    happened: list[tuple[Fault, Span]] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    over: bool = False
    _turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def fire(self, fault: Fault) -> None:
        """Let it happen, one at a time on each target, and count it when it did."""
        async with self._turns[f"{fault.kind} {fault.name}" if fault.kind == "sandbox" else fault.target]:
            begin = time.time()
            try:
                span = await KINDS[fault.kind](self, fault)
            except StuckError as error:
                self.stuck.append(f"{fault.name} {fault.target}: {error}")
                span = since(begin)
            if span is not None:
                self.fired[fault.name] += 1
                self.happened.append((fault, span))

    def troubles(self, service: str, outside: Collection[str]) -> list[Span]:
        """When faults may have come between an outside answer and its commit by `service`; `outside` names its own."""
        return [span for fault, span in self.happened if fault.name in outside or _hits(fault, service)]


def _hits(fault: Fault, service: str) -> bool:
    if fault.kind in ("kill_at_a_point", "kill_anywhere", "freeze", "second_process"):
        return fault.target == service
    if fault.kind == "network":
        # Late is not lost: what comes late is committed all the same.
        return fault.target == f"network {service}" and not fault.name.endswith(".delay")
    return fault.kind == "restart" and fault.target == "postgres"


def since(begin: float) -> Span:
    return Span(begin, time.time())


async def kill_at_a_point(at: Field, fault: Fault) -> Span | None:
    """SIGKILL, by its own hand, when it reaches the point."""
    before = at.stack.pid(fault.target)
    armed = at.stack.points.arm(fault.target, fault.name.partition("@")[2])
    if not await at.stack.points.claimed(armed, CLAIM_SECONDS, lambda: at.over):
        return None
    begin = time.time()
    await at.stack.back(fault.target, other_than=before)
    return since(begin)


async def stall_at_a_point(at: Field, fault: Fault) -> Span | None:
    """Stands still at the point; its other work goes on."""
    armed = at.stack.points.arm(fault.target, fault.name.partition("@")[2], fault.seconds)
    claimed = await at.stack.points.claimed(armed, CLAIM_SECONDS, lambda: at.over)
    return since(time.time()) if claimed else None


async def kill_anywhere(at: Field, fault: Fault) -> Span | None:
    begin, pid = time.time(), at.stack.signal(fault.target, signal.SIGKILL)
    await at.stack.back(fault.target, other_than=pid)
    return since(begin) if pid is not None else None


async def freeze(at: Field, fault: Fault) -> Span | None:
    """SIGSTOP for longer than the group waits, then SIGCONT: it goes on with what it had in hand."""
    begin, pid = time.time(), at.stack.signal(fault.target, signal.SIGSTOP)
    stood = False
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        if pid is not None and at.stack.pid(fault.target) == pid:
            with suppress(psutil.NoSuchProcess):
                stood = psutil.Process(pid).status() == psutil.STATUS_STOPPED
            at.stack.signal(fault.target, signal.SIGCONT)
    await at.stack.back(fault.target)
    return since(begin) if stood else None


async def second_process(at: Field, fault: Fault) -> Span | None:
    """Another process of the service joins its groups and stands by as relay; then it leaves, or dies."""
    port = free_port()
    async with at.stack.second(fault.target, port) as process:
        if not await _joins(at, process, port):
            return None
        await asyncio.sleep(fault.seconds)
        begin, lived = time.time(), process.returncode is None
        if lived and random.Random(fault.chance).random() < 0.7:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), LEAVE_SECONDS)
            except TimeoutError:
                raise StuckError(f"a second process has not ended {LEAVE_SECONDS} s after SIGTERM") from None
    return since(begin) if lived else None


async def _joins(at: Field, process: asyncio.subprocess.Process, port: int) -> bool:
    """Whether it says that it is ready, within JOIN_SECONDS and before all is over."""
    end = time.monotonic() + JOIN_SECONDS
    while process.returncode is None and not at.over and time.monotonic() < end:
        if await at.people.ready(port):
            return True
        await asyncio.sleep(0.1)
    return False


async def restart(at: Field, fault: Fault) -> Span | None:
    """Stopped, or killed, and started again."""
    politely = signal.SIGINT if fault.target == "postgres" else signal.SIGTERM
    begin, how = time.time(), random.Random(fault.chance).choice((politely, signal.SIGKILL))
    pid = at.stack.signal(fault.target, how)
    await at.stack.back(fault.target, other_than=pid)
    return since(begin) if pid is not None else None


async def network(at: Field, fault: Fault) -> Span | None:
    """Between the services and Kafka, or between one service and PostgreSQL; it happens to what is on its way."""
    server, _, what = fault.name.partition(".")
    proxy = at.stack.kafka if server == "kafka" else at.stack.postgres[fault.target.partition(" ")[2]]
    begin = time.time()
    if what == "delay":
        touched = await proxy.slow(random.Random(fault.chance).uniform(0.02, 0.15), fault.seconds)
    else:
        touched = await (proxy.cut if what == "partition" else proxy.silence)(fault.seconds)
    return since(begin) if touched else None


async def duplicate(at: Field, fault: Fault) -> Span | None:
    """Some of the latest records again, byte for byte."""
    chance, latest = random.Random(fault.chance), at.log.records[-_LATEST:]
    return await _again(at, chance.sample(latest, min(len(latest), chance.randint(1, 12))))


async def reorder(at: Field, fault: Fault) -> Span | None:
    """The events of one key again behind its newer ones, the last one first; of a key that has several."""
    events: defaultdict[tuple[str, bytes], dict[bytes, Any]] = defaultdict(dict)
    for record in at.log.records:
        events[record.topic, record.key].setdefault(dict(record.headers)["ce_id"], record)
    recent = [(each.topic, each.key) for each in at.log.records[-_LATEST:]]
    several = [key for key in recent if len(events[key]) > 1]
    if not several:
        return None
    chosen = list(events[random.Random(fault.chance).choice(several)].values())
    return await _again(at, chosen[:-20:-1])


async def _again(at: Field, records: Sequence[Any]) -> Span | None:
    begin = time.time()
    try:
        await at.log.again(records)
    except (KafkaError, TimeoutError):
        return None
    return since(begin) if records else None


async def sandbox(at: Field, fault: Fault) -> Span | None:
    """The gateway's, the carrier's or the mail box's own fault; it tells when it has fired."""
    server, _, name = fault.name.partition(".")
    match = SANDBOX[fault.name]
    await at.people.control(server, "POST", json=_order(name, match, fault.seconds))
    for _ in range(50):
        looked = time.time()
        await asyncio.sleep(0.4)
        if await _has_fired(at, server, name):
            return since(looked)
        if at.over:
            break
    # Never left armed: who is met by it later would not be counted.
    await at.people.control(server, "POST", json=_order(name, match, fault.seconds) | {"times": 0})
    return None


async def _has_fired(at: Field, server: str, name: str) -> bool:
    armed = (await at.people.control(server, "GET"))["armed"]
    return any(each["name"] == name and each["fired"] for each in armed)


def _order(name: str, match: str, seconds: float) -> dict[str, Any]:
    return {"name": name, "times": 1, "delay_seconds": seconds, "match": match}


KINDS: Mapping[str, Callable[[Field, Fault], Awaitable[Span | None]]] = {
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


@asynccontextmanager
async def field_of(stack: Stack, log: Log, people: People) -> AsyncIterator[Field]:
    """A field that is left without a fault."""
    at = Field(stack, log, people)
    try:
        yield at
    finally:
        for server in ("gateway", "sms", "mail"):
            await people.control(server, "DELETE")
