"""What time does to a dossier: warnings of its promised date, and that date counted anew when a calendar changes."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from contracts import dossiers
from services.intake.domain.commands import NearlyDue, PastDue, Recalculate
from services.intake.domain.dossier import CalendarOf, Dossier, Entry, decided, known
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
    """Count the promised date by the calendar as it is now; nothing is said when it stays."""
    dossier = known(dossier)
    was = dossier.result_due
    if not dossier.is_open or was is None:
        return None
    counted, timers = promised_anew(dossier, calendar_of)
    if counted.result_due in (None, was):
        return None
    entry = Entry(
        at=now,
        kind="due_changed",
        by=None,
        role="system",
        body={"was": was, "due": counted.result_due, "reason": message.reason},
    )
    return decided(
        counted,
        lambda step: dossiers.DueChanged(was=was, cause="calendar", reason=message.reason, step=step),
        entry,
        timers,
    )
