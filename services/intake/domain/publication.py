"""A version's way: draft, consultation, open, closed; and telling the world which one is in force."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from chassis.clock import VIETNAM
from chassis.decider import At, Decision, Message
from chassis.errors import NotFound, Refusal
from chassis.table import Move, Table
from contracts import procedures
from services.intake.domain.procedure import Procedure
from services.intake.domain.versions import Publication, Version, over


class Import(Message):
    """A version as its data file says."""

    procedure: Procedure


class Ship(Message):
    """A version that comes with the release: it was consulted on before, and opens at once."""

    procedure: Procedure


class Consult(Message):
    """Ask the public about a draft."""

    number: int


class Open(Message):
    """Take dossiers under this version from its effective date on; the one before it ends the day before."""

    number: int


class Close(Message):
    """Take no more dossiers under this version."""

    number: int


class DayComes(Message):
    """The public catalogue says something else from today on: a version begins or ends, a basis ends or soon will."""


NAMES: dict[Any, str] = {"draft": "dự thảo", "consultation": "lấy ý kiến", "open": "đang mở", "closed": "đã đóng"}
WORDS: dict[type, str] = {
    Import: "nạp nội dung",
    Ship: "phát hành",
    Consult: "lấy ý kiến",
    Open: "mở tiếp nhận",
    Close: "đóng",
    DayComes: "công bố lại",
}

MOVES = Table(
    [
        #    from            message  to              event
        Move(None, Import, "draft"),
        Move(None, Ship, "open", procedures.Published),
        Move("draft", Import, "draft"),
        Move("draft", Ship, "open", procedures.Published),
        Move("draft", Consult, "consultation"),
        Move("consultation", Import, "draft"),
        Move("consultation", Ship, "open", procedures.Published),
        Move("consultation", Open, "open", procedures.Published),
        Move("open", DayComes, "open", procedures.Published),
        Move("open", Close, "closed", procedures.Published),
    ],
    NAMES,
    WORDS,
)


def take(publication: Publication | None, message: Import, now: datetime) -> Decision[Publication] | None:
    """A new draft, or other content of one; what was consulted on is a draft again. The same content does nothing.

    Raises Refusal `content_changed` for other content of a version that was ever open.
    """
    publication = publication or Publication(code=message.procedure.code)
    before = _changeable(publication, message.procedure)
    if before is not None and before.body == message.procedure:
        return None
    stage = MOVES.require(before.stage if before else None, Import).target
    return Decision(publication.with_(Version(stage=stage, body=message.procedure)))


def ship(publication: Publication | None, message: Ship, now: datetime) -> Decision[Publication] | None:
    """As `take`, and open; once it was open, it is the operators' matter, and the same content does nothing."""
    publication = publication or Publication(code=message.procedure.code)
    before = _changeable(publication, message.procedure)
    if before is not None and before.was_open:
        return None
    stage = MOVES.require(before.stage if before else None, Ship).target
    return _told(publication.with_(Version(stage=stage, body=message.procedure, was_open=True)), now)


def consult(publication: Publication | None, message: Consult, now: datetime) -> Decision[Publication]:
    """The draft is shown to the public, and takes no dossiers yet."""
    publication, version = _known(publication, message.number)
    stage = MOVES.require(version.stage, Consult).target
    return Decision(publication.with_(version.model_copy(update={"stage": stage})))


def open_(publication: Publication | None, message: Open, now: datetime) -> Decision[Publication]:
    """Raises Refusal: `illegal_move`, `version_over`, `basis_ended`, `newer_open`, each naming what stands in the way."""
    publication, version = _known(publication, message.number)
    stage = MOVES.require(version.stage, Open).target
    _may_open(publication, version.body, now.astimezone(VIETNAM).date())
    return _told(publication.with_(version.model_copy(update={"stage": stage, "was_open": True})), now)


def close(publication: Publication | None, message: Close, now: datetime) -> Decision[Publication]:
    """Dossiers under way stay pinned to it."""
    publication, version = _known(publication, message.number)
    stage = MOVES.require(version.stage, Close).target
    return _told(publication.with_(version.model_copy(update={"stage": stage})), now)


def say_again(publication: Publication | None, message: DayComes, now: datetime) -> Decision[Publication] | None:
    """What is in force today, with the legal bases that end soon; and when to look again."""
    if publication is None or not any(MOVES.allows(each.stage, DayComes) for each in publication.versions):
        return None
    return _told(publication, now)


def _changeable(publication: Publication, body: Procedure) -> Version | None:
    """The version that was there under this number. Raises Refusal when it was open with other content."""
    before = publication.numbered(body.version)
    if before is not None and before.was_open and before.body != body:
        raise Refusal(
            "content_changed",
            f"Phiên bản {body.version} của thủ tục {body.code} đã từng mở, không được sửa. Hãy lập phiên bản mới.",
            f"Version {body.version} of {body.code} was open before and is not changed. Make a new version.",
        )
    return before


def _may_open(publication: Publication, body: Procedure, today: date) -> None:
    if over(body, today):
        raise Refusal(
            "version_over",
            f"Phiên bản {body.version} đã hết hiệu lực từ trước. Hãy lập phiên bản mới.",
            f"Version {body.version} was over before today. Make a new version.",
        )
    first_day = max(today, body.effective_from)
    if ended := [basis for basis in body.legal_bases if basis.valid_to is not None and basis.valid_to < first_day]:
        told = ", ".join(f"{basis.name} ({basis.valid_to:%d/%m/%Y})" for basis in ended)
        raise Refusal(
            "basis_ended",
            f"Căn cứ pháp lý hết hiệu lực trước ngày áp dụng: {told}. Hãy thay căn cứ trong phiên bản này.",
            f"A legal basis ends before the version begins: {told}. Replace it in this version.",
        )
    for other, is_open in publication.opened():
        newer = other.version > body.version or other.effective_from >= body.effective_from
        if is_open and newer and not over(other, today):
            raise Refusal(
                "newer_open",
                f"Phiên bản {other.version} đang mở từ ngày {other.effective_from:%d/%m/%Y}. "
                "Hãy lập phiên bản có số lớn hơn, hiệu lực sau ngày đó.",
                f"Version {other.version} is open from {other.effective_from} on. Begin after it, with a higher number.",
            )


def _told(publication: Publication, now: datetime) -> Decision[Publication]:
    """Say what is in force now, and look again on the next day on which that changes."""
    today = now.astimezone(VIETNAM).date()
    change, said = publication.next_change(today), (publication.said(today),)
    if change is None:
        return Decision(publication, said, cancels=(DayComes,))
    return Decision(publication, said, (At(datetime.combine(change, time(), VIETNAM), DayComes()),))


def _known(publication: Publication | None, number: int) -> tuple[Publication, Version]:
    version = publication.numbered(number) if publication is not None else None
    if publication is None or version is None:
        raise NotFound(f"Không có phiên bản {number} của thủ tục này.", f"There is no version {number} of it.")
    return publication, version
