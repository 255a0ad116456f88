"""The oracle's word on notices, on evidence made by hand."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from contracts import dossiers
from services.notifications.domain import plan
from tests.chaos import notices, projection
from tests.chaos.evidence import Evidence, Letter, Span, Told
from tests.chaos.verdict import Verdict
from tests.chaos.walking import Journey
from tests.records import example, record

CODE = "G09.20-260609-0001"
WORDS = f"Hồ sơ {CODE} đã được tiếp nhận."


def accepted() -> Told:
    """An event that asks for a notice on each channel."""
    found = record(example(dossiers.Accepted), 0, subject=CODE)
    return Told("dossiers.v1", "1", "dossier.accepted", CODE, 1, CODE, found)


def all_well(sms: str = "delivered", email: str = "sent", in_doubt: bool = False, receipt: str = "200") -> Evidence:
    """The notices of one acceptance, each seen outside once."""
    told = accepted()
    states = {"sms": sms, "email": email}
    asked = [announce for _, announce in plan.notices(projection.event_of(told))]
    rows = [
        {
            "key": each.key,
            "notice_id": each.notice_id,
            "channel": each.channel,
            "state": states[each.channel],
            "in_doubt": in_doubt,
        }
        for each in asked
    ]
    ids = {each.channel: str(each.notice_id) for each in asked}
    message = {"reference": ids["sms"], "recipient": "+84590001001", "text": WORDS, "receipt": receipt}
    return Evidence(
        codes={CODE},
        told=[told],
        dossiers=[],
        bills=[],
        ledger=[],
        notices=rows,
        appointments=[],
        views=[],
        movements=[],
        messages=[message],
        letters=[Letter(ids["email"], 100.0)],
    )


def judged(found: Evidence, who: str = "anh") -> Verdict:
    verdict = Verdict()
    notices.judge(verdict, [Journey(0, "returned", who, "key", random.Random(0), CODE)], found)
    return verdict


@pytest.mark.parametrize(
    ("who", "sms", "email", "receipt", "lost"),
    [
        ("anh", "delivered", "sent", "200", 0),
        ("anh", "permanent_failure", "sent", "200", 1),
        ("anh", "skipped", "skipped", "200", 2),
        ("anh", "delivered", "temporary_failure", "200", 1),
        ("anh", "sent", "sent", "200", 1),
        ("anh", "sent", "sent", "lost", 0),
        ("duc", "permanent_failure", "sent", "200", 0),
        ("duc", "delivered", "sent", "200", 1),
        ("duc", "permanent_failure", "permanent_failure", "200", 1),
        ("huong", "temporary_failure", "sent", "200", 0),
        ("huong", "permanent_failure", "sent", "200", 1),
    ],
)
def test_a_notice_ends_as_its_phone_foretells_or_is_lost(
    who: str, sms: str, email: str, receipt: str, lost: int
) -> None:
    assert len(judged(all_well(sms, email, receipt=receipt), who).lost) == lost


def test_a_notice_that_was_never_made_or_never_seen_outside_is_lost() -> None:
    found = all_well()
    assert len(judged(replace(found, messages=[], letters=[])).lost) == 2
    assert len(judged(replace(found, notices=[])).lost) == 2


def test_an_sms_that_a_phone_shows_twice_or_that_nobody_decided_on_is_a_double_notice() -> None:
    found = all_well()
    assert not judged(found).double_notices
    assert len(judged(replace(found, messages=[*found.messages] * 2)).double_notices) == 1
    stray: dict[str, Any] = {**found.messages[0], "reference": "stray", "text": "khác"}
    assert len(judged(replace(found, messages=[*found.messages, stray])).double_notices) == 1


def test_a_notice_or_a_letter_that_nobody_asked_for_is_a_double_notice() -> None:
    found = all_well()
    assert len(judged(replace(found, letters=[*found.letters, Letter("stray", 1.0)])).double_notices) == 1
    assert len(judged(replace(found, told=[])).double_notices) == 2


@pytest.mark.parametrize(
    ("in_doubt", "trouble", "excused"),
    [
        (True, Span(101.0, 102.0), 1),
        (True, Span(90.0, 100.5), 1),
        (True, Span(90.0, 99.0), 0),
        (True, Span(103.5, 104.0), 0),
        (False, Span(101.0, 102.0), 0),
    ],
)
def test_a_second_copy_of_a_letter_counts_unless_a_fault_came_in_between(
    in_doubt: bool, trouble: Span, excused: int
) -> None:
    found = all_well(in_doubt=in_doubt)
    again = replace(found.letters[0], received_at=103.0)
    verdict = judged(replace(found, letters=[again, *found.letters], troubles=[trouble]))
    assert (len(verdict.in_doubt), len(verdict.double_notices)) == (excused, 1 - excused)


def test_a_fault_explains_one_copy_and_no_later_one() -> None:
    found = all_well(in_doubt=True)
    first = found.letters[0]
    letters = [replace(first, received_at=at) for at in (100.0, 103.0, 106.0)]
    verdict = judged(replace(found, letters=letters, troubles=[Span(101.0, 102.0)]))
    assert (len(verdict.in_doubt), len(verdict.double_notices)) == (1, 1)


def test_a_fault_long_after_a_letter_came_explains_no_copy_of_it() -> None:
    found = all_well(in_doubt=True)
    again = replace(found.letters[0], received_at=200.0)
    verdict = judged(replace(found, letters=[*found.letters, again], troubles=[Span(180.0, 181.0)]))
    assert len(verdict.double_notices) == 1
