"""Agencies' reports: the moves that an officer would make, or a rejection that says why; always one answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.decider import Decision, Message, Remark
from chassis.identifiers import new_id
from chassis.origin import Sent
from contracts import agency_reports as said
from contracts import dossiers
from contracts.agency_answers import ReportRejected, ReportTaken
from contracts.agency_reports import Report
from contracts.dossiers import Marked, Status
from services.intake.domain import commands
from services.intake.domain.dossier import Attached, Dossier
from services.intake.domain.moves import MOVES
from services.intake.domain.report import Answered, Earlier, Reported
from services.intake.domain.reports import AHEAD, on_report
from services.intake.domain.signature import HEADER, proof, sign
from services.intake.domain.supplement import markable
from tests.forms import CATALOGUE
from tests.records import NOON
from tests.unit.intake.dossiers import BIRTH, COMMUNE, MARK, PAPER, POLICE, PROVINCE, Story, paper, says, submit

MINUTE = timedelta(minutes=1)


def names_of(dossier: Dossier) -> dict[str, str]:
    return markable(CATALOGUE.procedures[dossier.procedure], CATALOGUE, dossier.form)


@dataclass
class Office:
    """A dossier, and what the database knows of its reports; as `reporting` would tell it."""

    story: Story = field(default_factory=Story)
    taken: dict[tuple[str, str], Earlier] = field(default_factory=dict)
    named: dict[tuple[str, str], str] = field(default_factory=dict)
    documents: dict[UUID, Attached] = field(default_factory=dict)
    answers: list[ReportTaken | ReportRejected] = field(default_factory=list)
    notes: list[Answered] = field(default_factory=list)

    def hears(self, report: Report, code: str | None = None, **more: Any) -> ReportTaken | ReportRejected:
        """Exactly one answer, and one note at most; a rejection changes nothing."""
        story, now = self.story, self.story.now
        code = code or (story.dossier.code if story.dossier else "G09.20-260609-0001")
        message = Reported.of(code, report, **more)
        report = message.report
        known = {
            "earlier": self.taken.get((report.agency, report.report_id)),
            "named": self.named.get((report.agency, report.external_id or "")),
            "document": self.documents.get(report.document_id) if isinstance(report, said.Completed) else None,
        }
        message = message.model_copy(update=known)
        before = story.dossier if story.dossier and story.dossier.code == code else None
        decision = on_report(before, message, now, story.calendar_of, names_of)
        events = decision.events if isinstance(decision, Remark) else decision.remarks
        (answer,) = events
        assert isinstance(answer, ReportTaken | ReportRejected)
        assert (answer.agency, answer.report_id) == (report.agency, report.report_id)
        if isinstance(decision, Decision):
            story._keep(decision)
        notes = [note for note in decision.notes if isinstance(note, Answered)]
        assert len(notes) == len(decision.notes) <= 1
        for note in notes:
            if note.taken:
                self.taken[note.agency, note.report_id] = Earlier(digest=note.digest, status=Status(note.status or 0))
                self.named.setdefault((note.agency, note.external_id or ""), note.code)
        self.notes += notes
        self.answers.append(answer)
        return answer

    def uploads(self) -> UUID:
        document = paper("result", "ket-qua.pdf")
        self.documents[document.document_id] = document
        return document.document_id


def report(kind: type[Report], number: str | None = None, at: datetime = NOON, **more: Any) -> Any:
    usual: dict[type[Report], dict[str, Any]] = {
        said.SupplementRequested: {"items": (MARK, PAPER)},
        said.Completed: {"result_number": "010190012345", "document_id": new_id()},
        said.ResultReturned: {"delivery": "desk"},
    }
    told = {"agency": POLICE, "report_id": number or str(new_id()), "at": at}
    return kind.model_validate(told | usual.get(kind, {}) | more)


def filed(*then: Message, code: str | None = None) -> Office:
    """A dossier at the desk without fees, to which this has been said."""
    office = Office()
    office.story.on(submit(fees_due=False) if code is None else submit(code, fees_due=False))
    for message in then:
        office.story.on(message)
    return office


def rejected(office: Office, sent: Report, **more: Any) -> str:
    """The code of its rejection, which says in both languages what is wrong and changes nothing."""
    before, told = office.story.dossier, list(office.story.told)
    answer = office.hears(sent, **more)
    assert isinstance(answer, ReportRejected), answer
    assert answer.vi.endswith(".")
    assert answer.en.endswith(".")
    assert (office.story.dossier, office.story.told) == (before, told)
    return answer.code


def at_work() -> Office:
    return filed(says(commands.Accept), says(commands.StartProcessing))


# What reports do


def test_an_agencys_system_brings_a_dossier_through_its_whole_life() -> None:
    """As an officer would: the same events, the same clock; the journal says who spoke."""
    office = filed()
    document = office.uploads()
    for each in (
        report(said.Accepted, external_id="GPLX-1", officer="Trần Văn Minh"),
        report(said.Processing, department="Phòng CSGT", officer="Lê Thị Hồng Nhung"),
        report(said.Completed, document_id=document, officer="Lê Thị Hồng Nhung"),
        report(said.ResultReturned),
    ):
        assert isinstance(office.hears(each), ReportTaken)
    story = office.story
    assert [answer.status for answer in office.answers if isinstance(answer, ReportTaken)] == [2, 4, 9, 10]
    assert story.events == ["Submitted", "Accepted", "ProcessingStarted", "HandedOn", "Completed", "Returned"]
    assert story.now_is.external_id == "GPLX-1"
    assert {entry.role for entry in story.journal[1:]} == {"agency-system"}
    assert story.now_is.result_document == office.documents[document]
    assert [note.document_id for note in office.notes if note.document_id] == [document]
    assert not story.timers


def test_processing_names_department_and_officer_and_a_second_one_names_others() -> None:
    office = filed(says(commands.Accept))
    office.hears(report(said.Processing, department="Phòng CSGT", officer="Lê Thị Hồng Nhung"))
    step = office.story.last.step
    assert (step.status, step.department, step.officer) == (4, "Phòng CSGT", "Lê Thị Hồng Nhung")
    office.hears(report(said.Processing, officer="Phạm Văn Sơn"))
    assert isinstance(office.story.last, dossiers.Assigned)
    assert (office.story.last.step.department, office.story.last.step.officer) == ("Phòng CSGT", "Phạm Văn Sơn")
    office.hears(report(said.Processing, department="Đội sát hạch"))
    assert (office.story.last.step.department, office.story.last.step.officer) == ("Đội sát hạch", None)
    told = list(office.story.told)
    assert isinstance(office.hears(report(said.Processing)), ReportTaken), "nothing new, and answered all the same"
    assert office.story.told == told


def test_a_supplement_is_asked_for_by_our_names_of_what_is_marked() -> None:
    office = filed(says(commands.Accept))
    items = (Marked(kind="field", path=PAPER.path, name="<b>theirs</b>", reason="Ảnh  mờ\u200b, chụp lại"),)
    assert isinstance(office.hears(report(said.SupplementRequested, items=items)), ReportTaken)
    (item,) = office.story.last.items
    assert (item.kind, item.path, item.reason) == ("document", PAPER.path, "Ảnh mờ, chụp lại")
    assert item.name == names_of(office.story.now_is)[PAPER.path]
    assert rejected(office, report(said.Processing)) == "illegal_move"


def test_completed_walks_the_remaining_steps_of_its_own_agency() -> None:
    office = at_work()
    assert len(office.story.now_is.stages) > 1
    assert isinstance(office.hears(report(said.Completed, document_id=office.uploads())), ReportTaken)
    left = len(office.story.now_is.stages) - 1
    assert office.story.events[-left - 1 :] == ["HandedOn"] * left + ["Completed"]


def test_completed_does_not_walk_another_agencys_steps() -> None:
    office = filed(says(commands.Accept, COMMUNE), says(commands.StartProcessing, COMMUNE), code=BIRTH)
    done = report(said.Completed, agency=COMMUNE, document_id=office.uploads())
    others = [stage for stage in office.story.now_is.stages if stage.agency != COMMUNE]
    assert (rejected(office, done) == "steps_left") == bool(others)


# What is rejected


def test_who_is_not_proven_to_be_the_agency_is_rejected_before_anything_else() -> None:
    assert rejected(filed(), report(said.Accepted), proof="unknown_agency") == "unknown_agency"
    assert rejected(filed(), report(said.Accepted), proof="bad_signature") == "bad_signature"
    assert rejected(filed(), report(said.Accepted), code="G09.20-260609-9999", proof="bad_signature") == "bad_signature"


def test_an_unknown_dossier() -> None:
    assert rejected(filed(), report(said.Accepted), code="G09.20-260609-9999") == "unknown_dossier"


def test_an_agency_that_has_nothing_to_do_with_the_dossier() -> None:
    assert rejected(filed(), report(said.Accepted, agency=PROVINCE)) == "wrong_agency"


@pytest.mark.parametrize("kind", said.EVENTS)
def test_a_closed_dossier(kind: type[Report]) -> None:
    assert rejected(filed(says(commands.Refuse)), report(kind)) == "closed_dossier"


@pytest.mark.parametrize(
    ("then", "kind", "legal"),
    [
        ((), said.Processing, "tiếp nhận"),
        ((), said.Completed, "tiếp nhận"),
        ((says(commands.Accept),), said.Accepted, "chuyển xử lý"),
        ((says(commands.Accept),), said.Completed, "chuyển xử lý"),
        ((says(commands.Accept),), said.ResultReturned, "chuyển xử lý"),
    ],
)
def test_an_illegal_move_names_the_legal_ones(then: Sequence[Message], kind: type[Report], legal: str) -> None:
    office = filed(*then)
    assert rejected(office, report(kind)) == "illegal_move"
    answer = office.answers[-1]
    assert isinstance(answer, ReportRejected)
    assert legal in answer.vi


def test_times_that_cannot_be() -> None:
    office = filed()
    assert rejected(office, report(said.Accepted, at=NOON + AHEAD + MINUTE)) == "in_the_future"
    assert rejected(office, report(said.Accepted, at=NOON - MINUTE)) == "before_filing"
    assert isinstance(office.hears(report(said.Accepted, at=NOON + AHEAD)), ReportTaken)


def test_a_report_that_a_later_one_of_its_agency_has_overtaken() -> None:
    office = filed()
    office.story.now = NOON + 9 * MINUTE
    assert isinstance(office.hears(report(said.Accepted, at=NOON + 5 * MINUTE)), ReportTaken)
    assert rejected(office, report(said.Processing, at=NOON + 4 * MINUTE)) == "out_of_order"
    assert isinstance(office.hears(report(said.Processing, at=NOON + 5 * MINUTE)), ReportTaken)


def test_a_report_that_comes_twice_is_answered_as_the_first_time_and_has_no_second_effect() -> None:
    office, accepted = filed(), report(said.Accepted, "r-1")
    first = office.hears(accepted)
    office.hears(report(said.Processing))
    before, told, notes = office.story.dossier, list(office.story.told), len(office.notes)
    assert office.hears(accepted) == first
    assert (office.story.dossier, office.story.told, len(office.notes)) == (before, told, notes)


def test_a_report_id_with_other_content() -> None:
    office = filed()
    office.hears(report(said.Accepted, "r-1"))
    assert rejected(office, report(said.Processing, "r-1")) == "report_id_reused"
    assert rejected(office, report(said.Accepted, "r-1"), code="G09.20-260609-9999") == "report_id_reused"


def test_a_rejected_report_may_be_sent_again_when_it_is_right() -> None:
    office, document = at_work(), paper("result", "ket-qua.pdf")
    done = report(said.Completed, "r-1", document_id=document.document_id)
    assert rejected(office, done) == "unknown_document"
    office.documents[document.document_id] = document
    assert isinstance(office.hears(done), ReportTaken)


def test_an_external_id_that_another_dossier_bears() -> None:
    office = filed()
    office.named[POLICE, "GPLX-1"] = "G09.20-260609-0777"
    assert rejected(office, report(said.Accepted, external_id="GPLX-1")) == "external_id_taken"


def test_places_that_the_procedure_does_not_have() -> None:
    nowhere = Marked(kind="field", path="details.no_such_thing", name="?", reason="Không đúng")
    sent = report(said.SupplementRequested, items=(nowhere,))
    assert rejected(filed(), sent) == "not_of_this_procedure"


def test_a_second_supplement_and_a_place_marked_twice() -> None:
    assert rejected(filed(), report(said.SupplementRequested, items=(MARK, MARK))) == "marked_twice"


def test_an_id_of_which_nothing_can_be_seen() -> None:
    assert rejected(filed(), report(said.Accepted, "\u200b\x07 ")) == "invalid"
    assert rejected(filed(), report(said.Accepted, agency="\u200b\x07 ")) == "invalid"


def test_words_of_strangers_are_cleaned() -> None:
    """NFC, one line, without what nothing shows: PostgreSQL keeps no U+0000, and a journal is read by people."""
    office = filed()
    sent = report(said.Accepted, officer="Tra\u0302\u0300n\x00 Va\u0306n\n\u202eMinh", department="\x00")
    assert isinstance(office.hears(sent), ReportTaken)
    assert office.story.last.step.officer == "Trần Văn Minh"
    assert office.story.last.step.department == office.story.now_is.desk


def test_what_no_system_may_do_to_a_dossier_that_another_agency_has() -> None:
    office = filed(says(commands.Accept, COMMUNE), says(commands.StartProcessing, COMMUNE), code=BIRTH)
    while office.story.now_is.handler == COMMUNE and office.story.now_is.stage != len(office.story.now_is.stages) - 1:
        office.story.on(says(commands.HandOn, COMMUNE))
    if office.story.now_is.handler != COMMUNE:
        assert rejected(office, report(said.Processing, agency=COMMUNE)) == "held_elsewhere"
        assert isinstance(office.hears(report(said.Processing, agency=PROVINCE, officer="Mai")), ReportTaken)


# Whatever comes


reports = st.tuples(
    st.sampled_from(said.EVENTS),
    st.integers(1, 12).map(str),
    st.integers(-20, 20),
    st.sampled_from([POLICE, POLICE, POLICE, PROVINCE]),
    st.sampled_from([None, "A", "B"]),
    st.sampled_from([None, "Mai", "Sơn\x00"]),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(reports, max_size=25))
def test_any_reports_in_any_order_make_legal_moves_and_are_answered_once(chosen: list[tuple[Any, ...]]) -> None:
    """Nothing raises (a consumer would park it), nothing is answered twice or not at all, and ids have one effect."""
    office = filed()
    document = office.uploads()
    allowed = {(move.source, move.target) for move in MOVES.moves}
    for kind, number, minutes, agency, external, officer, known in chosen:
        told = {"document_id": document if known else new_id()} if kind is said.Completed else {}
        at = NOON + minutes * MINUTE
        before = office.story.now_is
        answer = office.hears(
            report(kind, number, at, agency=agency, external_id=external, officer=officer, **told),
            proof="proven" if known or minutes % 3 else "bad_signature",
        )
        if isinstance(answer, ReportRejected):
            assert office.story.now_is == before
        office.story.now += MINUTE
    taken = [note.report_id for note in office.notes if note.taken]
    assert len(taken) == len(set(taken))
    assert len(office.answers) == len(chosen)
    statuses = [event.model_dump()["step"]["status"] for event in office.story.told]
    assert all(pair in allowed for pair in pairwise(statuses))


def test_the_guides_example_of_a_signature_is_right() -> None:
    """Agencies check their own code against it."""
    guide = (Path(__file__).resolve().parents[3] / "docs" / "agencies.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    shown = code.rsplit("# ", 1)[1].strip()
    secret, value, head = (_assigned(code, name) for name in ("secret", "value", "head"))
    source, event_id, kind, subject = head.split("\n")[:4]
    headers = {"ce_source": source, "ce_id": event_id, "ce_type": kind, "ce_subject": subject}
    assert shown == sign(secret, headers, value)
    headers[HEADER] = shown
    assert proof({POLICE: [secret]}, POLICE, Sent(headers, value)) == "proven"
    assert said.Accepted.model_validate_json(value).officer == "Trần Văn Minh"


def _assigned(code: str, name: str) -> Any:
    for line in ast.parse(code).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id == name:
            encoded = isinstance(line.value, ast.Call) and isinstance(line.value.func, ast.Attribute)
            literal = line.value.func.value if encoded else line.value  # type: ignore[attr-defined]
            return ast.literal_eval(literal).encode() if encoded else ast.literal_eval(literal)
    raise AssertionError(name)
