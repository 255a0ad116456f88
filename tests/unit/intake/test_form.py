"""A form: everything that is wrong is told at once, whatever was sent; what is right is kept in one form."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.intake.domain import form
from services.intake.domain.form import Schemas
from tests.forms import CATALOGUE, PROCEDURE, TODAY, catalogue_of, checked, filled, refused

LETTERS = st.text("abcdefghijklmnopqrstuvwxyzăâđêôơưàảãáạấệỉữỹ", min_size=2, max_size=8).map(str.capitalize)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text()
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
FIELDS = (
    ("procedure",), ("agency",), ("applicant",), ("details",),
    *(("applicant", name) for name in CATALOGUE.applicant["properties"]),
    *(("details", name) for name in PROCEDURE.details["properties"]),
)  # fmt: skip


@cache
def nested(levels: int) -> Any:
    inner: Any = "x"
    for _ in range(levels):
        inner = [inner]
    return inner


def with_(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A right form with one place holding something else."""
    form: dict[str, Any] = filled()
    place = form
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return form


@given(ANY_JSON)
@settings(max_examples=300)
def test_whatever_is_sent_instead_of_a_form_is_refused_and_nothing_else_happens(typed: Any) -> None:
    assert refused(typed)


@given(st.sampled_from(FIELDS), ANY_JSON)
@settings(max_examples=400)
def test_whatever_stands_in_a_field_is_kept_or_refused_at_that_field(path: tuple[str, ...], value: Any) -> None:
    """A citizen ID contradicts a birth date or sex that is another one: that is told at the citizen ID."""
    wrong = refused(with_(path, value))
    here = ".".join(path)
    assert all(place == here or place.startswith(f"{here}.") or place == "applicant.citizen_id" for place in wrong)


@given(st.text(min_size=1).filter(lambda name: name not in CATALOGUE.applicant["properties"]), ANY_JSON)
def test_a_field_of_any_name_that_is_not_in_the_form_is_refused_in_words_that_can_be_sent(
    name: str, value: Any
) -> None:
    wrong = refused(with_(("applicant", name), value))
    assert wrong
    json.dumps(list(wrong), ensure_ascii=False).encode()


@given(
    st.lists(LETTERS, min_size=2, max_size=5),
    st.dates(date(1900, 1, 1), TODAY),
    st.sampled_from(["nam", "nữ"]),
    st.from_regex(r"[0-9]{3}", fullmatch=True),
    st.from_regex(r"[0-9]{6}", fullmatch=True),
)
def test_a_right_form_always_passes(names: list[str], born: date, sex: str, province: str, rest: str) -> None:
    century_and_sex = (born.year // 100 - 19) * 2 + (sex == "nữ")
    typed = filled(
        name=" ".join(names),
        citizen_id=f"{province}{century_and_sex}{born.year % 100:02}{rest}",
        birth_date=born.isoformat(),
        sex=sex,
    )
    assert refused(typed) == {}
    assert checked(typed).applicant.birth_date == born


def test_every_wrong_field_is_told_at_once_each_in_both_languages() -> None:
    wrong = refused(
        {
            "procedure": "1.002809",
            "agency": "H55.31",
            "applicant": {
                "name": "Anh1",
                "citizen_id": "12",
                "birth_date": "2030-01-01",
                "sex": "male",
                "phone": "19001234",
                "email": "anh@",
                "nickname": "Ánh",
            },
            "details": {"licence_number": 10190012345, "licence_class": "Z"},
            "fee": 0,
        }
    )
    assert wrong == {
        "agency": {"wrong_agency"},
        "applicant.name": {"name"},
        "applicant.citizen_id": {"pattern"},
        "applicant.birth_date": {"future"},
        "applicant.sex": {"enum"},
        "applicant.phone": {"phone"},
        "applicant.email": {"email"},
        "applicant.nickname": {"additionalProperties"},
        "details.licence_number": {"type"},
        "details.licence_class": {"enum"},
        "details.reason": {"required"},
        "fee": {"additionalProperties"},
    }


def test_a_form_for_an_unknown_procedure_still_has_all_its_other_errors_told() -> None:
    typed = filled(birth_date="1990-02-30") | {"procedure": "9.999999", "agency": 7, "extra": 1}
    assert refused(typed) == {
        "procedure": {"enum"},
        "agency": {"type"},
        "applicant.birth_date": {"date"},
        "extra": {"additionalProperties"},
    }
    del typed["procedure"]
    assert refused(typed)["procedure"] == {"required"}


def test_an_empty_form_says_what_is_missing() -> None:
    missing = {"procedure", "agency", "applicant", "details"}
    assert refused({}) == {name: {"required"} for name in missing}
    assert refused(with_(("applicant",), {})) == {
        **{f"applicant.{name}": {"required"} for name in ("name", "citizen_id", "birth_date", "sex")},
        "applicant.phone": {"no_contact"},
    }


def test_a_way_to_reach_the_citizen_is_needed_and_one_is_enough() -> None:
    assert refused(filled(phone=None)) == refused(filled(email=None)) == {}
    assert refused(filled(phone=None, email=None)) == {"applicant.phone": {"no_contact"}}


def test_a_contact_that_was_given_wrong_is_not_called_missing() -> None:
    assert refused(filled(phone=912345678, email=None)) == {"applicant.phone": {"type"}}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("hidden",), "hidden"),
        (("applicant", "role"), "applicant.role"),
        (("details", "fee"), "details.fee"),
        (("details", "x" * 5000), f"details.{'x' * 64}"),
        (("details", "\ud800\x00"), "details.\ufffd\ufffd"),
    ],
)
def test_a_hidden_field_is_named_where_it_stands(path: tuple[str, ...], shown: str) -> None:
    assert refused(with_(path, True)) == {shown: {"additionalProperties"}}


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, float("nan"), [], {}, [[]], "", " \t\n", "\x00", "\ud800"])
def test_a_value_of_the_wrong_type_or_without_content_is_refused_in_every_field(
    path: tuple[str, ...], value: Any
) -> None:
    assert ".".join(path) in {place[: len(".".join(path))] for place in refused(with_(path, value))}


