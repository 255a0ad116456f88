"""Every procedure of the catalogue: its example is right, each fault put into it is told, its fees are those of its preview."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Refusal
from contracts.money import FeeLine, total
from services.intake.domain import fees
from services.intake.domain import form as forms
from services.intake.domain.catalogue import Catalogue
from services.intake.domain.form import Form, Schemas
from services.intake.domain.procedure import Procedure
from tests.forms import CATALOGUE, SCHEMAS, TODAY, refused
from tests.unit.intake.procedures import KNOWN, PROCEDURES, right
from tests.unit.intake.test_form import ANY_JSON

CODES = sorted(code for code in CATALOGUE.offered if CATALOGUE.on(code, TODAY) is not None)


def in_force(code: str) -> Procedure:
    found = CATALOGUE.on(code, TODAY)
    assert found is not None
    return found


def example(code: str) -> dict[str, Any]:
    """The catalogue's own example, with an upload for whatever must be uploaded."""
    procedure = in_force(code)
    form = copy.deepcopy(CATALOGUE.example(procedure))
    for number, paper in enumerate(procedure.documents):
        if paper.required and not paper.at_desk and paper.when is None:
            form.setdefault("documents", {})[paper.key] = [f"01890a5d-ac96-774b-bcce-b302099a80{number:02}"]
    return form


def checked(form: Any) -> Form:
    return forms.check(form, CATALOGUE, TODAY, SCHEMAS)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from objects(inner, (*path, key))


def at(form: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        form = form[part]
    return form


def dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_every_procedure_is_right_and_stays_so_under_its_own_version(code: str) -> None:
    form = example(code)
    found = checked(form)
    again = forms.check_details(in_force(code), found.agency, found.filed(), CATALOGUE, TODAY, SCHEMAS)
    assert again == found
    assert again.filed() == found.filed()


@pytest.mark.parametrize("code", CODES)
def test_text_in_another_normal_form_makes_the_same_dossier(code: str) -> None:
    form = example(code)
    decomposed = json.loads(unicodedata.normalize("NFD", json.dumps(form, ensure_ascii=False)))
    assert checked(decomposed).filed() == checked(form).filed()


@given(st.data())
@settings(max_examples=200)
def test_every_fault_that_is_put_into_a_form_is_told_at_its_place(data: st.DataObject) -> None:
    form = example(data.draw(st.sampled_from(CODES)))
    # The procedure and the case decide what else is asked, so they stay.
    places = [path for path in leaves(form) if path[0] not in ("procedure", "case", "at_desk")]
    broken = data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=6, unique=True))
    unknown = data.draw(st.lists(st.sampled_from(list(objects(form))), max_size=3, unique=True))
    for path in broken:
        at(form, path[:-1])[path[-1]] = data.draw(st.sampled_from([None, {}, [], "\x00", float("nan")]))
    for path in unknown:
        at(form, path)["never_asked"] = 1
    told = refused(form)
    assert all(any(where == dotted(path) or where.startswith(f"{dotted(path)}.") for where in told) for path in broken)
    assert {dotted((*path, "never_asked")) for path in unknown} <= set(told)


@given(st.data(), ANY_JSON)
@settings(max_examples=400)
def test_whatever_stands_anywhere_the_answer_is_a_form_or_all_that_is_wrong(data: st.DataObject, value: Any) -> None:
    """In the example of every procedure, and in the forms that use what a data file can say; the preview never crashes either."""
    if data.draw(st.booleans()):
        form, catalogue = example(data.draw(st.sampled_from(CODES))), CATALOGUE
    else:
        form, catalogue = right(data.draw(st.sampled_from(sorted(PROCEDURES)))), KNOWN
    path = data.draw(st.sampled_from([path for path in (*leaves(form), *objects(form)) if path]))
    at(form, path[:-1])[path[-1]] = value
    before = copy.deepcopy(form)
    for judge in (forms.check, previewed):
        refusal = refusal_of(judge, form, catalogue)
        if refusal is not None:
            assert refusal.status == 422
            assert refusal.errors
            assert len(json.dumps(refusal.errors, ensure_ascii=False).encode()) < 100_000
    assert repr(form) == repr(before)


def previewed(form: Any, catalogue: Catalogue, today: date, schemas: Schemas) -> tuple[FeeLine, ...]:
    procedure, seen = forms.for_fees(form, catalogue, today, schemas)
    return fees.assess(procedure, seen, True, today)


