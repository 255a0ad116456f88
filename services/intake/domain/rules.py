"""What a schema cannot say of a form: dates against each other, numbers of people against their birth, and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.working_days import next_working_day
from services.intake.domain import kinds
from services.intake.domain.fees import in_force
from services.intake.domain.kinds import day_of
from services.intake.domain.paths import Place, beside, dotted, met, places, put
from services.intake.domain.problem import Problems
from services.intake.domain.procedure import CopyRule, FormRule, LateRule, PageRule, Procedure
from services.intake.domain.schema import Schema, tell

_MOST = 10_000  # copies or pages in one dossier; more is a slip of the keyboard


@dataclass(frozen=True, slots=True)
class Judged:
    """One value that a rule judges, where it stands, and what it may be compared with."""

    rule: FormRule
    value: Any
    place: Place
    form: Mapping[str, Any]
    titles: Mapping[str, str]
    today: date
    wrong: Problems

    def fails(self, vi: str, en: str) -> None:
        self.wrong.add(dotted(self.place), self.rule.rule, self.rule.vi or vi, self.rule.en or en)

    def others(self) -> list[Any]:
        """What stands at the other path: beside this value, or anywhere when that is in a list of its own."""
        if self.rule.other == "today":
            return [self.today.isoformat()]
        path = self.rule.other or ""
        if beside(self.form, path, self.place) is not None:
            return [sound(self.form, path, self.place, self.wrong)]
        return [value for place, value in places(self.form, path) if not self.wrong.at(dotted(place))]

    def days(self) -> list[date]:
        return [day for day in map(day_of, self.others()) if day is not None]

    def title(self) -> str:
        """What the form calls the other field."""
        return self.titles.get(self.rule.other or "") or str(self.rule.other)


def sound(form: Any, path: str | None, place: Place, wrong: Problems) -> Any:
    """The value at `path` that belongs to `place`, as far as nothing was found wrong with it."""
    found = beside(form, path, place) if path is not None else None
    return None if found is None or wrong.at(dotted(found[0])) else found[1]


def hide(schema: Schema, form: Mapping[str, Any], wrong: Problems) -> None:
    """A field whose own condition does not hold is not in the form."""
    for path, when in schema.conditions:
        if not met(when, form):
            for place, _ in places(form, path):
                tell("hidden", dotted(place), wrong)


def keep(schema: Schema, form: dict[str, Any], today: date, wrong: Problems) -> None:
    """Puts every name, phone and so on into the form in which it is kept."""
    ids: list[tuple[str, Place, str]] = []
    for path, kind in schema.kinds:
        for place, typed in places(form, path):
            where = dotted(place)
            if isinstance(typed, str) and not wrong.at(where):
                put(form, place, kinds.KINDS[kind](typed, where, wrong, today))
                if kind == "citizen_id":
                    ids.append((path.rpartition(".")[0], place, typed))
    for around, place, typed in ids:  # when all birth dates were judged
        born, sex = (sound(form, f"{around}.{name}", place, wrong) for name in ("birth_date", "sex"))
        kinds.agree(typed, day_of(born), sex, dotted(place), wrong)


def judge(rules: tuple[FormRule, ...], schema: Schema, form: dict[str, Any], today: date, wrong: Problems) -> None:
    """Adds to `wrong` what the procedure's own rules say."""
    for rule in rules:
        for place, value in places(form, rule.field):
            if not wrong.at(dotted(place)):
                _RULES[rule.rule](Judged(rule, value, place, form, schema.titles, today, wrong))


def paid(procedure: Procedure, form: dict[str, Any], today: date, wrong: Problems) -> None:
    """The numbers and dates by which fees are counted are such; whole numbers are kept as integers."""
    for rule in (fee.rule for fee in procedure.fees if in_force(fee, today)):
        match rule:
            case CopyRule():
                _counted(rule.copies, 0, form, wrong)
            case PageRule():
                for path, with_it in ((rule.pages, rule.copies), (rule.copies, rule.pages)):
                    _counted(path, 1, form, wrong)
                    for place, _ in places(form, path):
                        if beside(form, with_it, place) is None and not places(form, with_it):
                            tell("required", with_it, wrong)
            case LateRule():
                for place, value in places(form, rule.since):
                    if day_of(value) is None and not wrong.at(dotted(place)):
                        tell("date", dotted(place), wrong)


