"""What the oracle asks of notices: each that was asked for came to the end that its phone foretells, and came once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from deploy.sandbox.sms.store import OUTCOMES
from motcua.actors import persona
from services.notifications.domain import plan
from tests.chaos import projection
from tests.chaos.evidence import Evidence, Letter, Span
from tests.chaos.verdict import Verdict
from tests.chaos.walking import Journey

GAP_SECONDS = 10.0
"""So long after a letter's arrival, at most, its sending may not be committed yet while nothing is wrong."""

_EVENTS = {kind.TYPE.removeprefix("vn.motcua.").removesuffix(".v1") for kind in plan.EVENTS}


def judge(verdict: Verdict, journeys: Sequence[Journey], evidence: Evidence) -> None:
    """At most one for each (dossier, step, channel), by the word of the carrier and the mail box; and at least one."""
    phones = {name: persona(name)["form"]["phone"] for name in {journey.who for journey in journeys}}
    asked = _asked(evidence, {journey.code: phones[journey.who] for journey in journeys if journey.code})
    verdict.lost += _missing(asked, evidence)
    for row in evidence.notices:
        if row["key"] not in asked:
            verdict.double_notices.append(f"a notice that no event has asked for: {row['key']}")
    known = {str(row["notice_id"]): row for row in evidence.notices}
    _messages(verdict, known, evidence)
    _letters(verdict, known, evidence)


def _asked(evidence: Evidence, phones: Mapping[str, str]) -> dict[str, str]:
    """The notices that events of these dossiers ask for, by key, each with its dossier's phone."""
    return {
        key: phones[each.subject]
        for each in evidence.told
        if each.type in _EVENTS and each.subject in phones
        for key, _ in plan.notices(projection.event_of(each))
    }


def _missing(asked: Mapping[str, str], evidence: Evidence) -> Iterator[str]:
    known = {row["key"]: row for row in evidence.notices}
    messages = {row["reference"]: row for row in evidence.messages}
    letters = {letter.notice for letter in evidence.letters}
    for key, phone in asked.items():
        row = known.get(key)
        if row is None:
            yield f"notice {key} is None"
            continue
        notice = str(row["notice_id"])
        message = messages.get(notice)
        if row["state"] not in _ends(row["channel"], phone, message):
            yield f"notice {key} to a phone in …{phone[-3:]} is {row['state']}"
        elif message is None if row["channel"] == "sms" else notice not in letters:
            yield f"notice {key} is {row['state']} and was never seen outside"


def _ends(channel: str, phone: str, message: Any | None) -> set[str]:
    """In which states a notice may rest: for an SMS by the last digits of the phone, for a letter as sent."""
    if channel == "email":
        return {"sent"}
    end = OUTCOMES.get(phone[-3:], "delivered")
    # The carrier's word on it was lost for good, which it says itself.
    return {end, "sent"} if message is not None and message["receipt"] == "lost" else {end}


def _messages(verdict: Verdict, known: Mapping[str, Any], evidence: Evidence) -> None:
    texts = Counter((row["recipient"], row["text"]) for row in evidence.messages)
    verdict.double_notices += [f"SMS {times} times: {text}" for (_, text), times in texts.items() if times > 1]
    for row in evidence.messages:
        if row["reference"] not in known:
            verdict.double_notices.append(f"SMS of a notice that was never decided: {row['text']}")


def _letters(verdict: Verdict, known: Mapping[str, Any], evidence: Evidence) -> None:
    """Every copy after a letter's first counts, unless it was repeated in doubt and a fault in the gap explains it."""
    copies: dict[str, list[Letter]] = defaultdict(list)
    for letter in sorted(evidence.letters, key=lambda each: each.received_at):
        copies[letter.notice].append(letter)
    for notice, letters in copies.items():
        row = known.get(notice)
        if row is None:
            verdict.double_notices.append(f"letter of a notice that was never decided: {notice or 'no Message-ID'}")
            continue
        for before, after in pairwise(letters):
            explained = row["in_doubt"] and _explained(before.received_at, after.received_at, evidence.troubles)
            found = verdict.in_doubt if explained else verdict.double_notices
            found.append(f"letter again after {after.received_at - before.received_at:.1f} s: {row['key']}")


def _explained(first: float, second: float, troubles: Sequence[Span]) -> bool:
    """Whether one of the faults came between a copy and its commit, and before the next copy."""
    until = min(second, first + GAP_SECONDS)
    return any(trouble.begin <= until and trouble.end >= first for trouble in troubles)
