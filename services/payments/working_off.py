"""Webhooks, worked off: what each says becomes messages to bills, in one transaction with its mark.

A signed webhook that says exactly what a bill expects is believed for money coming in; anything else makes us ask. Money
that no bill takes nor asks about is left to reconciliation; where no statement will tell of it, it is raised at once. What
is wrong with a webhook is its own: it is found by halves, kept with its error, and tried again later; none is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from chassis.answering import Answering, attempts, may_pass_soon
from chassis.decider import Message
from chassis.errors import Refusal, Unanswered, is_passing, reason_of, takes_too_long
from chassis.identifiers import derived_id
from chassis.postgres import Pool
from contracts.money import MOST_DONG
from services.payments import store, unclaimed
from services.payments.domain.answers import Captured
from services.payments.domain.gateway import Gateway
from services.payments.domain.messages import Nudge
from services.payments.domain.tidings import Ring, Tiding
from services.payments.ring_metrics import RingMetrics
from services.payments.store import rings
from services.payments.store.rings import Fate
from services.payments.unclaimed import Unclaimed

LEASE_SECONDS = 10.0  # as long as the longest transaction: what a dead process had in hand is due again after it
_BATCH = 200
_BUSY_SECONDS = 0.3
_LONGEST_PAUSE = 600.0
_RINGS = UUID("019c0000-0000-7000-8000-72696e677300")
"""What names the questions that webhooks make us ask begins with this."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Read:
    """A claimed ring, what it says to which bill, its outcome once that is said; and money that no bill can be told of."""

    row: Any
    sent: Sequence[tuple[str, Message]]
    outcome: str
    strange: Sequence[Unclaimed] = ()


class WorkingOff:
    """Works rings off, in every process that has the role for it."""

    def __init__(self, gateways: Mapping[str, Gateway], metrics: RingMetrics) -> None:
        self._gateways, self._metrics = gateways, metrics

    async def work_off(self, pool: Pool, answering: Answering) -> int:
        """Claim a batch of rings and settle each; answers how many were claimed."""
        lease, rows = await rings.claim(pool, LEASE_SECONDS, _BATCH)
        told, unreadable, off = list[tuple[Any, Sequence[Tiding]]](), list[Fate](), list[Fate]()
        for row in rows:
            gateway = self._gateways.get(row["gateway"])
            if gateway is None:
                off.append(_kept(row, Unanswered(f"{row['gateway']} is not configured here")))
                continue
            try:
                told.append((row, gateway.tell(Ring(row["event_id"], row["kind"], row["body"]))))
            except Exception as error:
                unreadable.append(_kept(row, error))
        await rings.settle(pool, lease, [*unreadable, *off])
        self._count(unreadable)
        self._tell_of_switched_off(off)
        if told:
            await self._settle_or_keep(pool, answering, lease, await _addressed(pool, told))
        return len(rows)

    async def _settle_or_keep(self, pool: Pool, answering: Answering, lease: UUID, read: Sequence[Read]) -> None:
        """Settle all, except the one that an error is due to. Raises passing trouble: the leases end, and all come again."""
        try:
            async for attempt in attempts(may_pass_soon):
                with attempt:
                    fates = await self._settle(pool, answering, lease, read)
        except Exception as error:
            if is_passing(error) and not (takes_too_long(error) and len(read) > 1):
                raise
            if len(read) > 1:
                half = len(read) // 2
                await self._settle_or_keep(pool, answering, lease, read[:half])
                await self._settle_or_keep(pool, answering, lease, read[half:])
                return
            fates = [_kept(read[0].row, error)]
            await rings.settle(pool, lease, fates)
        self._count(fates)

    async def _settle(self, pool: Pool, answering: Answering, lease: UUID, read: Sequence[Read]) -> list[Fate]:
        """Send what these say and mark them, in one transaction. A bill that somebody else is at holds up no other."""
        async with pool.acquire() as connection, connection.transaction():
            free = await rings.lock_free(connection, [key for each in read for key, _ in each.sent])
            busy = {_name_of(each.row) for each in read if not all(key in free for key, _ in each.sent)}
            told = [each for each in read if _name_of(each.row) not in busy]
            refused: dict[tuple[str, str], Refusal] = {}
            left = {_name_of(each.row): list(each.strange) for each in told}
            for wave in _waves(told):
                messages = [(key, message) for _, key, message in wave]
                answers = await answering.each(connection, store.bills.aggregate, messages)
                for (each, _, message), answer in zip(wave, answers, strict=True):
                    if isinstance(answer, Refusal):
                        refused[_name_of(each.row)] = answer
                    elif isinstance(message, Captured) and (money := unclaimed.of_bill(answer, message)):
                        left[_name_of(each.row)].append(money)
            await unclaimed.raise_all(connection, answering, [money for each in left.values() for money in each])
            fates = [
                _fate(
                    each, _name_of(each.row) in busy, refused.get(_name_of(each.row)), left.get(_name_of(each.row), ())
                )
                for each in read
            ]
            await rings.settle(connection, lease, fates)
        return fates

    def _tell_of_switched_off(self, fates: Sequence[Fate]) -> None:
        """They wait for settings, and nothing is wrong with any of them: said once for all that are tried now."""
        for gateway, count in Counter(each.gateway for each in fates).items():
            self._metrics.worked_off.labels(gateway, "kept").inc(count)
            log.warning("webhooks wait for a gateway that is not configured here", gateway=gateway, waiting=count)

    def _count(self, fates: Sequence[Fate]) -> None:
        for (gateway, outcome), count in Counter((each.gateway, each.outcome) for each in fates).items():
            self._metrics.worked_off.labels(gateway, outcome or "kept").inc(count)
        for fate in fates:
            if fate.error is not None:
                log.error("webhook is kept and tried again later", gateway=fate.gateway, reason=fate.error)
            if fate.outcome in ("not_taken", "raised"):
                log.warning("a webhook's money that no bill takes", gateway=fate.gateway, outcome=fate.outcome)


