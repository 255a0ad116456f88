"""The guide: questions that lead to every procedure and case, and to nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.intake.domain import files
from services.intake.domain.guide import Guide, Leaf, mistakes
from services.intake.domain.procedure import Procedure
from tests.forms import CATALOGUE, TODAY

SHIPPED = files.read()
assert SHIPPED.guide is not None
GUIDE = SHIPPED.guide


def _ways(guide: Guide, answers: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Leaf]]:
    at = guide.walk(answers)
    if isinstance(at, Leaf):
        return [(answers, at)]
    return [way for answer in at[1].answers for way in _ways(guide, (*answers, answer.key))]


WAYS = _ways(GUIDE)


def _cases(procedure: Procedure) -> list[str | None]:
    return [case.key for case in procedure.cases] or [None]


@pytest.mark.parametrize(("answers", "leaf"), WAYS, ids=lambda each: "-".join(each) if isinstance(each, tuple) else "")
def test_every_way_ends_at_a_procedure_that_takes_dossiers_and_at_a_case_of_it(
    answers: tuple[str, ...], leaf: Leaf
) -> None:
    procedure = CATALOGUE.on(leaf.procedure, TODAY)
    assert procedure is not None
    assert leaf.case in _cases(procedure)


def test_every_procedure_that_takes_dossiers_and_every_case_of_it_is_reached() -> None:
    reached = {(leaf.procedure, leaf.case) for _, leaf in WAYS}
    assert reached == {(code, case) for code, procedure in CATALOGUE.procedures.items() for case in _cases(procedure)}


def test_every_question_and_answer_is_in_both_languages() -> None:
    for question in GUIDE.questions.values():
        texts = [question.vi, question.en, *(text for each in question.answers for text in (each.vi, each.en))]
        assert all(text.strip() for text in texts)


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(["birth", "child", "all", "licence"])), max_size=6))
def test_any_answers_lead_to_a_question_or_a_procedure_or_are_refused_by_their_place(answers: list[str]) -> None:
    possible = {way[: len(answers)] for way, _ in WAYS}
    if tuple(answers) in possible:
        GUIDE.walk(answers)
        return
    with pytest.raises(Refusal) as refused:
        GUIDE.walk(answers)
    (error,) = refused.value.errors
    place = int(error["path"].removeprefix("answers."))
    assert (refused.value.status, refused.value.code) == (422, "no_such_answer")
    assert tuple(answers[: place + 1]) not in {way[: place + 1] for way, _ in WAYS}
    assert tuple(answers[:place]) in {way[:place] for way, _ in WAYS}


def test_an_answer_after_the_end_is_refused() -> None:
    with pytest.raises(Refusal, match="no further question"):
        GUIDE.walk(["licence", "birth"])


def _guide(**questions: list[dict[str, Any]]) -> Guide:
    return Guide.model_validate(
        {
            "start": "first",
            "questions": {
                key: {"vi": "?", "en": "?", "answers": [{"vi": "a", "en": "a"} | each for each in answers]}
                for key, answers in questions.items()
            },
        }
    )


LICENCE: dict[str, Any] = {"leads": {"procedure": "1.002809"}}
BIRTH = CATALOGUE.procedure("1.001193")


@pytest.mark.parametrize(
    ("guide", "place", "says"),
    [
        (_guide(first=[{"key": "a", **LICENCE}, {"key": "b", "next": "first"}]), "first", "lead back"),
        (_guide(first=[{"key": "a", **LICENCE}, {"key": "b", "next": "gone"}]), "gone", "no such question"),
        (_guide(first=[{"key": "a", **LICENCE}, {"key": "a", **LICENCE}]), "first", "twice"),
        (
            _guide(first=[{"key": "a", **LICENCE}, {"key": "b", **LICENCE}], other=[{"key": "a", **LICENCE}, {"key": "b", **LICENCE}]),
            "other",
            "no answer leads",
        ),
        (_guide(first=[{"key": "a", **LICENCE}, {"key": "b", "leads": {"procedure": "9.000001"}}]), "9.000001", "not there"),
        (_guide(first=[{"key": "a", **LICENCE}, {"key": "b", "leads": {"procedure": "1.001193"}}]), "1.001193", "case None"),
        (_guide(first=[{"key": "a", **LICENCE}, {"key": "b", **LICENCE}]), "1.001193", "case bo_roi"),
    ],
)  # fmt: skip
def test_a_guide_that_leads_astray_is_a_mistake(guide: Guide, place: str, says: str) -> None:
    found = list(mistakes(guide, [CATALOGUE.procedure("1.002809"), BIRTH]))
    assert any(path == place and says in text for path, text in found), found
