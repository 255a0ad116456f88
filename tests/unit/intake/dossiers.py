"""A dossier driven by messages as the service would, through the deciders that `main` wires; every move is held to the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from chassis.decider import At, Decide, Decision, Message, Remark
from chassis.envelope import Event
from chassis.identifiers import new_id
from contracts import dossiers, payments
from contracts.dossiers import Marked, Status
from contracts.event import Data
from services.intake.domain import calendars, commands, fees, paying
from services.intake.domain.calendar import Calendar
from services.intake.domain.catalogue import Procedure
from services.intake.domain.commands import ByOfficer, PostMessage, Submit
from services.intake.domain.dossier import Attached, Delivery, Dossier, Entry, Way
from services.intake.domain.moves import MOVES
from services.intake.domain.process import stages
from services.intake.domain.register import RegisterAnswered
from services.intake.main import decides_on_dossiers
from tests.forms import CATALOGUE, TODAY
from tests.records import NOON, event, example

LICENCE, BIRTH = "1.002809", "1.004884"
POLICE, COMMUNE, PROVINCE = "G09.20", "H55.31", "H55"
PERSON = new_id()
NAME, NUMBER, SAID = "Nguyễn Thị Ánh Nguyệt", "010190012345", "Tôi gửi nhầm ảnh"
"""What stays at intake: a name, the number of a result, the text of a message."""
OFFICER, DEPARTMENT = "Vũ Thị Lan", "Bộ phận một cửa"
REASON = "Cần xác minh thêm với nơi cấp."
MARK = Marked(kind="field", path="details.reason", name="Lý do đổi", reason="Không đúng lý do")
PAPER = Marked(kind="document", path="documents.health", name="Giấy khám sức khỏe", reason="Ảnh mờ")
OUTSIDE = (PostMessage, commands.Recalculate, commands.NearlyDue, commands.PastDue, RegisterAnswered)
"""What no move of the table follows from."""


def paper(slot: str = "health", name: str = "kham-suc-khoe.pdf", version: int = 1) -> Attached:
    kind = "application/pdf"
    return Attached(
        slot=slot, document_id=new_id(), name=name, media_type=kind, size=9, sha256="0" * 64, version=version
    )


def procedure_of(code: str = LICENCE) -> Procedure:
    found = CATALOGUE.on(code, TODAY)
    assert found is not None
    return found


def form_of(code: str = LICENCE) -> dict[str, Any]:
    form = CATALOGUE.example(procedure_of(code))
    return form | {"applicant": form["applicant"] | {"name": NAME}}


def submit(code: str = LICENCE, fees_due: bool = True, delivery: Way = "desk", **changes: Any) -> Submit:
    """A right form of this procedure, as it comes to the decider."""
    procedure, form = procedure_of(code), form_of(code)
    agency = CATALOGUE.agencies[POLICE if code == LICENCE else COMMUNE]
    lines = fees.assess(procedure, form, online=True, day=TODAY) if fees_due else ()
    filed = Submit(
        code=f"{agency.code}-260609-0001",
        procedure=procedure.code,
        procedure_version=procedure.version,
        procedure_name=procedure.name,
        agency=agency.code,
        agency_name=agency.name,
        desk=agency.desk,
        person_id=PERSON,
        form=form,
        fee_lines=lines,
        payment_days=procedure.payment_days,
        supplement_days=procedure.supplement_days,
        processing=procedure.processing,
        extended=procedure.extended,
        stages=stages(procedure, agency, CATALOGUE.agencies, form),
        appointment=procedure.appointment,
        result=procedure.result,
        delivery=Delivery(method=delivery, address="12 phố Chợ" if delivery == "post" else None),
        documents=(paper(),),
    )
    return filed.model_copy(update=changes)


def says(kind: type[ByOfficer], agency: str = POLICE, **more: Any) -> Any:
    """An officer's command, with what has to be said with it."""
    usual: dict[type[ByOfficer], dict[str, Any]] = {
        commands.Refuse: {"grounds": REASON},
        commands.Assign: {"to": "Phạm Văn Sơn"},
        commands.SendBack: {"reason": REASON},
        commands.RequestSupplement: {"items": (MARK, PAPER)},
        commands.RequestFees: {"fee_lines": submit().fee_lines},
        commands.WithdrawFees: {"reason": REASON},
        commands.Correct: {"form": form_of(), "changed": ("details.reason",), "reason": REASON},
        commands.Apologise: {"to": date(2026, 6, 24), "reason": REASON},
        commands.Extend: {"reason": REASON},
        commands.Stop: {"reason": REASON},
        commands.DeclineWithdrawal: {"reason": REASON},
        commands.Complete: {"result_number": NUMBER, "document": paper("result", "ket-qua.pdf")},
        commands.Dispatch: {"carrier": "Bưu điện Việt Nam", "tracking_number": "EB123456789VN"},
    }
    who = {"officer": OFFICER, "agency": agency, "department": DEPARTMENT}
    return kind.model_validate(who | usual.get(kind, {}) | more)


