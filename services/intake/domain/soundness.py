"""Whether a procedure is sound: its form can be filled in as its examples say, its fees can be counted, its way be gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

import jsonschema_rs

from services.intake.domain import whole_form
from services.intake.domain.files import Mistake, of_schema
from services.intake.domain.procedure import (
    ChoiceRule,
    CopyRule,
    FormRule,
    LateRule,
    PageRule,
    Procedure,
    When,
)

_TOLD = (
    "code", "name", "domain", "levels", "online", "effective_from", "payment_days", "supplement_days", "result",
    "delivery", "details",
)  # fmt: skip
_TOLD_WHERE_THERE = ("agencies", "effective_to", "appointment", "cases")


def mistakes(
    file: str, procedure: Procedure, takers: Collection[str], agencies: Collection[str], applicant: Mapping[str, Any]
) -> Iterator[Mistake]:
    """All that is wrong. `takers` are the agencies that take the procedure, `agencies` are all that there are."""
    wrong = [Mistake(file, "details", each.text) for each in of_schema(file, "details", procedure.details)]
    if wrong:
        yield from wrong
        return
    if not takers:
        yield Mistake(file, "levels", "no agency takes it")
    yield from (Mistake(file, path, text) for path, text in _of_words(procedure.details, "details"))
    yield from (Mistake(file, path, text) for path, text in _of_the_way(procedure, agencies))
    schema = whole_form.schema(procedure, sorted(takers), applicant)
    known = {"today", *_paths(schema, ())}
    for path, field in _named(procedure):
        if field not in known:
            yield Mistake(file, path, f"there is no field {field} in the form")
    if takers:
        example = whole_form.example(procedure, min(takers), applicant)
        for error in _validator(schema).iter_errors(example):
            yield Mistake(file, f"example: {'.'.join(map(str, error.instance_path))}", error.message)
    yield from (Mistake(file, path, text) for path, text in _of_whens(procedure))


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def uncertain(file: str, procedure: Procedure) -> Iterator[Mistake]:
    """Facts of a data file that do not say how certain they are, and certainty of nothing."""
    needed = {*_TOLD, *(name for name in _TOLD_WHERE_THERE if getattr(procedure, name))}
    for name in sorted(needed - procedure.certainty.keys()):
        yield Mistake(file, f"certainty.{name}", "how certain is it: V, 2 or M?")
    for name in sorted(procedure.certainty.keys() - needed):
        yield Mistake(file, f"certainty.{name}", "is certainty of nothing")


def _of_words(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Every field has a title, a description in both languages and examples that fit."""
    for name, field in schema.get("properties", {}).items():
        at = f"{path}.{name}"
        if not isinstance(field, Mapping):
            continue
        if not field.get("title"):
            yield at, "has no title"
        if " / " not in field.get("description", ""):
            yield at, "has no description “tiếng Việt / English”"
        if not field.keys() & {"examples", "enum", "properties"}:
            yield at, "has no examples"
        validator = _validator(dict(field))
        for example in field.get("examples", ()):
            yield from ((at, f"example: {error.message}") for error in validator.iter_errors(example))
        yield from _of_words(field, at)
        yield from _of_words(field.get("items", {}), at)


def _of_the_way(procedure: Procedure, agencies: Collection[str]) -> Iterator[tuple[str, str]]:
    if procedure.process[-1].at != "receiving":
        yield "process", "ends at the receiving agency, which hands over the result"
    for step in procedure.process:
        if step.at not in {"receiving", "above", *agencies}:
            yield f"process.{step.key}.at", f"no such agency: {step.at}"


def _of_whens(procedure: Procedure) -> Iterator[tuple[str, str]]:
    cases = {case.key for case in procedure.cases}
    for path, when in _whens(procedure):
        if when.field == "case" and (unknown := sorted(set(map(str, when.one_of)) - cases)):
            yield path, f"no such case: {', '.join(unknown)}"


def _named(procedure: Procedure) -> Iterator[tuple[str, str]]:
    """(place in the file, dotted path in the form) of every field that something goes by."""
    for fee in procedure.fees:
        match fee.rule:
            case CopyRule():
                yield f"fees.{fee.code}.rule.copies", fee.rule.copies
            case PageRule():
                yield f"fees.{fee.code}.rule.pages", fee.rule.pages
                yield f"fees.{fee.code}.rule.copies", fee.rule.copies
            case ChoiceRule():
                yield f"fees.{fee.code}.rule.field", fee.rule.field
            case LateRule():
                yield f"fees.{fee.code}.rule.since", fee.rule.since
            case _:
                pass
    for place, rule in enumerate(procedure.rules):
        yield from ((f"rules.{place}", field) for field in _fields_of(rule))
    yield from ((path, when.field) for path, when in _whens(procedure))


def _fields_of(rule: FormRule) -> Iterator[str]:
    yield from (field for field in (rule.field, rule.other, rule.third) if field is not None)


def _whens(procedure: Procedure) -> Iterator[tuple[str, When]]:
    for fee in procedure.fees:
        yield from ((f"fees.{fee.code}.reductions", reduction.when) for reduction in fee.reductions)
    for paper in procedure.documents:
        if paper.when is not None:
            yield f"documents.{paper.key}.when", paper.when
    for step in procedure.process:
        if step.when is not None:
            yield f"process.{step.key}.when", step.when
    yield from _whens_of(procedure.details, "details")


def _whens_of(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, When]]:
    for name, field in schema.get("properties", {}).items():
        if isinstance(field, Mapping):
            if "x-when" in field:
                yield f"{path}.{name}.x-when", When.model_validate(field["x-when"])
            yield from _whens_of(field, f"{path}.{name}")


def _paths(schema: Any, above: tuple[str, ...]) -> Iterator[str]:
    """The dotted paths of all fields; a list's elements have the list's path."""
    if not isinstance(schema, Mapping):
        return
    for name, field in schema.get("properties", {}).items():
        here = (*above, name)
        yield ".".join(here)
        yield from _paths(field, here)
    yield from chain(
        _paths(schema.get("items"), above), _paths(schema.get("then"), above), _paths(schema.get("else"), above)
    )
