"""The national status codes of a dossier and the legal moves between them, as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chassis.decider import At
from chassis.errors import Refusal
from chassis.table import Move, Table
from contracts import dossiers, payments
from contracts.dossiers import Status
from services.intake.domain import deadline as clocks
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
from services.intake.domain.dossier import CalendarOf, Dossier, Entry, known, seen

NAMES: dict[Any, str] = {
    Status.REGISTERED: "mới đăng ký",
    Status.ACCEPTED: "được tiếp nhận",
    Status.NOT_ACCEPTED: "không được tiếp nhận",
    Status.PROCESSING: "đang xử lý",
    Status.SUPPLEMENT_ASKED: "yêu cầu bổ sung giấy tờ",
    Status.FINANCIAL_DUTY: "yêu cầu thực hiện nghĩa vụ tài chính",
    Status.WITHDRAWAL_ASKED: "công dân yêu cầu rút hồ sơ",
    Status.STOPPED: "dừng xử lý",
    Status.COMPLETED: "đã xử lý xong",
    Status.RETURNED: "đã trả kết quả",
}

WORDS: dict[type, str] = {
    Submit: "nộp hồ sơ",
    Accept: "tiếp nhận",
    Refuse: "từ chối tiếp nhận",
    StartProcessing: "chuyển xử lý",
    Assign: "giao cán bộ",
    HandOn: "chuyển bước tiếp theo",
    SendBack: "trả lại bước trước",
    RequestSupplement: "yêu cầu bổ sung",
    Supplement: "bổ sung",
    SupplementOver: "ghi nhận quá hạn bổ sung",
    RequestFees: "yêu cầu nộp phí",
    WithdrawFees: "rút yêu cầu nộp phí",
    Correct: "sửa thông tin",
    Apologise: "xin lỗi và hẹn lại",
    Extend: "gia hạn để xác minh",
    AskWithdrawal: "yêu cầu rút hồ sơ",
    GrantWithdrawal: "đồng ý cho rút",
    DeclineWithdrawal: "không đồng ý cho rút",
    Stop: "dừng xử lý",
    Complete: "ghi nhận kết quả",
    Dispatch: "gửi kết quả qua bưu chính",
    FetchResult: "nhận kết quả trực tuyến",
    Return: "trả kết quả",
    payments.Succeeded: "ghi nhận đã nộp phí",
    payments.Expired: "ghi nhận quá hạn nộp phí",
}

_NEW, _IN, _AT_WORK = Status.REGISTERED, Status.ACCEPTED, Status.PROCESSING
_SUPPLEMENT, _FEES, _LEAVING = Status.SUPPLEMENT_ASKED, Status.FINANCIAL_DUTY, Status.WITHDRAWAL_ASKED
_STOPPED, _DONE, _RETURNED = Status.STOPPED, Status.COMPLETED, Status.RETURNED

MOVES = Table(
    [
        #    from         message            to               event
        Move(None, Submit, _NEW, dossiers.Submitted),
        Move(None, Submit, _FEES, dossiers.FeesRequested),
        Move(_NEW, Accept, _IN, dossiers.Accepted),
        Move(_NEW, Refuse, Status.NOT_ACCEPTED, dossiers.Refused),
        Move(_IN, StartProcessing, _AT_WORK, dossiers.ProcessingStarted),
        *(Move(state, Assign, state, dossiers.Assigned) for state in (_NEW, _IN, _AT_WORK)),
        Move(_AT_WORK, HandOn, _AT_WORK, dossiers.HandedOn),
        Move(_AT_WORK, SendBack, _AT_WORK, dossiers.SentBack),
        # Once and whole; the citizen's answer leads to the desk, or to work where it had been accepted.
        *(Move(state, RequestSupplement, _SUPPLEMENT, dossiers.SupplementRequested) for state in (_NEW, _IN, _AT_WORK)),
        Move(_SUPPLEMENT, Supplement, _NEW, dossiers.Supplemented),
        Move(_SUPPLEMENT, Supplement, _AT_WORK, dossiers.Supplemented),
        Move(_SUPPLEMENT, SupplementOver, _STOPPED, dossiers.Stopped),
        # Fees that came up later; paid or taken back, it is where it was.
        *(Move(state, RequestFees, _FEES, dossiers.FeesRequested) for state in (_NEW, _IN, _AT_WORK)),
        *(Move(_FEES, payments.Succeeded, state, dossiers.FeesSettled) for state in (_NEW, _IN, _AT_WORK)),
        *(Move(_FEES, WithdrawFees, state, dossiers.FeesWithdrawn) for state in (_NEW, _IN, _AT_WORK)),
        Move(_FEES, payments.Expired, _STOPPED, dossiers.Stopped),
        # What an officer corrects the citizen sees.
        *(Move(state, Correct, state, dossiers.Corrected) for state in (_NEW, _IN, _AT_WORK)),
        *(Move(state, Apologise, state, dossiers.Rescheduled) for state in (_IN, _AT_WORK)),
        *(Move(state, Extend, state, dossiers.DueChanged) for state in (_IN, _AT_WORK)),
        # Withdrawal goes to the agency first; while it waits, fees may still come in, run out or be taken back.
        *(
            Move(state, AskWithdrawal, _LEAVING, dossiers.WithdrawalRequested)
            for state in (_NEW, _IN, _AT_WORK, _SUPPLEMENT, _FEES)
        ),
        Move(_LEAVING, GrantWithdrawal, _STOPPED, dossiers.Stopped),
        *(
            Move(_LEAVING, DeclineWithdrawal, state, dossiers.WithdrawalDeclined)
            for state in (_NEW, _IN, _AT_WORK, _SUPPLEMENT, _FEES)
        ),
        Move(_LEAVING, payments.Succeeded, _LEAVING, dossiers.FeesSettled),
        Move(_LEAVING, WithdrawFees, _LEAVING, dossiers.FeesWithdrawn),
        Move(_LEAVING, payments.Expired, _STOPPED, dossiers.Stopped),
        Move(_LEAVING, SupplementOver, _STOPPED, dossiers.Stopped),
        *(Move(state, Stop, _STOPPED, dossiers.Stopped) for state in (_IN, _AT_WORK, _SUPPLEMENT, _FEES)),
        Move(_AT_WORK, Complete, _DONE, dossiers.Completed),
        Move(_DONE, Dispatch, _DONE, dossiers.ResultDispatched),
        Move(_DONE, FetchResult, _RETURNED, dossiers.Returned),
        Move(_DONE, Return, _RETURNED, dossiers.Returned),
    ],
    NAMES,
    WORDS,
    (ByCitizen, ByOfficer),
)


def to(dossier: Dossier, message: type, now: datetime, target: Status | None = None, **changes: Any) -> Dossier:
    """The dossier after this message: in the table's first status for it, or in `target` where the table gives several.

    Raises Refusal 409, naming the legal moves, for an illegal one.
    """
    found = MOVES.require(dossier.status, message).target
    status = Status(target or found)
    if not any((move.source, move.message, move.target) == (dossier.status, message, status) for move in MOVES.moves):
        raise AssertionError(f"{message.__name__} leads from {dossier.status.name} to no {status.name}")
    return dossier.model_copy(update={"status": status, "since": now, **changes})


def by_citizen(dossier: Dossier | None, message: ByCitizen) -> Dossier:
    """The dossier, when its own citizen speaks, or says it at the counter where it was filed, and saw its latest version.

    Raises NotFound for everybody else, Refusal 412 for an older version, 409 at the counter for what was filed online.
    """
    dossier, counter = known(dossier), message.at_counter
    if dossier.person_id != message.person_id or (counter is not None and counter.agency != dossier.agency):
        return known(None)
    if counter is not None:
        filed_at_counter(dossier)
    return seen(dossier, message.seen_version)


def filed_at_counter(dossier: Dossier) -> Dossier:
    """The dossier, when it was filed at a counter: there its citizen goes on. Raises Refusal 409 for others."""
    if dossier.filed_by is None:
        raise Refusal(
            "filed_online",
            "Hồ sơ này nộp trực tuyến; người nộp tự thực hiện bằng tài khoản của mình.",
            "This dossier was filed online; its citizen does this with the account that filed it.",
        )
    return dossier


def by_officer(dossier: Dossier | None, message: ByOfficer) -> Dossier:
    """The dossier, when an agency that has to do with it speaks and saw its latest version.

    Raises NotFound for any other agency, Refusal 412 for an older version, 409 where another agency has it now.
    """
    dossier = known(dossier)
    if message.agency not in (dossier.agency, dossier.handler):
        return known(None)
    seen(dossier, message.seen_version)
    MOVES.require(dossier.status, type(message))
    return held_here(dossier, message) if dossier.status == Status.PROCESSING else dossier


def held_here(dossier: Dossier, message: ByOfficer) -> Dossier:
    """The dossier, when the agency that speaks has it now. Raises Refusal 409 where another one does."""
    if message.agency != dossier.handler:
        raise Refusal(
            "held_elsewhere",
            f"Hồ sơ đang ở {dossier.handler_name}; cơ quan ấy mới thực hiện được bước này.",
            f"{dossier.handler_name} has the dossier now, and only it can do this.",
        )
    return dossier


def officers(message: ByOfficer, kind: str, now: datetime, paper: str | None = None, **body: Any) -> Entry:
    """The journal's line of an officer, or of the agency's own system."""
    return Entry(
        at=now,
        kind=kind,
        by=message.officer,
        role="officer" if message.report_id is None else "agency-system",
        paper=paper,
        body={"agency": message.agency, "department": message.department, **body},
    )


def citizens(message: ByCitizen, kind: str, now: datetime, **body: Any) -> Entry:
    """The journal's line of a citizen, or of the officer who does it for one at the counter."""
    counter = message.at_counter
    if counter is None:
        return Entry(at=now, kind=kind, by=None, role="citizen", body=body)
    return Entry(at=now, kind=kind, by=counter.officer, role="officer", body={"agency": counter.agency, **body})


def promised(dossier: Dossier, calendar_of: CalendarOf) -> tuple[Dossier, tuple[At, ...]]:
    """The dossier with the promised date that its clock gives, and the timers that warn of it."""
    if dossier.clock is None:
        return dossier, ()
    calendar = calendar_of(dossier.agency)
    due, warnings = clocks.due(dossier.clock, calendar), clocks.warnings(dossier.clock, calendar)
    dated = dossier.model_copy(update={"result_due": due})
    if due is None or warnings is None:
        return dated, ()
    return dated, (At(warnings.soon, NearlyDue(due=due)), At(due, PastDue(due=due)))


def promised_anew(dossier: Dossier, calendar_of: CalendarOf) -> tuple[Dossier, tuple[At, ...]]:
    """The same for a dossier whose date moves: its step is due then, unless it has an earlier date of its own."""
    was = dossier.result_due
    dated, timers = promised(dossier, calendar_of)
    if dated.result_due is None or (dossier.due not in (None, was) and dossier.due < dated.result_due):
        return dated, timers
    return dated.model_copy(update={"due": dated.result_due}), timers


WARNINGS: tuple[type, ...] = (NearlyDue, PastDue)