def _counted(path: str, least: int, form: dict[str, Any], wrong: Problems) -> None:
    for place, value in places(form, path):
        if wrong.at(dotted(place)):
            continue
        if not _is_number(value) or value != value // 1:
            tell("type", dotted(place), wrong)
        elif not least <= value <= _MOST:
            tell("minimum" if value < least else "maximum", dotted(place), wrong, least if value < least else _MOST)
        else:
            put(form, place, int(value))


def _not_after(judged: Judged) -> None:
    day, other = day_of(judged.value), min(judged.days(), default=None)
    if day is not None and other is not None and day > other:
        if judged.rule.other == "today":
            judged.fails("Ngày này không được ở tương lai.", "This date must not be in the future.")
        else:
            judged.fails(
                f"Ngày này không được sau “{judged.title()}” ({other:%d/%m/%Y}).",
                f"This date must not be after {judged.rule.other} ({other}).",
            )


def _not_before(judged: Judged) -> None:
    day, other = day_of(judged.value), max(judged.days(), default=None)
    if day is not None and other is not None and day < other:
        if judged.rule.other == "today":
            judged.fails("Ngày này không được ở quá khứ.", "This date must not be in the past.")
        else:
            judged.fails(
                f"Ngày này không được trước “{judged.title()}” ({other:%d/%m/%Y}).",
                f"This date must not be before {judged.rule.other} ({other}).",
            )


def _at_least(judged: Judged) -> None:
    other = max(filter(_is_number, judged.others()), default=None)
    if _is_number(judged.value) and other is not None and judged.value < other:
        judged.fails(
            f"Số này không được nhỏ hơn “{judged.title()}” ({other}).",
            f"This number must not be less than {judged.rule.other} ({other}).",
        )


def _differs(judged: Judged) -> None:
    if judged.value in judged.others():
        judged.fails(f"Mục này phải khác “{judged.title()}”.", f"This must not be the same as {judged.rule.other}.")


def _working_days_ahead(judged: Judged) -> None:
    day, first = day_of(judged.value), judged.today
    for _ in range(judged.rule.days or 0):
        first = next_working_day(first)
    if day is not None and day < first:
        judged.fails(
            f"Phải báo trước ít nhất {judged.rule.days} ngày làm việc: sớm nhất là ngày {first:%d/%m/%Y}.",
            f"At least {judged.rule.days} working days ahead: {first} at the earliest.",
        )


def _at_least_years(judged: Judged) -> None:
    born, today, years = day_of(judged.value), judged.today, judged.rule.years or 0
    if born is None:
        return
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age < years:
        judged.fails(f"Người này chưa đủ {years} tuổi.", f"This person is younger than {years} years.")


def _citizen_id(judged: Judged) -> None:
    if not isinstance(judged.value, str):
        return
    path = dotted(judged.place)
    kinds.citizen_id(judged.value, path, judged.wrong, judged.today)
    born, sex = (sound(judged.form, at, judged.place, judged.wrong) for at in (judged.rule.other, judged.rule.third))
    kinds.agree(judged.value, day_of(born), sex, path, judged.wrong)


def _of_kind(kind: kinds.Kind) -> Callable[[Judged], None]:
    def keep_one(judged: Judged) -> None:
        if isinstance(judged.value, str):
            kept = kind(judged.value, dotted(judged.place), judged.wrong, judged.today)
            put(judged.form, judged.place, kept)

    return keep_one


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_RULES: Mapping[str, Callable[[Judged], None]] = {
    "not_after": _not_after,
    "not_before": _not_before,
    "at_least": _at_least,
    "differs": _differs,
    "working_days_ahead": _working_days_ahead,
    "at_least_years": _at_least_years,
    "citizen_id": _citizen_id,
    "phone": _of_kind(kinds.phone),
    "tax_code": _of_kind(kinds.tax_code),
}
