"""The supplement: asked for once and whole (NĐ 61/2018 art. 15, 17); meanwhile the clock stands (art. 19.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chassis.decider import At, Decision
from chassis.errors import Refusal
from contracts import dossiers
from contracts.dossiers import Marked, Status
from services.intake.domain import deadline as clocks
from services.intake.domain import identity
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.commands import RequestSupplement, Supplement, SupplementOver
from services.intake.domain.desk import differences, held, value
from services.intake.domain.dossier import (
    Asked,
    Attached,
    CalendarOf,
    Dossier,
    Entry,
    days_after,
    decided,
    desk_due,
    known,
    refiled,
    resting,
)
from services.intake.domain.moves import WARNINGS, by_citizen, by_officer, citizens, officers, promised, to
from services.intake.domain.paths import met
from services.intake.domain.problem import Problem
from services.intake.domain.procedure import Procedure, When
from services.intake.domain.process import at

HELD_BY_SUPPLEMENT = "supplement"
_NEVER_CAME = "Quá hạn bổ sung hồ sơ"


def request_supplement(
    dossier: Dossier | None, message: RequestSupplement, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier]:
    """Ask for everything that is wrong or missing, each with its reason; there is no second time."""
    dossier = by_officer(dossier, message)
    if dossier.supplement is not None:
        raise Refusal(
            "supplement_asked_before",
            "Hồ sơ chỉ được yêu cầu bổ sung một lần. Có thể nhắn tin cho người nộp, hoặc dừng xử lý và nêu lý do.",
            "A supplement may be asked for once only. Send a message, or stop the dossier with the reason.",
        )
    if len({(item.kind, item.path) for item in message.items}) < len(message.items):
        raise Refusal("marked_twice", "Có mục được đánh dấu hai lần.", "Something is marked twice.", 422)
    until = days_after(dossier.agency, dossier.supplement_days, now, calendar_of)
    clock = dossier.clock and clocks.paused(dossier.clock, now, HELD_BY_SUPPLEMENT)
    asked = Asked(items=message.items, asked_at=now, until=until)
    waiting = to(
        dossier,
        RequestSupplement,
        now,
        supplement=asked,
        clock=clock,
        due=until,
        result_due=None,
        officer=message.officer,
        department=message.department or dossier.department,
    )
    return decided(
        waiting,
        lambda step: dossiers.SupplementRequested(items=message.items, until=until, step=step),
        officers(
            message, "supplement_requested", now, "02", items=[item.model_dump() for item in message.items], until=until
        ),
        (At(until, SupplementOver()),),
        WARNINGS,
    )


def supplement(
    dossier: Dossier | None, message: Supplement, now: datetime, calendar_of: CalendarOf
) -> Decision[Dossier]:
    """Take what the citizen supplied: all that was marked and nothing else; earlier versions are kept."""
    dossier = by_citizen(dossier, message)
    back = resting(dossier)
    supplied = to(dossier, Supplement, now, Status.PROCESSING if back == Status.ACCEPTED else back)
    if dossier.supplement is None:
        raise AssertionError("status 5 has what was asked for")
    _answers(dossier, dossier.supplement.items, message)
    supplied = supplied.model_copy(
        update=refiled(message.form)
        | {
            "documents": replaced(dossier.documents, message.documents),
            "supplement": dossier.supplement.model_copy(update={"answered_at": now}),
            "clock": dossier.clock and clocks.resumed(dossier.clock, now, HELD_BY_SUPPLEMENT),
        }
    )
    supplied, timers = promised(supplied, calendar_of)
    if supplied.status == Status.REGISTERED:
        moved = {"due": desk_due(supplied, now, calendar_of)}
    else:
        moved = at(
            supplied, dossier.stage or 0, now, calendar_of, dossier.officer if dossier.stage is not None else None
        )
    supplied, calls = identity.asked_anew(dossier, supplied.model_copy(update=moved))
    fields = tuple(path for path in message.changed if not path.startswith("documents."))
    body = {"fields": differences(dossier, supplied, fields), "documents": [each.name for each in message.documents]}
    decision = decided(
        supplied,
        lambda step: dossiers.Supplemented(items=message.changed, step=step),
        citizens(message, "supplemented", now, **body),
        timers,
        (SupplementOver,),
    )
    return replace(decision, calls=calls)


def markable(procedure: Procedure, catalogue: Catalogue, form: Mapping[str, Any] | None) -> dict[str, str]:
    """All that may be marked as wrong or missing: paths of fields and `documents.PLACE`, with their names.

    What this form's own answers hide may not; without a form, all that the procedure has.
    """
    names = {f"documents.{paper.key}": paper.name for paper in procedure.documents if _shows(paper.when, form)}
    for part, schema in (("applicant", catalogue.applicant), ("details", procedure.details)):
        names |= {f"{part}.{path}": name for path, name in _fields(schema, form)}
    return names


def _fields(schema: Mapping[str, Any], form: Mapping[str, Any] | None, path: str = "") -> Iterator[tuple[str, str]]:
    """Fields of a form's part that the form does not hide, whatever branch of the schema brings them into it."""
    for name, field in schema.get("properties", {}).items():
        if isinstance(field, Mapping):
            when = When.model_validate(field["x-when"]) if "x-when" in field else None
            if _shows(when, form):
                yield f"{path}{name}", str(field.get("title", name))
                yield from _fields(field, form, f"{path}{name}.")
    for word in ("then", "else"):
        if isinstance(schema.get(word), Mapping):
            yield from _fields(schema[word], form, path)
    for each in schema.get("allOf", ()):
        yield from _fields(each, form, path)


