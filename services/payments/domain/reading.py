"""When statements are read, and how far back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from chassis.clock import VIETNAM

RECENT, NIGHTLY = "every ten minutes", "every night"
ASKED_FOR = timedelta(days=35)
"""So long is a page that never closes asked about where there is no statement; whoever pays later is heard by a notice."""
ASKED_OFTEN = timedelta(days=3)
_CLOSED = timedelta(hours=2)  # banks and gateways have closed their day by then


def recent(now: datetime) -> tuple[datetime, datetime]:
    """What is looked at again and again: three days, up to where notices may still be under way."""
    return now - timedelta(days=3), now - timedelta(minutes=10)


def last_whole_day(now: datetime) -> date:
    """The last day in Vietnam that is over everywhere, and closed."""
    return (now.astimezone(VIETNAM) - _CLOSED).date() - timedelta(days=1)


def closed_at(day: date) -> datetime:
    """From when on a day in Vietnam can be read as a whole."""
    return datetime.combine(day + timedelta(days=1), time(), VIETNAM) + _CLOSED


def asked_since(asked_by: str, until: datetime) -> datetime:
    """Since when pages must have been made to be asked about, where there is no statement.

    It costs one question a page and run, a few at a time (adapters/national.AT_ONCE): so every ten minutes only those of
    three days are asked about that no line tells of yet, and all of them every night and when people ask. At 16 in flight
    and 50 ms an answer, ten thousand pages take half a minute.
    """
    return until - (ASKED_OFTEN if asked_by == RECENT else ASKED_FOR)
