"""Which whole days of each side were reconciled, and which were not: nobody was there, or its statement could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chassis.postgres import Pool
from services.payments.domain.reading import ASKED_FOR

_MISSED = """
with side as (
    select name, place, coalesce(
        (select min(asked_at) from reconciliation_run where gateway = name), 'infinity') as began,
        (select report is null from reconciliation_run where gateway = name and finished_at is not null
         order by asked_at desc, finished_at desc limit 1) is true as is_ill
    from unnest($1::text[]) with ordinality as side (name, place)
), day as (
    select day::date, (day + interval '1 day') at time zone 'Asia/Ho_Chi_Minh' as ends
    from generate_series($2::timestamp - $4::interval, $2::timestamp, interval '1 day') as day
)
select name as gateway, day, is_ill, ends > began as is_late, exists (
    select from reconciliation_run as run
    where run.gateway = name and run.day = day.day and until >= ends and (finished_at is null or asked_at > $3)) as is_asked
from side join day on ends > began or day.day = $2::timestamp::date
where not exists (
    select from reconciliation_run as run
    where run.gateway = name and run.day = day.day and report is not null and until >= ends)
order by place, day"""


@dataclass(frozen=True, slots=True)
class Missed:
    """A day of a side that is over, and that no run has read to its end.

    `is_late`: that side was reconciled before that day ended, so this should have been. `is_asked`: a run for it waits, or
    was asked for lately. `is_ill`: the side's last run could not be done.
    """

    gateway: str
    day: date
    is_ill: bool
    is_late: bool
    is_asked: bool


async def missed(pool: Pool, sides: Sequence[str], last: date, lately: datetime) -> list[Missed]:
    """Those from when each side was first looked at to `last`, ASKED_FOR back at most, the oldest first; `last` in any case."""
    rows = await pool.fetch(_MISSED, sides, datetime.combine(last, datetime.min.time()), lately, ASKED_FOR)
    return [Missed(**dict(row)) for row in rows]