def supplied(*changed: str, **more: Any) -> commands.Supplement:
    """What the citizen supplies: by default all that `says(RequestSupplement)` marks."""
    paths = changed or (MARK.path, PAPER.path)
    form = form_of() | {"details": form_of()["details"] | {"reason": "hỏng"}}
    documents = tuple(paper(path.removeprefix("documents.")) for path in paths if path.startswith("documents."))
    told = {"person_id": PERSON, "form": form, "changed": paths, "documents": documents}
    return commands.Supplement.model_validate(told | more)


def withdrawn(**more: Any) -> commands.AskWithdrawal:
    return commands.AskWithdrawal.model_validate({"person_id": PERSON, "reason": "Tôi nộp nhầm"} | more)


def fetched(**more: Any) -> commands.FetchResult:
    return commands.FetchResult.model_validate({"person_id": PERSON} | more)


def posted(author: str = "citizen", **more: Any) -> PostMessage:
    who = {"person_id": PERSON} if author == "citizen" else {"agency": POLICE}
    told = {"message_id": new_id(), "author": author, "name": OFFICER, "text": SAID}
    return PostMessage.model_validate(told | who | more)


def paid(request_id: UUID | None = None) -> Event[Any]:
    """The bill of the form, or of this request, is paid."""
    return event(example(payments.Succeeded, request_id=request_id))


def expired(request_id: UUID | None = None) -> Event[Any]:
    return event(example(payments.Expired, request_id=request_id))


