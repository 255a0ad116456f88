"""The job of reconciliation: a statement read page by page, healed, posted, compared; then bills against dossiers.

Each step may be done again: after a process was killed in the middle, the run is taken up from its beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from chassis.answering import Answering
from chassis.clock import Clock
from chassis.decider import Message
from chassis.errors import reason_of
from chassis.postgres import Pool
from services.payments import store
from services.payments.domain import by_rule, reconciling
from services.payments.domain.difference import Found, Gone
from services.payments.domain.gateway import Gateway
from services.payments.domain.hearing import tells_in_notices_only
from services.payments.domain.reading import RECENT, asked_since
from services.payments.domain.sides import Healing, Stated
from services.payments.domain.tidings import UNREADABLE, Known, Movement
from services.payments.halving import each_of
from services.payments.store.differences import Run

_AT_ONCE = 2_000  # lines
_MOST = 200  # messages
_CLOCKS_DIFFER = timedelta(hours=1)
_SOON = timedelta(minutes=10)  # so long may bills and dossiers take to hear of one another

log = structlog.get_logger()


@dataclass
class Reconciliation:
    """One run: what was found so far."""

    pool: Pool
    answering: Answering
    run: Run
    clock: Clock
    lines: int = 0
    references: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    healed: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    found: dict[str, Found] = field(default_factory=dict)
    troubles: dict[tuple[str, bool], str] = field(default_factory=dict)

    async def of_gateway(self, gateway: Gateway) -> Mapping[str, Any]:
        """Read [since, until) of its statement and settle what can be; the report. Raises Unanswered."""
        run, waiting = self.run, list[Movement]()
        began = await store.statements.now(self.pool)
        since, known = await self._asked()
        async for page in gateway.movements(since, run.until, known):
            waiting += page
            if len(waiting) >= _AT_ONCE:
                await self.take(waiting)
                waiting = []
        await self.take(waiting)
        gone = set[str]() if tells_in_notices_only(run.gateway) else await self._take_back(began)
        before = await store.differences.unsettled(self.pool, run.gateway)
        left = sorted({each.reference for each in before} - self.references | gone)
        await self._compare(left)
        until, raised = min(run.until, self.clock() - reconciling.GRACE), {each.key for each in before}
        for row in await store.statements.unstated(self.pool, run.gateway, run.since, until, left):
            self._note(reconciling.missing(row, until, raised))
        return await self._settled([each.key for each in before])

    async def _asked(self) -> tuple[datetime, Sequence[Known]]:
        """Since when money is told of; and where there is no statement, the pages that must be asked about."""
        run = self.run
        if not tells_in_notices_only(run.gateway):
            return run.since, ()
        since, before = asked_since(run.asked_by, run.until), await store.differences.unsettled(self.pool, run.gateway)
        missed = [each.reference for each in before if each.kind == "missing_at_gateway"]
        again = run.asked_by != RECENT
        known = await store.statements.asked(self.pool, run.gateway, since, run.since, run.until, missed, again)
        # All that was paid on these pages, by whichever clock: also on those that were made before.
        return min((since, *(each.began - _CLOCKS_DIFFER for each in known))), known

    async def _take_back(self, began: datetime) -> set[str]:
        """What this reading did not tell again is gone: references whose lines count no more, and their fees neither."""
        place = self.run.gateway, self.run.since, self.run.until
        if lines := await store.statements.take_back(self.pool, *place, began, sorted(self.told)):
            self.rules["taken_back"] += lines
            log.warning("a gateway tells of lines no more", gateway=self.run.gateway, lines=lines)
        postings = [
            posting for fee in await store.statements.fees_to_mend(self.pool, *place) for posting in by_rule.mended(fee)
        ]
        async with self.pool.acquire() as connection, connection.transaction():
            await store.statements.post(connection, postings)
        gone = set(await store.statements.taken_back(self.pool, *place))
        self.found = {key: each for key, each in self.found.items() if each.reference not in gone}
        return gone

    async def of_dossiers(self) -> Mapping[str, Any]:
        """Hold bills against dossiers; the report."""
        now, run = self.clock(), self.run
        before = await store.differences.unsettled(self.pool, run.gateway)
        old = min(run.until, now - _SOON)
        for row in await store.books.disagreements(self.pool, run.since, old, [each.reference for each in before]):
            self._note(reconciling.between(row, now), row.kind)
        return await self._settled([each.key for each in before])

    async def take(self, movements: Sequence[Movement]) -> None:
        """Write lines down with what follows by rule, and see what of them our books do not have."""
        if not movements:
            return
        gateway = self.run.gateway
        postings = [posting for each in movements for posting in by_rule.explained(gateway, each)]
        async with self.pool.acquire() as connection, connection.transaction():
            await store.statements.keep(connection, gateway, movements)
            await store.statements.post(connection, postings)
        self.rules.update(
            {reason: sum(p.debit for p in postings if p.reason == reason) for reason in ("gateway fee", "payout")}
        )
        self.rules["unreadable"] += sum(each.note.startswith(UNREADABLE) for each in movements)
        self.lines += len(movements)
        self.references |= {each.reference for each in movements}
        self.told |= {each.line for each in movements}
        await self._compare(sorted({each.reference for each in movements}))
        await store.differences.progressed(self.pool, self.run.run_id, self.lines)

    async def raise_before(self, moment: datetime) -> None:
        """Raise what was found of before that moment, at once: nobody may look at that time again."""
        old = [(key, each) for key, each in self.found.items() if each.at < moment]
        await self._say(old)
        for key, _ in old:
            del self.found[key]

    async def _compare(self, references: Sequence[str]) -> None:
        """Heal what heals; what is left is a difference."""
        for start in range(0, len(references), _AT_ONCE):
            rows = await store.statements.unlike(self.pool, self.run.gateway, references[start : start + _AT_ONCE])
            for row in await self._healed(rows):
                trouble = self.troubles.get((row.reference, row.incoming))
                self._note(reconciling.finding(row, trouble), "given_back" if reconciling.is_given_back(row) else None)

    async def _healed(self, rows: Sequence[Stated]) -> Sequence[Stated]:
        """The lines that our books do not have after all was said that can be."""
        said = set[tuple[str, str]]()
        while healings := [each for each in reconciling.healings(rows) if (each.kind, str(each.message)) not in said]:
            for wave in reconciling.waves(healings):
                await self._said(wave)
            said |= {(each.kind, str(each.message)) for each in healings}
            after = await store.statements.unlike(self.pool, self.run.gateway, [row.reference for row in rows])
            open_rows = (row for row in after if reconciling.finding(row) or reconciling.is_given_back(row))
            left = {(row.reference, row.incoming) for row in open_rows}
            tried = {(row.reference, row.incoming): each.kind for row in rows if (each := reconciling.healing(row))}
            self.healed.update(kind for place, kind in tried.items() if place not in left)
            rows = after
        return rows

    async def _said(self, wave: Sequence[Healing]) -> None:
        """Say it all; what one of them cannot be told for is that difference's own."""
        aggregate = store.bills.aggregate if wave[0].to == "bill" else store.differences.aggregate
        answers = await each_of(self.answering, aggregate, [(each.key, each.message) for each in wave])
        for each, answer in zip(wave, answers, strict=True):
            if isinstance(answer, Exception):
                reason = self.troubles[each.reference, each.kind != "refund_unheard"] = reason_of(answer)
                log.warning("what a statement says cannot be taken in", gateway=self.run.gateway, reason=reason)

    def _note(self, finding: Found | None, otherwise: str | None = None) -> None:
        if finding is not None:
            self.found[finding.key] = finding
        elif otherwise is not None:
            self.rules[otherwise] += 1

    async def _settled(self, before: Sequence[str]) -> Mapping[str, Any]:
        """Raise what was found, let go what was not found again; the report."""
        gone = [(key, Gone()) for key in before if key not in self.found]
        messages: list[tuple[str, Message]] = [*((each.key, each) for each in self.found.values()), *gone]
        return await self._report(await self._say(messages))

    async def _say(self, messages: Sequence[tuple[str, Message]]) -> Mapping[str, Any]:
        """Say these to differences, by their keys; how each stands then."""
        states: dict[str, Any] = {}
        for start in range(0, len(messages), _MOST):
            some = messages[start : start + _MOST]
            answers = await each_of(self.answering, store.differences.aggregate, some)
            for answer in answers:
                if isinstance(answer, Exception):
                    log.error("a difference cannot be kept", gateway=self.run.gateway, reason=reason_of(answer))
            states |= {key: answer for (key, _), answer in zip(some, answers, strict=True)}
        return states

    async def _report(self, states: Mapping[str, Any]) -> Mapping[str, Any]:
        count, dong = (await store.differences.unexplained(self.pool)).get(self.run.gateway, (0, 0))
        kinds: dict[str, Counter[str]] = {}
        for each in self.found.values():
            kinds.setdefault(each.kind, Counter())[getattr(states[each.key], "state", "refused")] += 1
        return {
            "gateway": self.run.gateway,
            "since": self.run.since,
            "until": self.run.until,
            "lines": self.lines,
            "healed": dict(self.healed),
            "by_rule": {name: number for name, number in self.rules.items() if number},
            "found": {kind: dict(states) for kind, states in sorted(kinds.items())},
            "gone": sum(getattr(states.get(key), "state", "") == "healed" for key in states if key not in self.found),
            "unexplained": count,
            "unexplained_dong": dong,
        }