def _shows(when: When | None, form: Mapping[str, Any] | None) -> bool:
    return when is None or form is None or met(when, form)


def supplement_over(dossier: Dossier | None, message: SupplementOver, now: datetime) -> Decision[Dossier] | None:
    """The citizen did not supplement in time: the dossier is stopped."""
    dossier = known(dossier)
    leaving = dossier.status == Status.WITHDRAWAL_ASKED
    if (dossier.before if leaving else dossier.status) != Status.SUPPLEMENT_ASKED:
        return None
    stopped = to(dossier, SupplementOver, now, due=None, grounds=_NEVER_CAME, clock=held(dossier, now))
    return decided(
        stopped,
        lambda step: dossiers.Stopped(
            reason=_NEVER_CAME, cause="not_supplemented", accepted=dossier.clock is not None, step=step
        ),
        Entry(at=now, kind="stopped", by=None, role="system", paper="05", body={"reason": _NEVER_CAME}),
        cancels=WARNINGS,
    )


def replaced(documents: Sequence[Attached], new: Sequence[Attached]) -> tuple[Attached, ...]:
    """The documents with the new ones; what stood in their places stays, as replaced."""
    slots = {each.slot for each in new}
    versions = {slot: max((each.version for each in documents if each.slot == slot), default=0) for slot in slots}
    before = [each.model_copy(update={"replaced": each.replaced or each.slot in slots}) for each in documents]
    return (*before, *(each.model_copy(update={"version": versions[each.slot] + 1}) for each in new))


def _answers(dossier: Dossier, items: Sequence[Marked], message: Supplement) -> None:
    """Raises Refusal 422 that lists what is still missing or as it was, and what was not asked for."""
    asked = {item.path: item for item in items}
    wrong: list[Problem] = [
        {
            "path": path,
            "code": "still_missing",
            "vi": f"Chưa bổ sung: {item.name}.",
            "en": f"Still missing: {item.name}.",
        }
        for path, item in asked.items()
        if path not in message.changed or not _is_new(dossier, item, message)
    ]
    wrong += [
        {
            "path": path,
            "code": "not_asked",
            "vi": "Mục này không được yêu cầu bổ sung.",
            "en": "This was not asked for.",
        }
        for path in message.changed
        if path not in asked
    ]
    if wrong:
        raise Refusal(
            "supplement_incomplete",
            "Phần bổ sung chưa đúng với yêu cầu; xem từng mục.",
            "The supplement does not match what was asked for; see each.",
            422,
            tuple(wrong),
        )


def _is_new(dossier: Dossier, item: Marked, message: Supplement) -> bool:
    """Whether something was supplied for this mark: a document, or a value that is not the one that was wrong."""
    if item.kind == "document":
        return any(f"documents.{each.slot}" == item.path for each in message.documents)
    new = value(message.form, item.path)
    return new is not None and new != value(dossier.form, item.path)