async def _addressed(pool: Pool, told: Sequence[tuple[Any, Sequence[Tiding]]]) -> list[Read]:
    """What each ring says to which bill."""
    keys = iter(await rings.bills_of(pool, [tiding for _, tidings in told for tiding in tidings]))
    read = list[Read]()
    for row, tidings in told:
        sent, strange, outcome = list[tuple[str, Message]](), list[Unclaimed](), "done" if tidings else "nothing"
        for place, tiding in enumerate(tidings):
            key, money = next(keys), tiding.captured
            if money is not None and (key is None or money.amount > MOST_DONG):
                strange.append(unclaimed.of_nobody(money, tiding.payment_code, key))
            elif key is not None:
                sent.append((key, _message(row, place, tiding)))
            outcome = "unknown_bill" if key is None else outcome
        read.append(Read(row, sent, outcome, strange))
    return read


def _message(row: Any, place: int, tiding: Tiding) -> Message:
    if tiding.captured is not None:
        return tiding.captured
    call_id = derived_id(_RINGS, f"{row['gateway']} {row['event_id']} {place}")
    return Nudge(call_id=call_id, attempt_id=tiding.attempt_id, session_id=tiding.session_id)


def _waves(read: Sequence[Read]) -> list[list[tuple[Read, str, Message]]]:
    """One message of a bill at a time, in the order in which they were heard."""
    waves, turns = list[list[tuple[Read, str, Message]]](), Counter[str]()
    for each in read:
        for key, message in each.sent:
            if turns[key] == len(waves):
                waves.append([])
            waves[turns[key]].append((each, key, message))
            turns[key] += 1
    return waves


def _fate(each: Read, is_busy: bool, refusal: Refusal | None, left: Sequence[Unclaimed]) -> Fate:
    if refusal is not None:
        return _kept(each.row, refusal)
    if is_busy:
        return Fate(*_name_of(each.row), outcome=None, pause=_BUSY_SECONDS)
    if any(money.movement is not None for money in left):
        return Fate(*_name_of(each.row), outcome="raised")
    if each.outcome == "done" and left:
        return Fate(*_name_of(each.row), outcome="not_taken")
    return Fate(*_name_of(each.row), outcome=each.outcome)


def _kept(row: Any, error: Exception) -> Fate:
    """Not forgotten: due again in a while, and said aloud each time."""
    reason = str(error)[:200] if isinstance(error, Unanswered) else reason_of(error)
    pause = min(2.0 ** min(row["tries"], 10), _LONGEST_PAUSE)
    return Fate(*_name_of(row), outcome=None, error=reason, tried=1, pause=pause)


def _name_of(row: Any) -> tuple[str, str]:
    return row["gateway"], row["event_id"]