@pytest.mark.parametrize("levels", [9, 900, 50_000])
@pytest.mark.parametrize("path", FIELDS)
def test_deep_nesting_is_refused(path: tuple[str, ...], levels: int) -> None:
    assert {"too_deep"} in refused(with_(path, nested(levels))).values()


@pytest.mark.parametrize("path", FIELDS)
def test_a_huge_value_is_refused_and_not_repeated(path: tuple[str, ...]) -> None:
    for huge in ("9" * 200_000, ["x"] * 20_000, 10**4000):
        wrong = refused(with_(path, huge))
        assert wrong
        assert len(json.dumps(list(wrong))) < 1000


def test_text_in_another_normal_form_is_the_same_text() -> None:
    """What a Mac's keyboard or a PDF gives: NFD."""
    typed = filled(name="Nguyễn Thị Ánh", sex="nữ", details={"reason": "hết hạn"})
    decomposed = json.loads(unicodedata.normalize("NFD", json.dumps(typed, ensure_ascii=False)))
    assert decomposed != typed
    assert checked(decomposed) == checked(typed)
    assert checked(decomposed).applicant.name == "Nguyễn Thị Ánh"


@pytest.mark.parametrize("around", ["\ufeff{}", "{}\u200b", "\n{}\n", " {}\t", "\u2060{}\u00ad"])
def test_what_cannot_be_seen_is_dropped_from_every_field(around: str) -> None:
    typed = filled()
    clean = checked(typed)
    dirty = {
        name: {inner: around.format(value) for inner, value in part.items()}
        if isinstance(part, dict)
        else around.format(part)
        for name, part in typed.items()
    }
    assert checked(dirty) == clean
    assert clean.applicant.citizen_id == "019190012345"


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "a\x1bb", "a\x7fb"])
def test_free_text_keeps_lines_and_loses_nothing_else_but_what_no_database_keeps(text: str) -> None:
    details = {"type": "object", "properties": {"note": {"type": "string"}}, "additionalProperties": False}
    free = catalogue_of(PROCEDURE.model_copy(update={"details": details}))
    kept = form.check(filled() | {"details": {"note": "một\n\thai 😀"}}, free, TODAY, Schemas())
    assert kept.details == {"note": "một\n\thai 😀"}
    with pytest.raises(Refusal) as refusal:
        form.check(filled() | {"details": {"note": text}}, free, TODAY, Schemas())
    assert [(error["path"], error["code"]) for error in refusal.value.errors] == [("details.note", "characters")]
