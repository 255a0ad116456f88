"""A form's schema in our words: one entry for each wrong field, at its own place."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.errors import Refusal
from services.intake.domain.problem import Problems
from services.intake.domain.schema import compiled


def told(schema: dict[str, Any], form: Any) -> dict[str, tuple[str, str]]:
    """What is said of a wrong form: path to code and Vietnamese words."""
    wrong = Problems()
    compiled({"type": "object", **schema}).check(form, wrong)
    try:
        wrong.raise_any()
    except Refusal as refusal:
        return {error["path"]: (error["code"], error["vi"]) for error in refusal.errors}
    return {}


def test_a_limit_is_told_and_the_forms_own_hint() -> None:
    schema = {"properties": {"pages": {"type": "integer", "minimum": 1, "description": "Số trang / pages"}}}
    assert told(schema, {"pages": 0}) == {"pages": ("minimum", "Phải từ 1 trở lên. Số trang")}


def test_a_pattern_is_explained_by_its_hint_and_never_shown() -> None:
    schema = {"properties": {"number": {"pattern": "^[0-9]{3}$", "description": "3 chữ số / 3 digits"}}}
    assert told(schema, {"number": "x"}) == {"number": ("pattern", "Không đúng dạng. 3 chữ số")}


@pytest.mark.parametrize(
    "hiding",
    [
        {"if": {"required": ["a"]}, "then": {"properties": {"b": False}}},
        {"if": {"required": ["a"]}, "then": {"not": {"required": ["b"]}}},
        {"if": {"required": ["a"]}, "then": {"not": {"anyOf": [{"required": ["b"]}, {"required": ["c"]}]}}},
        {"dependentSchemas": {"a": {"properties": {"b": False}}}},
        {"allOf": [{"if": {"required": ["a"]}, "then": {"properties": {"b": False}}}]},
        {"unevaluatedProperties": False, "if": {"required": ["a"]}, "else": {"properties": {"b": {}}}},
    ],
)
def test_a_field_that_a_condition_hides_is_told_as_hidden(hiding: dict[str, Any]) -> None:
    schema = {"properties": {"a": {}, "c": {}}, **hiding}
    assert {path: code for path, (code, _) in told(schema, {"a": 1, "b": 2}).items()} == {"b": "hidden"}
    assert told(schema, {"b": 2}) == {}


def test_of_several_ways_one_is_needed() -> None:
    schema = {"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}
    assert told(schema, {})["phone"][0] == "anyOf"
    assert told(schema, {"email": 1}) == {}


def test_references_are_followed_to_kinds_and_hints() -> None:
    schema = {
        "properties": {"child": {"$ref": "#/$defs/person"}},
        "$defs": {"person": {"properties": {"phone": {"type": "string", "x-kind": "phone", "description": "Di động"}}}},
    }
    found = compiled(schema)
    assert found.kinds == (("child.phone", "phone"),)
    assert found.hints["child.phone"] == "Di động"


def test_a_kind_that_is_none_is_found_before_anybody_files() -> None:
    with pytest.raises(ValueError, match="child: there is no x-kind 'fax'"):
        compiled({"properties": {"child": {"x-kind": "fax"}}})
