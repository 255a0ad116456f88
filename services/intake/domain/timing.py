"""What time does to a dossier: warnings of its promised date, and dates counted anew when a calendar changes."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import At, Decision
from contracts import dossiers
from contracts.dossiers import Status
from services.intake.domain.commands import NearlyDue, PastDue, Recalculate, SupplementOver
from services.intake.domain.dossier import CalendarOf, Dossier, Entry, days_after, decided, desk_due, known
from services.intake.domain.moves import promised_anew


def warn(dossier: Dossier | None, message: NearlyDue, now: datetime) -> Decision[Dossier] | None:
    """The promised date is near, and the dossier is not done."""
    dossier = known(dossier)
    if not dossier.is_open or dossier.result_due != message.due or dossier.due_soon_told == message.due:
        return None
    entry = Entry(at=now, kind="due_soon", by=None, role="system", shown=False, body={"due": message.due})
    told = dossier.model_copy(update={"due_soon_told": message.due})
    return decided(told, lambda step: dossiers.DueSoon(step=step), entry)


def is_late(dossier: Dossier | None, message: PastDue, now: datetime) -> Decision[Dossier] | None:
    """The promised date has passed, and the dossier is not done."""
    dossier = known(dossier)
    if not dossier.is_open or dossier.result_due != message.due or dossier.overdue_told == message.due:
        return None
    entry = Entry(at=now, kind="overdue", by=None, role="system", body={"due": message.due})
    told = dossier.model_copy(update={"overdue_told": message.due})
    return decided(told, lambda step: dossiers.Overdue(step=step), entry)


def recalculate(
    dossier: Dossier | None, message: Recalculate, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier] | None:
    """Count the date that waits by the calendar as it is now; nothing is said when it stays.

    At the desk that is the desk's own, while a supplement is waited for the citizen's, else the promised one.
    """
    dossier = known(dossier)
    waits = dossier.before if dossier.status == Status.WITHDRAWAL_ASKED else dossier.status
    if dossier.status == Status.REGISTERED:
        was, counted, timers = dossier.due, *_at_desk(dossier, calendar_of)
        due = counted.due
    elif waits == Status.SUPPLEMENT_ASKED:
        was, counted, timers = dossier.due, *_supplemented(dossier, calendar_of)
        due = counted.due
    else:
        was, counted, timers = dossier.result_due, *promised_anew(dossier, calendar_of)
        due = counted.result_due
    if not dossier.is_open or was is None or due in (None, was):
        return None
    body = {"was": was, "due": due, "reason": message.reason}
    return decided(
        counted,
        lambda step: dossiers.DueChanged(was=was, cause="calendar", reason=message.reason, step=step),
        # Until when the desk looks at it is the desk's own matter.
        Entry(at=now, kind="due_changed", by=None, role="system", shown=dossier.status != Status.REGISTERED, body=body),
        timers,
    )


def _at_desk(dossier: Dossier, calendar_of: CalendarOf) -> tuple[Dossier, tuple[At, ...]]:
    return dossier.model_copy(update={"due": desk_due(dossier, dossier.since, calendar_of)}), ()


def _supplemented(dossier: Dossier, calendar_of: CalendarOf) -> tuple[Dossier, tuple[At, ...]]:
    """The citizen's last day, with the timer that stops the dossier after it."""
    if dossier.supplement is None:
        raise AssertionError("status 5 has what was asked for")
    until = days_after(dossier.agency, dossier.supplement_days, dossier.supplement.asked_at, calendar_of)
    asked = dossier.supplement.model_copy(update={"until": until})
    return dossier.model_copy(update={"supplement": asked, "due": until}), (At(until, SupplementOver()),)
