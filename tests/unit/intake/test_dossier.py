"""A dossier's life: only the moves of the table happen, each tells who has it and since when, and an end is an end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.decider import Message
from chassis.envelope import Event
from chassis.errors import NotFound, Refusal
from chassis.identifiers import new_id
from contracts import payments
from contracts.dossiers import Marked, Status
from services.intake.domain import commands
from services.intake.domain.commands import (
    Accept,
    Apologise,
    AskWithdrawal,
    Assign,
    ByCitizen,
    ByOfficer,
    Complete,
    Correct,
    DeclineWithdrawal,
    Dispatch,
    Extend,
    FetchResult,
    GrantWithdrawal,
    HandOn,
    NearlyDue,
    PastDue,
    Refuse,
    RequestFees,
    RequestSupplement,
    Return,
    SendBack,
    StartProcessing,
    Stop,
    Submit,
    Supplement,
    SupplementOver,
    WithdrawFees,
)
from services.intake.domain.moves import MOVES, NAMES, WORDS
from services.intake.domain.results import masked
from tests.records import NOON
from tests.unit.intake.dossiers import (
    BIRTH,
    COMMUNE,
    DEPARTMENT,
    MARK,
    NAME,
    NUMBER,
    OFFICER,
    PAPER,
    POLICE,
    PROVINCE,
    REASON,
    SAID,
    Story,
    after,
    expired,
    fetched,
    form_of,
    in_,
    paid,
    paper,
    posted,
    says,
    submit,
    supplied,
    withdrawn,
)

FINAL = {Status.NOT_ACCEPTED, Status.STOPPED, Status.RETURNED}
OPEN = {1, 2, 4, 5, 6, 7}
NATIONAL: dict[Any, set[int]] = {
    None: {1, 6}, 1: {2, 3, 5, 6, 7}, 2: {4, 5, 6, 7, 8}, 4: {5, 6, 7, 8, 9}, 5: {1, 4, 7, 8}, 6: {1, 2, 4, 7, 8},
    7: {1, 2, 4, 5, 6, 8}, 9: {10},
}  # fmt: skip
BY_OFFICERS: tuple[type[ByOfficer], ...] = tuple(
    kind for kind in dict.fromkeys(move.message for move in MOVES.moves) if issubclass(kind, ByOfficer)
)
LATER = NOON + timedelta(hours=1)
LAST_STEP = (says(Accept), says(StartProcessing), says(HandOn))


def refused(story: Story, message: Message | Event[Any]) -> Refusal:
    """How a message is refused; nothing has changed by it."""
    before = story.dossier
    with pytest.raises(Refusal) as error:
        story.on(message, LATER)
    assert story.dossier is before
    return error.value


def given_by(kind: type, agency: str = POLICE) -> Message | Event[Any]:
    """The message of this kind, as whoever may give it gives it."""
    others: dict[type, Message | Event[Any]] = {
        Submit: submit(),
        Supplement: supplied(),
        AskWithdrawal: withdrawn(),
        FetchResult: fetched(),
        SupplementOver: SupplementOver(),
        payments.Succeeded: paid(),
        payments.Expired: expired(),
    }
    message: Message | Event[Any] = others[kind] if kind in others else says(kind, agency)
    return message


# The table


def test_the_table_is_within_the_national_moves_and_its_ends_are_final() -> None:
    for move in MOVES.moves:
        stays = move.source == move.target
        assert stays or move.target in NATIONAL[move.source], move
    assert {move.target for move in MOVES.moves} - {move.source for move in MOVES.moves} == FINAL


def test_every_state_and_message_has_its_words() -> None:
    assert set(NAMES) == set(Status)
    assert {move.message for move in MOVES.moves} == set(WORDS)


def test_every_message_of_the_table_is_one_that_the_service_answers() -> None:
    story = Story()
    for kind in {move.message for move in MOVES.moves}:
        assert kind in story.follows or story.decides.decider(kind) is not None


# Each row of the table, by the shortest way to it. What decides between several targets is the dossier itself.
WAYS: dict[tuple[int, type, int], tuple[Any, ...]] = {
    (1, Assign, 1): (says(Assign),),
    (2, Assign, 2): (says(Accept), says(Assign)),
    (4, Assign, 4): (says(Accept), says(StartProcessing), says(Assign)),
    (1, Accept, 2): (says(Accept),),
    (1, Refuse, 3): (says(Refuse),),
    (2, StartProcessing, 4): (says(Accept), says(StartProcessing)),
    (4, HandOn, 4): LAST_STEP,
    (4, SendBack, 4): (*LAST_STEP, says(SendBack)),
    (1, RequestSupplement, 5): (says(RequestSupplement),),
    (2, RequestSupplement, 5): (says(Accept), says(RequestSupplement)),
    (4, RequestSupplement, 5): (*LAST_STEP, says(RequestSupplement)),
    (5, Supplement, 1): (says(RequestSupplement), supplied()),
    (5, Supplement, 4): (says(Accept), says(RequestSupplement), supplied()),
    (5, SupplementOver, 8): (says(RequestSupplement), SupplementOver()),
    (1, RequestFees, 6): (says(RequestFees),),
    (2, RequestFees, 6): (says(Accept), says(RequestFees)),
    (4, RequestFees, 6): (*LAST_STEP, says(RequestFees)),
    (6, payments.Succeeded, 1): (says(RequestFees), paid()),
    (6, payments.Succeeded, 2): (says(Accept), says(RequestFees), paid()),
    (6, payments.Succeeded, 4): (*LAST_STEP, says(RequestFees), paid()),
    (6, payments.Expired, 8): (says(RequestFees), expired()),
    (6, WithdrawFees, 1): (says(RequestFees), says(WithdrawFees)),
    (6, WithdrawFees, 2): (says(Accept), says(RequestFees), says(WithdrawFees)),
    (6, WithdrawFees, 4): (*LAST_STEP, says(RequestFees), says(WithdrawFees)),
    (1, Correct, 1): (says(Correct),),
    (2, Correct, 2): (says(Accept), says(Correct)),
    (4, Correct, 4): (*LAST_STEP, says(Correct)),
    (2, Apologise, 2): (says(Accept), says(Apologise)),
    (4, Apologise, 4): (*LAST_STEP, says(Apologise)),
    (1, AskWithdrawal, 7): (withdrawn(),),
    (2, AskWithdrawal, 7): (says(Accept), withdrawn()),
    (4, AskWithdrawal, 7): (*LAST_STEP, withdrawn()),
    (5, AskWithdrawal, 7): (says(RequestSupplement), withdrawn()),
    (6, AskWithdrawal, 7): (says(RequestFees), withdrawn()),
    (7, GrantWithdrawal, 8): (withdrawn(), says(GrantWithdrawal)),
    (7, DeclineWithdrawal, 1): (withdrawn(), says(DeclineWithdrawal)),
    (7, DeclineWithdrawal, 2): (says(Accept), withdrawn(), says(DeclineWithdrawal)),
    (7, DeclineWithdrawal, 4): (*LAST_STEP, withdrawn(), says(DeclineWithdrawal)),
    (7, DeclineWithdrawal, 5): (says(RequestSupplement), withdrawn(), says(DeclineWithdrawal)),
    (7, DeclineWithdrawal, 6): (says(RequestFees), withdrawn(), says(DeclineWithdrawal)),
    (7, payments.Succeeded, 7): (says(RequestFees), withdrawn(), paid()),
    (7, payments.Expired, 8): (says(RequestFees), withdrawn(), expired()),
    (7, WithdrawFees, 7): (says(RequestFees), withdrawn(), says(WithdrawFees)),
    (7, SupplementOver, 8): (says(RequestSupplement), withdrawn(), SupplementOver()),
    (2, Stop, 8): (says(Accept), says(Stop)),
    (4, Stop, 8): (*LAST_STEP, says(Stop)),
    (5, Stop, 8): (says(RequestSupplement), says(Stop)),
    (6, Stop, 8): (says(RequestFees), says(Stop)),
    (4, Complete, 9): (*LAST_STEP, says(Complete)),
    (9, Return, 10): (*LAST_STEP, says(Complete), says(Return)),
    (9, Dispatch, 9): (submit(fees_due=False, delivery="post"), *LAST_STEP, says(Complete), says(Dispatch)),
    (9, FetchResult, 10): (submit(fees_due=False, delivery="online"), *LAST_STEP, says(Complete), fetched()),
    (2, Extend, 2): (submit(BIRTH, fees_due=False), says(Accept, COMMUNE), says(Extend, COMMUNE)),
    (4, Extend, 4): (
        submit(BIRTH, fees_due=False), says(Accept, COMMUNE), says(StartProcessing, COMMUNE), says(Extend, COMMUNE)
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", list(WAYS), ids=lambda row: f"{row[0]}-{row[1].__name__}-{row[2]}")
def test_each_move_happens_tells_its_event_with_where_the_dossier_stands_and_is_in_the_journal(
    row: tuple[int, type, int],
) -> None:
    source, kind, target = row
    *before, message = WAYS[row]
    story = after(*before) if before else after()
    assert story.status == source
    told, lines = len(story.told), len(story.journal)
    assert story.on(message, LATER) is not None
    assert story.status == target
    (move,) = (each for each in MOVES.moves if (each.source, each.message, each.target) == row)
    (said,) = story.told[told:]
    assert type(said) is move.event
    assert story.last.step == story.now_is.step()
    assert (story.last.step.status, story.last.step.agency) == (target, story.now_is.agency)
    assert story.last.step.department
    assert (story.last.step.due is not None) == (target in OPEN)
    (line,) = story.journal[lines:]
    assert line.at == LATER
    if issubclass(kind, ByOfficer):
        assert (line.by, line.role, line.body["department"]) == (OFFICER, "officer", DEPARTMENT)


def test_each_row_of_the_table_is_gone() -> None:
    rows = {(move.source, move.message, move.target) for move in MOVES.moves if move.source is not None}
    assert rows == set(WAYS)


@pytest.mark.parametrize("status", range(1, 11))
def test_every_other_message_is_refused_and_the_legal_ones_are_named(status: int) -> None:
    legal = {move.message for move in MOVES.moves if move.source == status}
    for kind in {move.message for move in MOVES.moves} - legal - {Submit}:
        story = in_(status)
        if kind in (payments.Succeeded, payments.Expired, SupplementOver, FetchResult):
            assert story.on(given_by(kind)) is None, "what comes late or twice changes nothing"
            continue
        refusal = refused(story, given_by(kind))
        assert (refusal.status, refusal.code) == (409, "illegal_move")
        voice = ByOfficer if issubclass(kind, ByOfficer) else ByCitizen
        said = refusal.en.partition("Possible: ")[2].rstrip(".").split(", ")
        own = {each for each in legal if issubclass(each, voice)}
        assert set(said) & {each.__name__ for each in legal} == {each.__name__ for each in own}
        assert all(WORDS[each] in refusal.vi for each in own)
        assert NAMES[Status(status)] in refusal.vi
        assert ("không còn bước nào" in refusal.vi) == (status in FINAL)


# Filing


def test_a_dossier_with_fees_waits_for_them_and_one_without_for_the_desk() -> None:
    story = after(submit())
    assert story.events == ["Submitted", "FeesRequested"]
    first, second = story.told[0].model_dump(), story.told[1].model_dump()
    assert (first["step"]["status"], second["step"]["status"], second["amount"]) == (1, 6, 135_000)
    assert first["payment_due"] == second["step"]["due"] == story.now_is.due
    free = after(submit(fees_due=False))
    assert (free.events, free.status, free.last.payment_due) == (["Submitted"], 1, None)
    story.on(paid())
    assert (story.status, story.events[-1]) == (1, "FeesSettled")


def test_a_code_is_given_to_one_dossier_only() -> None:
    for status in range(1, 11):
        assert refused(in_(status), submit()).code == "code_taken"


def test_what_is_filed_at_the_counter_names_the_officer_and_what_is_filed_online_nobody() -> None:
    assert [(line.by, line.role) for line in after(submit(filed_by=OFFICER)).journal] == [(OFFICER, "officer")]
    assert [(line.by, line.role) for line in after(submit()).journal] == [(None, "citizen")]


# Who may speak


@pytest.mark.parametrize("kind", BY_OFFICERS, ids=lambda kind: kind.__name__)
def test_another_agencys_officer_finds_nothing_whatever_the_state_and_version(kind: type[ByOfficer]) -> None:
    absent = refused(Story(), says(kind))
    for status in range(1, 11):
        for agency in (COMMUNE, "", "g09.20", "G09"):
            hidden = refused(in_(status), says(kind, agency, seen_version=99))
            assert isinstance(hidden, NotFound)
            assert (hidden.vi, hidden.en) == (absent.vi, absent.en)


@pytest.mark.parametrize("message", [supplied(), withdrawn(), fetched(), posted()], ids=lambda m: type(m).__name__)
def test_another_citizen_finds_nothing_whatever_the_state_and_version(message: Any) -> None:
    absent = refused(Story(), message)
    stranger = message.model_copy(update={"person_id": new_id(), "seen_version": 99})
    for status in range(1, 11):
        hidden = refused(in_(status, delivery="online"), stranger)
        assert isinstance(hidden, NotFound)
        assert (hidden.vi, hidden.en) == (absent.vi, absent.en)


@pytest.mark.parametrize("kind", [*BY_OFFICERS, Supplement, AskWithdrawal], ids=lambda kind: kind.__name__)
def test_who_saw_an_older_or_newer_version_is_told_to_load_it_again(kind: type) -> None:
    (way, *_) = [way for row, way in WAYS.items() if row[1] is kind]
    *before, message = way
    story = after(*before) if before else after()
    version = story.now_is.version
    for seen in (0, version - 1, version + 1):
        refusal = refused(story, message.model_copy(update={"seen_version": seen}))
        assert (refusal.status, refusal.code) == (412, "stale")
    assert story.on(message.model_copy(update={"seen_version": version})) is not None


@pytest.mark.parametrize("heard", [paid(), expired()], ids=["paid", "expired"])
def test_money_for_a_dossier_nobody_knows_is_not_silently_dropped(heard: Any) -> None:
    assert isinstance(refused(Story(), heard), NotFound)


# The supplement


def test_a_supplement_is_asked_for_once_whole_and_nothing_twice() -> None:
    for status in (1, 2, 4):
        story = in_(status)
        assert refused(story, says(RequestSupplement, items=(MARK, PAPER, MARK))).code == "marked_twice"
        story.on(says(RequestSupplement))
        assert (story.last.items, story.last.until) == ((MARK, PAPER), story.now_is.due)
        story.on(supplied())
        again = refused(story, says(RequestSupplement, items=(PAPER,)))
        assert (again.status, again.code) == (409, "supplement_asked_before")


@pytest.mark.parametrize(
    ("paths", "wrong"),
    [
        ((MARK.path,), {(PAPER.path, "still_missing")}),
        ((PAPER.path,), {(MARK.path, "still_missing")}),
        ((MARK.path, PAPER.path, "details.licence_class"), {("details.licence_class", "not_asked")}),
        (("documents.old_licence",), {(MARK.path, "still_missing"), (PAPER.path, "still_missing"),
                                      ("documents.old_licence", "not_asked")}),
    ],
)  # fmt: skip
def test_all_that_was_marked_is_supplied_and_nothing_else(paths: tuple[str, ...], wrong: set[tuple[str, str]]) -> None:
    refusal = refused(in_(5), supplied(*paths))
    assert (refusal.status, refusal.code) == (422, "supplement_incomplete")
    assert {(each["path"], each["code"]) for each in refusal.errors} == wrong
    assert all(each["vi"] and each["en"] for each in refusal.errors)


@pytest.mark.parametrize("typed", [None, "hết hạn"], ids=["left empty", "as it was"])
def test_a_marked_field_that_is_empty_or_as_it_was_is_still_missing(typed: str | None) -> None:
    assert form_of()["details"]["reason"] == "hết hạn"
    refusal = refused(in_(5), supplied(form=form_of() | {"details": form_of()["details"] | {"reason": typed}}))
    assert [(each["path"], each["code"]) for each in refusal.errors] == [(MARK.path, "still_missing")]


def test_a_marked_document_without_a_file_is_still_missing() -> None:
    refusal = refused(in_(5), supplied(documents=()))
    assert [(each["path"], each["code"]) for each in refusal.errors] == [(PAPER.path, "still_missing")]


def test_a_supplied_document_is_the_next_version_and_the_earlier_ones_are_kept() -> None:
    story = in_(5)
    (first,) = story.now_is.documents
    story.on(supplied(documents=(new := (paper(), paper()))))
    assert [(each.document_id, each.version, each.replaced) for each in story.now_is.documents] == [
        (first.document_id, 1, True), *((each.document_id, 2, False) for each in new)
    ]  # fmt: skip
    assert story.last.items == (MARK.path, PAPER.path)
    (line,) = (line for line in story.journal if line.kind == "supplemented")
    assert line.body["fields"] == [{"path": MARK.path, "before": "hết hạn", "after": "hỏng"}]


def test_the_code_never_changes_whatever_is_supplied() -> None:
    for status in (1, 2, 4):
        story = in_(status)
        code = story.now_is.code
        story.on(says(RequestSupplement))
        story.on(supplied(form=supplied().form | {"code": "X", "agency": PROVINCE}))
        assert (story.now_is.code, story.now_is.agency) == (code, POLICE)


def test_a_supplement_over_is_heard_only_while_it_is_waited_for() -> None:
    story = in_(5)
    until = story.timers[SupplementOver].due
    assert until == story.now_is.due
    story.fires(SupplementOver)
    assert (story.status, story.last.cause, story.now) == (8, "not_supplemented", until)
    answered = in_(5)
    answered.on(supplied())
    assert SupplementOver not in answered.timers
    assert answered.on(SupplementOver()) is None


# Steps


def test_a_dossier_goes_through_its_steps_and_back_and_is_completed_only_in_the_last() -> None:
    story = in_(4, BIRTH)
    keys = [stage.key for stage in story.now_is.stages]
    assert keys == ["tham_tra", "tra_so", "nhan_tra_loi", "ky_duyet"]
    assert refused(story, says(SendBack, COMMUNE)).code == "first_step"
    holders = [COMMUNE, PROVINCE, COMMUNE, COMMUNE]
    for place, holder in enumerate(holders):
        assert (story.now_is.handler, story.now_is.stage) == (holder, place)
        assert story.last.step.task == story.now_is.stages[place].name
        assert story.last.step.handler == (None if holder == COMMUNE else holder)
        if place < 3:
            left = refused(story, says(Complete, holder))
            assert left.code == "steps_left"
            assert all(stage.name in left.vi for stage in story.now_is.stages[place + 1 :])
            story.on(says(HandOn, holder))
    assert refused(story, says(HandOn, COMMUNE)).code == "last_step"
    story.on(says(SendBack, COMMUNE))
    story.on(says(SendBack, COMMUNE))
    assert (story.now_is.handler, story.last.reason) == (PROVINCE, REASON)


def test_while_another_agency_has_it_only_that_one_decides_and_afterwards_it_finds_nothing() -> None:
    story = in_(4, BIRTH)
    assert isinstance(refused(story, says(HandOn, PROVINCE)), NotFound)
    story.on(says(HandOn, COMMUNE))
    for kind in (HandOn, Assign, SendBack, Stop, RequestFees):
        held = refused(story, says(kind, COMMUNE))
        assert (held.status, held.code) == (409, "held_elsewhere")
        assert story.now_is.handler_name in held.vi
    story.on(posted("officer", agency=PROVINCE))
    story.on(says(Assign, PROVINCE))
    story.on(says(HandOn, PROVINCE))
    for message in (says(HandOn, PROVINCE), posted("officer", agency=PROVINCE)):
        assert isinstance(refused(story, message), NotFound)


def test_a_step_of_another_agency_ends_where_the_result_is_handed_over() -> None:
    """Completed by the agency above, the result waits at the desk of the agency that received the dossier."""
    message = submit(BIRTH, fees_due=False)
    two = message.stages[:2]
    story = after(message.model_copy(update={"stages": two}), *(says(k, COMMUNE) for k in (Accept, StartProcessing)))
    story.on(says(HandOn, COMMUNE))
    story.on(says(Complete, PROVINCE, department="Sở Tư pháp"))
    step = story.last.step
    assert (step.agency, step.department, step.officer, step.handler) == (COMMUNE, DEPARTMENT, None, None)
    assert isinstance(refused(story, says(Return, PROVINCE)), NotFound)
    assert story.on(says(Return, COMMUNE)) is not None


def test_who_is_given_a_dossier_has_it_since_then_and_who_has_it_is_not_given_it_again() -> None:
    story = in_(4)
    story.on(says(Assign), LATER)
    assert (story.last.step.officer, story.last.step.since) == ("Phạm Văn Sơn", LATER)
    assert story.on(says(Assign), LATER + timedelta(hours=1)) is None


def test_supplied_or_paid_the_dossier_is_back_where_it_was_with_whom_it_was() -> None:
    for ask, answer in ((says(RequestSupplement), supplied()), (says(RequestFees), paid())):
        story = after(*LAST_STEP, says(Assign))
        before = story.now_is
        story.on(ask)
        story.on(answer)
        kept = {"status", "stage", "handler", "department"}
        assert story.now_is.model_dump(include=kept) == before.model_dump(include=kept)
    story = in_(2)
    story.on(says(RequestSupplement))
    story.on(supplied())
    assert (story.status, story.now_is.stage, story.now_is.department) == (4, 0, "Phòng Cảnh sát giao thông")


# Fees, withdrawal


def test_later_fees_are_told_with_their_lines_and_added_to_the_dossiers() -> None:
    story = after(submit(), paid(), says(Accept), says(RequestFees))
    assert [line.amount for line in story.now_is.fee_lines] == [135_000, 135_000]
    assert (story.last.amount, len(story.last.fee_lines), story.last.payment_due) == (135_000, 1, story.now_is.due)
    assert len(story.told[1].model_dump()["fee_lines"]) == 0, "those of the form stand in Submitted"


def test_later_fees_name_each_fee_once_and_are_no_more_than_any_bill() -> None:
    (line,) = submit().fee_lines
    most = line.model_copy(update={"amount": 10**12})
    other = most.model_copy(update={"code": "another", "amount": 1})
    for lines, code in (((line, line), "fee_twice"), ((most, other), "fees_too_large")):
        refusal = refused(in_(2), says(RequestFees, fee_lines=lines))
        assert (refusal.status, refusal.code) == (422, code)
    story = in_(2)
    story.on(says(RequestFees, fee_lines=(most,)))
    assert (story.status, story.last.amount) == (6, 10**12)


@pytest.mark.parametrize("status", [1, 2, 4, 5, 6])
def test_a_declined_withdrawal_leads_back_to_where_the_dossier_was(status: int) -> None:
    story = in_(status)
    before, timers = story.now_is, dict(story.timers)
    story.on(withdrawn())
    story.on(says(DeclineWithdrawal), LATER)
    changed = {"version", "sequence", "since"}
    assert story.now_is.model_dump(exclude=changed) == before.model_dump(exclude=changed)
    assert (story.timers, story.last.reason) == (timers, REASON)


@pytest.mark.parametrize("status", [1, 2, 4, 5, 6])
def test_a_granted_withdrawal_ends_it_and_nothing_comes_after(status: int) -> None:
    story = in_(status)
    story.on(withdrawn())
    story.on(says(GrantWithdrawal))
    assert (story.status, story.last.cause, story.timers) == (8, "withdrawn", {})
    for late in (paid(), expired(), SupplementOver()):
        assert story.on(late) is None


@pytest.mark.parametrize("accepted", [False, True])
def test_fees_paid_while_the_citizen_wants_it_back_count_and_a_declined_wish_goes_on_paid(accepted: bool) -> None:
    story = in_(2) if accepted else in_(1)
    promised = story.now_is.result_due
    story.on(says(RequestFees))
    story.on(withdrawn())
    story.on(paid())
    assert (story.status, story.now_is.before, story.events[-1]) == (7, 2 if accepted else 1, "FeesSettled")
    assert story.now_is.result_due == promised
    assert set(story.timers) == ({NearlyDue, PastDue} if accepted else set())
    assert story.on(paid()) is None
    assert story.on(expired()) is None
    story.on(says(DeclineWithdrawal))
    assert (story.status, story.now_is.result_due) == (2 if accepted else 1, promised)
    assert story.last.step.due is not None


def test_money_counts_for_nothing_while_a_supplement_is_waited_for_or_withdrawn_from() -> None:
    story = in_(5)
    assert story.on(paid()) is None
    story.on(withdrawn())
    assert story.on(paid()) is None
    assert story.on(expired()) is None


# Corrections, messages, results


def test_a_note_goes_with_the_dossier_to_the_next_one_and_not_to_its_citizen() -> None:
    story = after(says(Accept), says(StartProcessing), says(HandOn, note="Nghi giấy tờ giả"))
    note, line = story.journal[-2:]
    assert (note.kind, note.shown, note.body["text"], note.by) == ("note", False, "Nghi giấy tờ giả", OFFICER)
    assert (line.kind, line.shown, "giả" in line.model_dump_json()) == ("handed_on", True, False)
    assert "note" not in [each.kind for each in after(*LAST_STEP).journal]


def test_assigned_at_the_desk_a_dossier_is_due_as_before() -> None:
    for status in (1, 2):
        story = in_(status)
        since, due = story.now_is.since, story.now_is.due
        story.on(says(Assign), LATER)
        assert (story.now_is.officer, story.status, story.now_is.since, story.now_is.due) == (
            "Phạm Văn Sơn", status, since, due
        )  # fmt: skip


def test_a_correction_shows_the_old_and_the_new_value_and_tells_only_the_field() -> None:
    form = form_of() | {
        "applicant": form_of()["applicant"] | {"name": "Nguyễn Thị Nguyệt"},
        "delivery": {"method": "post", "address": "5 phố Mới"},
    }
    changed = ("applicant.name", "delivery")
    for status in (1, 2, 4):
        story = in_(status)
        since = story.now_is.since
        story.on(says(Correct, form=form, changed=changed), LATER)
        line = story.journal[-1]
        assert (line.shown, line.body["fields"][0]) == (
            True, {"path": "applicant.name", "before": NAME, "after": "Nguyễn Thị Nguyệt"}
        )  # fmt: skip
        assert (story.last.fields, story.status, story.now_is.since) == (changed, status, since)
        assert "Nguyệt" not in story.last.model_dump_json()
        assert (story.now_is.delivery.method, story.now_is.delivery.address) == ("post", "5 phố Mới")
        assert "nguyet" in story.now_is.search.split()


def test_messages_are_written_while_it_is_not_closed_by_those_who_have_the_dossier_and_change_nothing_else() -> None:
    for status in (3, 8, 10):
        assert [refused(in_(status), each).code for each in (posted(), posted("officer"))] == ["closed_dossier"] * 2
    for status in (1, 2, 4, 5, 6, 7, 9):
        story = in_(status)
        before = story.now_is
        for message in (posted(), posted("officer")):
            story.on(message, LATER)
            assert (story.last.message_id, story.last.author) == (message.message_id, message.author)
            assert story.journal[-1].body["text"] == SAID
        counters = {"version", "sequence"}
        assert story.now_is.model_dump(exclude=counters) == before.model_dump(exclude=counters)
    for stranger in (posted(person_id=new_id()), posted("officer", agency=COMMUNE), posted(person_id=None)):
        assert isinstance(refused(in_(4), stranger), NotFound)


def test_what_the_officer_said_is_kept_and_told() -> None:
    story = in_(3)
    assert story.now_is.grounds == story.last.grounds == REASON
    story = in_(9)
    assert (story.now_is.result_number, story.last.result_number) == (NUMBER, "********2345")
    assert story.now_is.result_document is not None
    story.on(says(Return, delivery="tại nhà"))
    assert story.last.delivery == "tại nhà"


def test_a_completion_without_its_document_cannot_even_be_said() -> None:
    with pytest.raises(ValueError, match="document"):
        commands.Complete.model_validate({"officer": OFFICER, "agency": POLICE, "result_number": NUMBER})


def test_a_result_is_sent_only_to_those_who_asked_for_that() -> None:
    for method in ("desk", "online"):
        assert refused(in_(9, delivery=method), says(Dispatch)).code == "not_by_post"
    story = in_(9, delivery="post")
    story.on(says(Dispatch))
    assert (story.status, story.now_is.tracking_number, story.last.carrier) == (9, "EB123456789VN", "Bưu điện Việt Nam")
    story.on(says(Return, delivery="qua bưu chính"))
    assert story.status == 10


def test_opening_an_online_result_returns_it_once_and_opening_another_changes_nothing() -> None:
    story = in_(9, delivery="online")
    story.on(fetched())
    assert (story.status, story.last.delivery) == (10, "trực tuyến")
    assert story.on(fetched()) is None
    for method in ("desk", "post"):
        assert in_(9, delivery=method).on(fetched()) is None


def test_acceptance_asks_for_the_appointment_that_the_procedure_needs() -> None:
    assert in_(2).last.appointment.minutes == 15
    assert in_(2, BIRTH).last.appointment is None


def test_no_name_no_number_and_no_message_is_in_any_event() -> None:
    for status in range(1, 11):
        story = in_(status, delivery="post")
        if not story.now_is.is_closed:
            story.on(posted())
        told = "".join(each.model_dump_json() for each in story.told)
        assert [secret for secret in (NAME, NUMBER, SAID, "12 phố Chợ") if secret in told] == []


@given(st.text(min_size=1, max_size=100))
def test_a_masked_number_tells_at_most_its_last_four_characters_and_half_of_itself(number: str) -> None:
    told = masked(number)
    assert len(told) == len(number)
    assert set(told[:-4]) <= {"*"}
    assert told == "*" * len(number) or len(number) >= 8


def test_a_mark_without_a_reason_is_none() -> None:
    with pytest.raises(ValueError, match="reason"):
        Marked(kind="field", path="details.reason", name="Lý do đổi", reason="")
    with pytest.raises(ValueError, match="items"):
        says(RequestSupplement, items=())