@dataclass
class Story:
    """What has become of one dossier: its state, what it told, its journal, the timers it waits for."""

    dossier: Dossier | None = None
    told: list[Data] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    timers: dict[type, At] = field(default_factory=dict)
    now: datetime = NOON
    off: dict[date, bool] = field(default_factory=dict)
    _calendars: dict[str, Calendar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.changes({})
        self.decides = decides_on_dossiers(self.calendar_of)
        self.follows: dict[type, Decide] = {
            payments.Succeeded: partial(paying.settle_fees, calendar_of=self.calendar_of),
            payments.Expired: paying.stop_unpaid,
        }

    @property
    def now_is(self) -> Dossier:
        assert self.dossier is not None
        return self.dossier

    @property
    def status(self) -> int:
        return int(self.now_is.status)

    @property
    def events(self) -> list[str]:
        """The names of what was told, in order."""
        return [type(each).__name__ for each in self.told]

    @property
    def last(self) -> Any:
        return self.told[-1]

    def calendar_of(self, agency: str) -> Calendar:
        return self._calendars[CATALOGUE.agencies[agency].calendar]

    def changes(self, off: dict[date, bool]) -> None:
        """Operators make these days working days or days off, for every agency."""
        self.off = {**self.off, **off}
        self._calendars = _built(self.off)

    def on(self, message: Message | Event[Any], now: datetime | None = None) -> Decision[Dossier] | None:
        """Answer a message and keep what follows. Fails when the move is none of the table's."""
        self.now = now or self.now
        data = message.data if isinstance(message, Event) else message
        decide = self.follows[type(data)] if isinstance(message, Event) else self.decides.decider(type(data))
        assert decide is not None
        decision = decide(self.dossier, message, self.now)
        assert not isinstance(decision, Remark)
        if decision is not None:
            self._held_to_the_table(type(data), decision)
            self._keep(decision)
        return decision

    def fires(self, kind: type, late: datetime | None = None) -> Decision[Dossier] | None:
        """A timer that was set comes, when it is due or later; its message is what the database kept of it."""
        timer = self.timers.pop(kind)
        message = kind.model_validate_json(timer.message.model_dump_json())  # type: ignore[attr-defined]
        return self.on(message, max(self.now, late or timer.due))

    def _held_to_the_table(self, kind: type, decision: Decision[Dossier]) -> None:
        source, target = self.dossier.status if self.dossier else None, decision.state.status
        told = [type(each) for each in decision.events]
        if kind in OUTSIDE:
            assert source == target, f"{kind.__name__} leads from {source} to {target}"
            return
        rows = [move for move in MOVES.moves if (move.source, move.message, move.target) == (source, kind, target)]
        assert rows, f"{source} {kind.__name__} {target} is not in the table"
        first = [dossiers.Submitted] if kind is Submit and target == Status.FINANCIAL_DUTY else []
        assert told in [[*first, row.event] for row in rows], f"{source} {kind.__name__} {target} tells {told}"

    def _keep(self, decision: Decision[Dossier]) -> None:
        # The store writes a decision's journal and never loads it, and the database is all that remembers a dossier.
        version, sequence = (self.dossier.version, self.dossier.sequence) if self.dossier else (0, 0)
        self.journal += decision.state.journal
        counters = {"version": version + 1, "sequence": sequence + len(decision.events)}
        state = decision.state.model_copy(update={"journal": (), **counters})
        self.dossier = Dossier.model_validate_json(state.model_dump_json())
        self.told += [each for each in decision.events if isinstance(each, Data)]
        for kind in decision.cancels:
            self.timers.pop(kind, None)
        self.timers.update({type(timer.message): timer for timer in decision.timers})


def _built(off: dict[date, bool]) -> dict[str, Calendar]:
    key = tuple(sorted(off.items()))
    if key not in _BUILT:
        plans = calendars.load()
        _BUILT[key] = calendars.build(plans, TODAY, dict.fromkeys(plans, off))
    return _BUILT[key]


_BUILT: dict[Any, dict[str, Calendar]] = {}


def after(*messages: Message | Event[Any] | Sequence[Any], now: datetime = NOON) -> Story:
    """A dossier that met these messages; a licence without fees to pay unless another was filed first."""
    story = Story(now=now)
    first = messages[:1]
    for message in messages if first and isinstance(first[0], Submit) else (submit(fees_due=False), *messages):
        assert isinstance(message, Message | Event)
        story.on(message)
    return story


def in_(status: int, code: str = LICENCE, **changes: Any) -> Story:
    """A dossier in this status, come there the shortest way."""
    agency = POLICE if code == LICENCE else COMMUNE
    accepted, begun = says(commands.Accept, agency), says(commands.StartProcessing, agency)
    done = [says(commands.HandOn), says(commands.Complete)]
    ways: dict[int, list[Any]] = {
        1: [],
        2: [accepted],
        3: [says(commands.Refuse, agency)],
        4: [accepted, begun],
        5: [says(commands.RequestSupplement, agency)],
        6: [says(commands.RequestFees, agency)],
        7: [withdrawn()],
        8: [accepted, says(commands.Stop, agency)],
        9: [accepted, begun, *done],
        10: [accepted, begun, *done, says(commands.Return)],
    }
    return after(submit(code, fees_due=False, **changes), *ways[status])
