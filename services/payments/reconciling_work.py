"""Who reconciles and when: runs are asked for by the clock or by people, and done one after the other by one process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Protocol, runtime_checkable

import structlog

from chassis.answering import Answering
from chassis.backgrounds import Background
from chassis.chores import Chore, do_alone
from chassis.clock import VIETNAM, Clock, utc_now
from chassis.errors import Refusal, Unanswered, is_passing
from chassis.identifiers import new_id
from chassis.postgres import Pool
from services.payments import store
from services.payments.domain.gateway import Gateway
from services.payments.domain.reading import NIGHTLY, RECENT, last_whole_day, recent
from services.payments.domain.reconciling import DOSSIERS
from services.payments.domain.tidings import Movement
from services.payments.reconciliation import Reconciliation
from services.payments.store.differences import CHANNEL, Run

_TRIES, _PAUSE_SECONDS = 5, 20.0
_EVERY_SECONDS, _OFTEN_ENOUGH = 600.0, timedelta(minutes=9)
_DAY_AGAIN = timedelta(hours=1)  # not sooner: a day that could not be read

log = structlog.get_logger()


@runtime_checkable
class HasNews(Protocol):
    """A gateway whose statement can be read on from where it was left."""

    async def lines_after(self, cursor: str) -> tuple[Sequence[Movement], str]: ...


class Reconciler:
    """Does the runs that wait. `gateways` by name; `clock` is the present."""

    def __init__(self, gateways: Mapping[str, Gateway], statement_seconds: float, clock: Clock = utc_now) -> None:
        self._gateways, self._clock = gateways, clock
        self._statement_seconds = statement_seconds
        self._looked = dict[str, float]()

    @property
    def sides(self) -> tuple[str, ...]:
        """All that can be reconciled: each gateway, then bills against dossiers."""
        return (*self._gateways, DOSSIERS)

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        return (
            Background("reconciliation", CHANNEL, self.work_off),
            Background("statements", "statements", self.read_on),
        )

    @property
    def chores(self) -> tuple[Chore, ...]:
        return (
            Chore("reconciliation-recent", _EVERY_SECONDS, self.ask_for_recent),
            Chore("reconciliation-day", _EVERY_SECONDS, self.ask_for_days),
        )

    async def work_off(self, pool: Pool, answering: Answering) -> int:
        """Do the oldest run that waits, unless another process is at one; how many were done or given up."""
        done = 0
        if not await store.differences.is_waiting(pool):
            return 0

        async def one(pool: Pool) -> None:
            nonlocal done
            if (run := await store.differences.begun(pool, _TRIES)) is not None:
                done = 1
                if run.is_given_up:
                    log.error("a run never came to an end", gateway=run.gateway, since=run.since, tries=_TRIES)
                else:
                    await self._do(pool, answering, run)

        await do_alone(Chore("reconciliation", 0.0, one), pool)
        return done

    async def read_on(self, pool: Pool, answering: Answering) -> int:
        """Take in what was written into the statements that can be read on: so a lost notice is found within a minute."""
        lines = 0
        for name, gateway in self._gateways.items():
            now = time.monotonic()
            if not isinstance(gateway, HasNews) or now < self._looked.get(name, 0.0) + self._statement_seconds:
                continue
            self._looked[name] = now
            source: HasNews = gateway

            async def on(pool: Pool, name: str = name, source: HasNews = source) -> None:
                nonlocal lines
                lines += await self._read_on(pool, answering, name, source)

            await do_alone(Chore(f"statement {name}", 0.0, on), pool)
        return lines

    def runs(self, names: Sequence[str], by: str, day: date | None = None) -> list[Run]:
        """Runs of a day in Vietnam, as far as it is over; without one, of what is recent."""
        since, until = recent(self._clock())
        if day is not None:
            since = datetime.combine(day, time_of_day(), VIETNAM).astimezone(UTC)
            until = min(until, since + timedelta(days=1))
        if since >= until:
            raise Refusal(
                "not_over_yet",
                "Ngày này chưa bắt đầu, hoặc chưa đủ mười phút.",
                "That day has not begun, or not ten minutes ago.",
                422,
            )
        return [Run(new_id(), name, since, until, by, day) for name in names]

    async def ask_for_recent(self, pool: Pool) -> None:
        """The last three days, unless that was done a moment ago."""
        since = self._clock() - _OFTEN_ENOUGH
        names = [name for name in self.sides if not await store.differences.was_asked(pool, name, RECENT, since)]
        if names:
            await store.differences.ask(pool, self.runs(names, RECENT))

    async def ask_for_days(self, pool: Pool) -> None:
        """The whole of the day before, once it is over everywhere; and each day before that nobody has read to its end.

        Nobody was there then, or the statement could not be read. While it still cannot, only the oldest day is tried.
        """
        now, runs, ill = self._clock(), list[Run](), set[str]()
        for each in await store.days.missed(pool, self.sides, last_whole_day(now), now - _DAY_AGAIN):
            if not each.is_asked and each.gateway not in ill:
                runs += self.runs([each.gateway], NIGHTLY, each.day)
            if each.is_ill:
                ill.add(each.gateway)
        if runs:
            await store.differences.ask(pool, runs)

    async def _do(self, pool: Pool, answering: Answering, run: Run) -> None:
        doing = Reconciliation(pool, answering, run, self._clock)
        try:
            if run.gateway == DOSSIERS:
                report = await doing.of_dossiers()
            elif run.gateway in self._gateways:
                report = await doing.of_gateway(self._gateways[run.gateway])
            else:
                raise Unanswered(f"{run.gateway} is not configured here")
        except Exception as error:
            reason = str(error) if isinstance(error, Unanswered) else type(error).__name__
            unforeseen = None if is_passing(error) else error
            log.warning("reconciliation could not be done", gateway=run.gateway, reason=reason, exc_info=unforeseen)
            await store.differences.again(pool, run.run_id, reason, _PAUSE_SECONDS, _TRIES)
            return
        await store.differences.finished(pool, run.run_id, report)
        if report["unexplained"]:
            told = {name: report[name] for name in ("unexplained", "unexplained_dong")}
            log.warning("not all is explained", gateway=run.gateway, **told)

    async def _read_on(self, pool: Pool, answering: Answering, name: str, source: HasNews) -> int:
        now, lines = self._clock(), 0
        doing = Reconciliation(pool, answering, Run(new_id(), name, now, now, "news"), self._clock)
        while True:
            cursor = await store.statements.cursor(pool, name)
            movements, after = await source.lines_after(cursor)
            if after == cursor:
                return lines
            await doing.take(movements)
            # What nothing heals is raised here, unless its notice may be under way: then by the next run. A bank may book a
            # line for any day, and no run looks at that day again.
            await doing.raise_before(recent(now)[1])
            # The cursor last: what is read twice has one effect.
            await store.statements.move_cursor(pool, name, after)
            lines += len(movements)
