"""What the desk decides: taking a dossier in or not, putting its date off, stopping it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from contracts import dossiers
from contracts.dossiers import Status
from services.intake.domain import deadline as clocks
from services.intake.domain import identity
from services.intake.domain.commands import Accept, Apologise, Correct, Extend, Refuse, Stop, SupplementOver
from services.intake.domain.deadline import Deadline
from services.intake.domain.dossier import CalendarOf, Dossier, decided, refiled
from services.intake.domain.moves import WARNINGS, by_officer, officers, promised, promised_anew, to


def accept(dossier: Dossier | None, message: Accept, now: datetime, calendar_of: CalendarOf) -> Decision[Dossier]:
    """Take the dossier in: the processing clock starts, and an appointment is asked for where the procedure needs one."""
    dossier = by_officer(dossier, message)
    clock = Deadline(amount=dossier.processing.amount, unit=dossier.processing.unit, started=now)
    accepted, timers = promised(
        to(
            dossier,
            Accept,
            now,
            clock=clock,
            officer=message.officer,
            department=message.department or dossier.department,
        ),
        calendar_of,
    )
    accepted = accepted.model_copy(update={"due": accepted.result_due})
    return decided(
        accepted,
        lambda step: dossiers.Accepted(appointment=dossier.appointment, step=step),
        officers(message, "accepted", now, "01", due=accepted.result_due),
        timers,
    )


def refuse(dossier: Dossier | None, message: Refuse, now: datetime) -> Decision[Dossier]:
    """Do not take the dossier in, and say why. Final."""
    dossier = by_officer(dossier, message)
    refused = to(
        dossier,
        Refuse,
        now,
        officer=message.officer,
        department=message.department or dossier.department,
        grounds=message.grounds,
        due=None,
    )
    return decided(
        refused,
        lambda step: dossiers.Refused(grounds=message.grounds, step=step),
        officers(message, "refused", now, "03", grounds=message.grounds),
    )


def apologise(dossier: Dossier | None, message: Apologise, now: datetime, calendar_of: CalendarOf) -> Decision[Dossier]:
    """Apologise and promise another date: once, and at least a day before the first one (NĐ 61/2018 art. 19.9)."""
    dossier = by_officer(dossier, message)
    clock, was = _running(dossier)
    put_off = clocks.rescheduled(clock, message.to, now, calendar_of(dossier.agency))
    changed = to(dossier, Apologise, now, dossier.status, clock=put_off, since=dossier.since)
    changed, timers = promised_anew(changed, calendar_of)
    return decided(
        changed,
        lambda step: dossiers.Rescheduled(promised=was, reason=message.reason, step=step),
        officers(message, "rescheduled", now, "04", was=was, due=changed.result_due, reason=message.reason),
        timers,
    )


def extend(dossier: Dossier | None, message: Extend, now: datetime, calendar_of: CalendarOf) -> Decision[Dossier]:
    """Something must be verified: the procedure's longer time applies, once, and only while the dossier is not late.

    Raises Refusal 409 where the longer time gives no later date.
    """
    dossier = by_officer(dossier, message)
    clock, was = _running(dossier)
    longer = dossier.extended
    if longer is None:
        raise Refusal(
            "no_longer_time",
            "Thủ tục này không có thời hạn dài hơn để xác minh. Có thể xin lỗi và hẹn lại.",
            "This procedure has no longer time for verification. An apology may put the date off.",
        )
    if dossier.extended_at is not None:
        raise Refusal("extended_before", "Hồ sơ đã được gia hạn để xác minh.", "The time was extended before.")
    if clock.rescheduled is not None:
        raise Refusal(
            "rescheduled_before",
            "Hồ sơ đã được xin lỗi và hẹn lại; ngày hẹn ấy không gia hạn được nữa.",
            "An apology has put this dossier off; that date cannot be extended.",
        )
    if now > was:
        raise Refusal(
            "extension_too_late",
            "Hồ sơ đã quá hạn nên không gia hạn được nữa. Hãy giải quyết hồ sơ và nêu lý do quá hạn.",
            "The dossier is late, and is not extended any more. Decide it and say why it is late.",
        )
    clock = clock.model_copy(update={"amount": longer.amount, "unit": longer.unit})
    expires = clocks.due(clock, calendar_of(dossier.agency))
    if expires is None or expires <= max(was, now):
        raise Refusal(
            "not_a_later_date",
            "Thời hạn xác minh của thủ tục không cho ngày hẹn muộn hơn. Có thể xin lỗi và hẹn lại.",
            "The procedure's time for verification gives no later date. An apology may put the date off.",
        )
    changed = to(dossier, Extend, now, dossier.status, clock=clock, extended_at=now, since=dossier.since)
    changed, timers = promised_anew(changed, calendar_of)
    return decided(
        changed,
        lambda step: dossiers.DueChanged(was=was, cause="verification", reason=message.reason, step=step),
        officers(message, "extended", now, was=was, due=changed.result_due, reason=message.reason),
        timers,
    )


def correct(dossier: Dossier | None, message: Correct, now: datetime) -> Decision[Dossier]:
    """Correct fields of the form; the citizen sees each old and new value."""
    dossier = by_officer(dossier, message)
    corrected = to(dossier, Correct, now, dossier.status, since=dossier.since, **refiled(message.form))
    corrected, calls = identity.asked_anew(dossier, corrected)
    decision = decided(
        corrected,
        lambda step: dossiers.Corrected(fields=message.changed, reason=message.reason, step=step),
        officers(
            message, "corrected", now, reason=message.reason, fields=differences(dossier, corrected, message.changed)
        ),
    )
    return replace(decision, calls=calls)


def stop(dossier: Dossier | None, message: Stop, now: datetime) -> Decision[Dossier]:
    """Stop the dossier, and say why. Final."""
    dossier = by_officer(dossier, message)
    stopped = to(
        dossier,
        Stop,
        now,
        officer=message.officer,
        department=message.department or dossier.department,
        grounds=message.reason,
        due=None,
        clock=held(dossier, now),
    )
    return decided(
        stopped,
        lambda step: dossiers.Stopped(
            reason=message.reason, cause="agency", accepted=dossier.clock is not None, step=step
        ),
        officers(message, "stopped", now, "05", reason=message.reason),
        cancels=(*WARNINGS, SupplementOver),
    )


def differences(before: Dossier, after: Dossier, paths: tuple[str, ...]) -> list[dict[str, object]]:
    """The old and the new value of fields of the form."""
    return [{"path": path, "before": value(before.form, path), "after": value(after.form, path)} for path in paths]


def value(form: object, path: str) -> object:
    """What stands in a form at a dotted path; None where there is nothing."""
    for part in path.split("."):
        if isinstance(form, list) and part.isdigit() and int(part) < len(form):
            form = form[int(part)]
        elif isinstance(form, dict):
            form = form.get(part)
        else:
            return None
    return form


def held(dossier: Dossier, now: datetime) -> Deadline | None:
    """The clock of a dossier whose time no longer counts."""
    return None if dossier.clock is None else clocks.paused(dossier.clock, now, "ended")


def _running(dossier: Dossier) -> tuple[Deadline, datetime]:
    """The clock and the promised date. Raises Refusal where nothing was promised."""
    if (
        dossier.clock is None
        or dossier.result_due is None
        or dossier.status not in (Status.ACCEPTED, Status.PROCESSING)
    ):
        raise Refusal("nothing_promised", "Hồ sơ chưa có ngày hẹn trả.", "No date has been promised yet.")
    return dossier.clock, dossier.result_due
