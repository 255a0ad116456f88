"""What breaks whom: every kind of change, judged in both directions, and believed only as far as data bear it out."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field

from contracts.event import Data, Part
from tests.contract.classes import made, schema_of

compatibility = pytest.importorskip("motcua.compatibility", reason="jsoncompat has no build for this Python")

Fields = dict[str, Any]
Broken = dict[str, str]


class Line(Part):
    code: str


class LineWithName(Part):
    code: str
    name: str


class LineWithNote(Part):
    code: str
    note: str | None = None


class Other(Part):
    number: int


Ranged = Annotated[int, Field(ge=0, le=10)]

# name of the change: fields before, fields now, what breaks backward, what breaks forward
CHANGES: dict[str, tuple[Fields, Fields, Broken, Broken]] = {
    "an optional field is added": ({"a": str}, {"a": str, "b": (str, "")}, {}, {}),
    "a nullable field is added": ({"a": str}, {"a": str, "b": (str | None, None)}, {}, {}),
    "an optional field is added inside": ({"a": Line}, {"a": LineWithNote}, {}, {}),
    "an optional field is added inside a list": ({"a": tuple[Line, ...]}, {"a": tuple[LineWithNote, ...]}, {}, {}),
    "a field changes places": ({"a": str, "b": int}, {"b": int, "a": str}, {}, {}),
    "a field is described": ({"a": str}, {"a": Annotated[str, Field(description="x", examples=["y"])]}, {}, {}),
    "an optional field goes": ({"a": str, "b": (int, 0)}, {"a": str}, {}, {}),
    "another spelling of the same range": (
        {"a": Annotated[int, Field(gt=0)]},
        {"a": Annotated[int, Field(ge=1)]},
        {},
        {},
    ),
    "alternatives change places": ({"a": int | str}, {"a": str | int}, {}, {}),
    "a required field is added": ({"a": str}, {"a": str, "b": int}, {"b": "new"}, {}),
    "a required field is added inside": ({"a": Line}, {"a": LineWithName}, {"a.name": "new"}, {}),
    "a required field is added inside a list": (
        {"a": tuple[Line, ...]},
        {"a": tuple[LineWithName, ...]},
        {"a[].name": "new"},
        {},
    ),
    "a required field is added inside what may be null": (
        {"a": (Line | None, None)},
        {"a": (LineWithName | None, None)},
        {"a.name": "new"},
        {},
    ),
    "a required field goes": ({"a": str, "b": int}, {"a": str}, {}, {"b": "new"}),
    "an optional field becomes required": ({"a": (str, "")}, {"a": str}, {"a": "required"}, {}),
    "a required field becomes optional": ({"a": str}, {"a": (str, "")}, {}, {"a": "required"}),
    "a required field is renamed": ({"a": str}, {"b": str}, {"b": "renamed"}, {"a": "renamed"}),
    "an optional field is renamed": ({"a": (int, 0)}, {"b": (int, 0)}, {"b": "renamed"}, {"a": "renamed"}),
    "another type, with a range": ({"a": str}, {"a": Ranged}, {"a": "type"}, {"a": "type"}),
    "an id becomes a number": ({"a": UUID}, {"a": int}, {"a": "type"}, {"a": "type"}),
    "another type": ({"a": str}, {"a": int}, {"a": "type"}, {"a": "type"}),
    "whole numbers become numbers": ({"a": int}, {"a": float}, {}, {"a": "type"}),
    "one becomes many": ({"a": str}, {"a": tuple[str, ...]}, {"a": "type"}, {"a": "type"}),
    "the items' type changes": ({"a": tuple[str, ...]}, {"a": tuple[int, ...]}, {"a[]": "type"}, {"a[]": "type"}),
    "the values of a mapping change": ({"a": dict[str, str]}, {"a": dict[str, int]}, {"a.*": "type"}, {"a.*": "type"}),
    "a part becomes another": (
        {"a": Line},
        {"a": Other},
        {"a.number": "new"},
        {"a.code": "new"},
    ),
    "null becomes possible": ({"a": str}, {"a": str | None}, {}, {"a": "type"}),
    "null is possible no more": ({"a": str | None}, {"a": str}, {"a": "type"}, {}),
    "an alternative is added": ({"a": str}, {"a": str | int}, {}, {"a": "type"}),
    "a value more": ({"a": Literal["x"]}, {"a": Literal["x", "y"]}, {}, {"a": "enum"}),
    "a value less": ({"a": Literal["x", "y"]}, {"a": Literal["x"]}, {"a": "enum"}, {}),
    "a number more": ({"a": Literal[1, 2]}, {"a": Literal[1, 2, 3]}, {}, {"a": "enum"}),
    "another constant": ({"a": Literal["VND"]}, {"a": Literal["USD"]}, {"a": "enum"}, {"a": "enum"}),
    "a constant becomes free": ({"a": Literal["VND"]}, {"a": str}, {}, {"a": "enum"}),
    "a higher minimum": ({"a": Ranged}, {"a": Annotated[int, Field(ge=1, le=10)]}, {"a": "minimum"}, {}),
    "a lower minimum": ({"a": Ranged}, {"a": Annotated[int, Field(ge=-1, le=10)]}, {}, {"a": "minimum"}),
    "a higher maximum": ({"a": Ranged}, {"a": Annotated[int, Field(ge=0, le=11)]}, {}, {"a": "maximum"}),
    "a range that moves": (
        {"a": Ranged},
        {"a": Annotated[int, Field(ge=1, le=11)]},
        {"a": "minimum"},
        {"a": "maximum"},
    ),
    "a range where there was none": ({"a": int}, {"a": Annotated[int, Field(ge=0)]}, {"a": "minimum"}, {}),
    "a step": ({"a": int}, {"a": Annotated[int, Field(multiple_of=1000)]}, {"a": "multipleOf"}, {}),
    "a least length": ({"a": str}, {"a": Annotated[str, Field(min_length=1)]}, {"a": "minLength"}, {}),
    "a greatest length": ({"a": str}, {"a": Annotated[str, Field(max_length=9)]}, {"a": "maxLength"}, {}),
    "a least number of items": (
        {"a": tuple[str, ...]},
        {"a": Annotated[tuple[str, ...], Field(min_length=1)]},
        {"a": "minItems"},
        {},
    ),
    "a pattern": ({"a": str}, {"a": Annotated[str, Field(pattern="^x$")]}, {"a": "pattern"}, {}),
    "another pattern": (
        {"a": Annotated[str, Field(pattern="^x$")]},
        {"a": Annotated[str, Field(pattern="^y$")]},
        {"a": "pattern"},
        {"a": "pattern"},
    ),
    "text becomes an id": ({"a": str}, {"a": UUID}, {"a": "format"}, {}),
    "a time becomes a day": ({"a": AwareDatetime}, {"a": date}, {"a": "format"}, {"a": "format"}),
    "another default": ({"a": (str, "VND")}, {"a": (str, "USD")}, {"a": "default"}, {"a": "default"}),
}


def judged(writer: type[Data], reader: type[Data]) -> Broken:
    found = compatibility.breaks(schema_of(writer), schema_of(reader))
    told = {each.field: str(each.what) for each in found}
    assert len(told) == len(found), "one sentence for each field"
    return told


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_breaks_exactly_these_fields_in_exactly_these_directions(change: str) -> None:
    before, now, backward, forward = CHANGES[change]
    old, new = made(before), made(now)
    assert judged(old, new) == backward, "a new reader, old events"
    assert judged(new, old) == forward, "an old reader, new events"


def test_a_reader_that_refuses_unknown_fields_breaks_with_every_new_one() -> None:
    closed = {**schema_of(made({"a": str})), "additionalProperties": False}
    (found,) = compatibility.breaks(schema_of(made({"a": str, "b": (str, "")})), closed)
    assert (found.field, found.what) == ("b", "refused")


def test_a_union_that_gains_a_kind_is_read_by_new_readers_only() -> None:
    class Cash(Part):
        by: Literal["cash"]

    class Card(Part):
        by: Literal["card"]
        last: str

    class Transfer(Part):
        by: Literal["transfer"]
        bank: str

    old = made({"a": Annotated[Cash | Card, Field(discriminator="by")]})
    new = made({"a": Annotated[Cash | Card | Transfer, Field(discriminator="by")]})
    assert (judged(old, new), judged(new, old)) == ({}, {"a": "type"})


def test_a_schema_that_refers_to_itself_is_not_guessed_at() -> None:
    class Tree(Part):
        branches: tuple[Tree, ...] = ()

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    tree = schema_of(made({"a": Tree}))
    with pytest.raises(ValueError, match=r"Tree: .*refers to itself"):
        compatibility.breaks(tree, tree)


def test_what_cannot_be_compared_is_an_error_and_no_approval() -> None:
    fine = schema_of(made({"a": Annotated[float, Field(multiple_of=0.25)]}))
    with pytest.raises(ValueError, match="multipleOf"):
        compatibility.breaks(fine, fine)


numbers = st.integers(-(2**53), 2**53)
lines = st.builds(LineWithNote, code=st.text(), note=st.none() | st.text())
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    int: numbers,
    Ranged: st.integers(0, 10),
    Annotated[int, Field(ge=3, le=20)]: st.integers(3, 20),
    float: numbers,
    bool: st.booleans(),
    str: st.text(),
    Annotated[str, Field(min_length=2)]: st.text(min_size=2),
    Annotated[str, Field(pattern="^[a-z]*$")]: st.text("abz"),
    Literal["x", "y"]: st.sampled_from("xy"),
    Literal["x", "y", "z"]: st.sampled_from("xyz"),
    UUID: st.uuids(),
    date: st.dates(),
    AwareDatetime: st.datetimes(timezones=st.timezones()),
    str | None: st.none() | st.text(),
    int | str: numbers | st.text(),
    Line: st.builds(Line, code=st.text()),
    LineWithName: st.builds(LineWithName, code=st.text(), name=st.text()),
    LineWithNote: lines,
    tuple[Line, ...]: st.lists(st.builds(Line, code=st.text()), max_size=3).map(tuple),
    tuple[LineWithNote, ...]: st.lists(lines, max_size=3).map(tuple),
}


@st.composite
def fields(draw: st.DrawFn) -> dict[str, tuple[Any, Any]]:
    """Up to four fields, each with its kind and, where it may be left out, a default."""
    found = {}
    for name in draw(st.sets(st.sampled_from("abcd"), max_size=4)):
        kind = draw(st.sampled_from(list(KINDS)))
        default = draw(st.just(...) | KINDS[kind])
        found[name] = (kind, default)
    return found


@st.composite
def alike(draw: st.DrawFn) -> tuple[dict[str, tuple[Any, Any]], dict[str, tuple[Any, Any]]]:
    """The fields of two classes, most of them the same in both."""
    before = draw(fields())
    changed = draw(fields())
    kept = {name: each for name, each in before.items() if draw(st.integers(0, 3))}
    return before, {**changed, **kept}


def changes_that_pass() -> list[tuple[Any, Any]]:
    """Pairs of different kinds, of which the gate says that the second reads the first."""
    schemas = {kind: schema_of(made({"a": kind})) for kind in KINDS}
    pairs = [(was, now) for was in KINDS for now in KINDS if was != now]
    return [(was, now) for was, now in pairs if not compatibility.breaks(schemas[was], schemas[now])]


@given(kinds=st.sampled_from(changes_that_pass()), data=st.data())
def test_a_kind_that_may_become_another_is_read_as_it_and_means_the_same(
    kinds: tuple[Any, Any], data: st.DataObject
) -> None:
    said = made({"a": kinds[0]})(a=data.draw(KINDS[kinds[0]])).model_dump_json()
    heard = made({"a": kinds[1]}).model_validate_json(said).model_dump_json()
    assert _same(json.loads(said), json.loads(heard))


@given(pair=alike(), data=st.data())
def test_what_the_gate_lets_pass_is_read_and_means_the_same(pair: tuple[Fields, Fields], data: st.DataObject) -> None:
    """Whatever one class writes, with or without its optional fields, the other reads, when the gate has nothing to say."""
    written, read = made(pair[0], "Writer"), made(pair[1], "Reader")
    if compatibility.breaks(schema_of(written), schema_of(read)):
        return
    values = {name: data.draw(KINDS[kind]) for name, (kind, _) in pair[0].items()}
    left_out = {name for name, (_, default) in pair[0].items() if default is not ... and data.draw(st.booleans())}
    said = written(**{name: value for name, value in values.items() if name not in left_out})
    for text in (said.model_dump_json(), said.model_dump_json(exclude_unset=True)):
        heard = read.model_validate_json(text).model_dump(mode="json")
        for name in json.loads(said.model_dump_json()):
            if name in pair[1]:
                assert _same(said.model_dump(mode="json")[name], heard[name]), name


def _same(said: Any, heard: Any) -> bool:
    """Optional fields that only the reader knows stand beside what was said."""
    if isinstance(said, dict):
        return all(name in heard and _same(each, heard[name]) for name, each in said.items())
    if isinstance(said, list):
        return len(said) == len(heard) and all(map(_same, said, heard))
    return bool(said == heard)