def refusal_of(judge: Callable[..., Any], form: Any, catalogue: Catalogue) -> Refusal | None:
    try:
        judge(form, catalogue, TODAY, SCHEMAS)
    except Refusal as refusal:
        return refusal
    return None


def varied(schema: Any, value: Any, data: st.DataObject) -> Any:
    """The value with other numbers, choices and truth values that its schema allows, and without some optional fields."""
    if isinstance(value, dict) and "properties" in schema:
        needed = set(schema.get("required", ()))
        return {
            name: varied(schema["properties"].get(name, {}), inner, data)
            for name, inner in value.items()
            if name in needed or data.draw(st.integers(0, 4))
        }
    if isinstance(value, list):
        return [varied(schema.get("items", {}), inner, data) for inner in value]
    if "enum" in schema:
        return data.draw(st.sampled_from(schema["enum"]))
    if isinstance(value, bool):
        return data.draw(st.booleans())
    if isinstance(value, int):
        least = schema.get("minimum", 0)
        return data.draw(st.integers(least, min(schema.get("maximum", 300), least + 300)))
    return value


@given(st.data(), st.booleans())
@settings(max_examples=300)
def test_the_preview_is_the_bill_to_the_dong(data: st.DataObject, online: bool) -> None:
    """What is previewed for a form is what it costs when it is filed; a form whose fees are unknown is never taken."""
    form = example(data.draw(st.sampled_from(CODES)))
    form["details"] = varied(in_force(form["procedure"]).details, form["details"], data)
    try:
        procedure, seen = forms.for_fees(form, CATALOGUE, TODAY, SCHEMAS)
    except Refusal:
        with pytest.raises(Refusal):
            checked(form)
        return
    preview = fees.assess(procedure, seen, online, TODAY)
    try:
        filed = checked(form)
    except Refusal:
        return
    assert preview == fees.assess(procedure, filed.filed(), online, TODAY)
    assert total(preview) == sum(line.amount for line in preview) >= 0


def preview_of(form: Any) -> list[tuple[str, int]]:
    procedure, seen = forms.for_fees(form, KNOWN, TODAY, SCHEMAS)
    return [(line.code, line.amount) for line in fees.assess(procedure, seen, True, TODAY)]


def test_a_preview_needs_only_what_the_fees_depend_on() -> None:
    papers = right("copies")["details"]["papers"]
    seen = {"procedure": "9.000001", "agency": "H55.31", "details": {"papers": papers}, "applicant": {"name": "1"}}
    assert preview_of(seen) == [("ban-sao", 3 * 4000 + 4000 + 3000)]
    with pytest.raises(Refusal) as refusal:
        preview_of({"procedure": "9.000001", "agency": "X", "details": {"papers": [{"pages": 0, "copies": 1}]}})
    assert {(error["path"], error["code"]) for error in refusal.value.errors} == {
        ("agency", "enum"),
        ("details.papers.0.pages", "minimum"),
    }


@pytest.mark.parametrize(
    "typed", [None, [], {}, {"procedure": "9"}, {"procedure": "9.000004", "agency": "H55.31"}, "\ud800"]
)
def test_a_preview_of_nothing_in_force_is_refused(typed: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        preview_of(typed)
    assert refusal.value.status == 422


def test_a_correction_changes_neither_agency_nor_procedure() -> None:
    form = right("birth")
    procedure = KNOWN.procedures["9.000002"]
    assert forms.check_details(procedure, "H55.32", form, KNOWN, TODAY, SCHEMAS).agency == "H55.32"
    with pytest.raises(Refusal) as refusal:
        forms.check_details(procedure, "H55.31", form | {"procedure": "9.000001"}, KNOWN, TODAY, SCHEMAS)
    assert {(error["path"], error["code"]) for error in refusal.value.errors} == {
        ("agency", "const"),
        ("procedure", "const"),
    }


def test_of_very_many_errors_a_hundred_are_told() -> None:
    form = example(CODES[0])
    form["details"] |= {f"unknown{number}": 1 for number in range(5000)}
    with pytest.raises(Refusal) as refusal:
        checked(form)
    assert len(refusal.value.errors) == 100
    assert "hơn 100 chỗ" in refusal.value.vi
