"""Quiet hours: no SMS at night (NĐ 91/2020/NĐ-CP, kept for service notices too)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from chassis.clock import VIETNAM


@dataclass(frozen=True, slots=True)
class Quiet:
    """From `begins` until before `ends`, Vietnam time, over midnight where `ends` is the earlier; equal: never."""

    begins: time
    ends: time

    def until(self, now: datetime) -> datetime | None:
        """When the quiet that `now` falls into ends; None when it is not quiet."""
        local = now.astimezone(VIETNAM)
        since_begin = _minutes_from(self.begins, local.time())
        if since_begin >= _minutes_from(self.begins, self.ends):
            return None
        end = datetime.combine(local.date(), self.ends, VIETNAM)
        return end if end > local else end + timedelta(days=1)


def _minutes_from(begin: time, moment: time) -> float:
    """Minutes from one time of day to the next occurrence of another, below 1,440."""

    def minutes(of: time) -> float:
        return of.hour * 60 + of.minute + (of.second + of.microsecond / 1e6) / 60

    return (minutes(moment) - minutes(begin)) % 1440
