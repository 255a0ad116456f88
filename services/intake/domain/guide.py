"""The guide: questions whose answers lead a citizen to the right procedure and case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from chassis.errors import Refusal
from services.intake.domain.fact import Fact
from services.intake.domain.procedure import Procedure

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Leaf(Fact):
    """Where the answers have led: a procedure, and the case of it where it has cases."""

    procedure: str
    case: str | None = None


class Answer(Fact):
    """One possible answer, and the question or the procedure that follows."""

    key: Key
    vi: str
    en: str
    next: Key | None = None
    leads: Leaf | None = None

    @model_validator(mode="after")
    def _goes_on(self) -> Answer:
        if (self.next is None) == (self.leads is None):
            raise ValueError("has either next or leads")
        return self


class Question(Fact):
    """What is asked, in Vietnamese and English."""

    vi: str
    en: str
    answers: tuple[Answer, ...] = Field(min_length=2)


class Guide(Fact):
    """All questions by key; `start` is the first one."""

    start: Key
    questions: Mapping[str, Question]

    def walk(self, answers: Sequence[str]) -> tuple[str, Question] | Leaf:
        """The next question with its key, or the procedure, after these answers from the start on.

        Raises Refusal 422 naming the answer that is none, and what may be answered there.
        """
        at: str | Leaf = self.start
        for place, key in enumerate(answers):
            possible = {} if isinstance(at, Leaf) else {each.key: each for each in self.questions[at].answers}
            if key not in possible:
                raise _no_answer(place, key[:40], list(possible))
            found = possible[key]
            at = found.leads or found.next or at
        return at if isinstance(at, Leaf) else (at, self.questions[at])

    def leaves(self) -> Iterator[Leaf]:
        """Every procedure and case that answers lead to."""
        for question in self.questions.values():
            yield from (answer.leads for answer in question.answers if answer.leads is not None)


def mistakes(guide: Guide, procedures: Sequence[Procedure]) -> Iterator[tuple[str, str]]:
    """(place, what is wrong): a question that nobody reaches or that leads back, a leaf of no procedure, and the reverse."""
    yield from _of_questions(guide)
    # A procedure without cases is one that the guide leads to as a whole.
    cases: dict[str, list[str | None]] = {each.code: [case.key for case in each.cases] or [None] for each in procedures}
    for leaf in guide.leaves():
        if leaf.procedure not in cases:
            yield leaf.procedure, "the guide leads to a procedure that is not there"
        elif leaf.case not in cases[leaf.procedure]:
            possible = ", ".join(str(case) for case in cases[leaf.procedure])
            yield leaf.procedure, f"the guide leads to case {leaf.case}; there are: {possible}"
    reached = {(leaf.procedure, leaf.case) for leaf in guide.leaves()}
    for code, keys in cases.items():
        for case in keys:
            if (code, case) not in reached:
                yield code, f"no answers lead there{f' (case {case})' if case else ''}"


def _of_questions(guide: Guide) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()

    def visit(key: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if key not in guide.questions:
            yield key, "no such question"
        elif key in above:
            yield key, "the questions lead back to it"
        else:
            seen.add(key)
            for answer in guide.questions[key].answers:
                if answer.next is not None:
                    yield from visit(answer.next, (*above, key))

    yield from visit(guide.start, ())
    for key, question in guide.questions.items():
        if key not in seen:
            yield key, "no answer leads to this question"
        keys = [answer.key for answer in question.answers]
        if len(set(keys)) != len(keys):
            yield key, "has one answer twice"


def _no_answer(place: int, key: str, possible: list[str]) -> Refusal:
    return Refusal(
        "no_such_answer",
        f"Câu trả lời thứ {place + 1} không có. Có thể chọn: {', '.join(possible) or 'không còn câu hỏi nào'}.",
        f"Answer {place + 1} is none. Possible: {', '.join(possible) or 'there is no further question'}.",
        422,
        (
            {
                "path": f"answers.{place}",
                "code": "no_such_answer",
                "vi": f"Không có lựa chọn “{key}”.",
                "en": f"There is no answer “{key}”.",
            },
        ),
    )
