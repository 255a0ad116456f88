"""One notice on one channel: announced, sent outside the quiet hours, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.decider import At, Call, Decision, Message, State
from chassis.table import Move, Table
from contracts import notifications
from contracts.notifications import Channel
from services.notifications.domain.quiet import Quiet

SILENCE = timedelta(hours=72)
"""After so long without an answer or a receipt a notice has failed, as far as anybody knows."""

Word = Literal["delivered", "temporary_failure", "permanent_failure"]
_MEANING: dict[Word, str | None] = {
    "delivered": None,
    "temporary_failure": "not_delivered_yet",
    "permanent_failure": "undeliverable",
}
Facts = dict[str, str | int | None]


class Notice(State):
    """`key` is DOSSIER/STEP/CHANNEL: there is one notice for each. `notice_id` is the reference at the carrier.

    `early_word` is a receipt that overtook the carrier's answer to the sending.
    """

    key: str
    notice_id: UUID
    dossier_code: str
    step: str
    channel: Channel
    template: str
    facts: Facts
    state: Literal["waiting", "sending", "sent", "delivered", "temporary_failure", "permanent_failure", "skipped"]
    reason: str | None = None
    parts: int | None = None
    announced_at: datetime
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    early_word: Word | None = None


class Announce(Message):
    """Something happened that the citizen is to hear of, on this channel."""

    notice_id: UUID
    dossier_code: str
    step: str
    channel: Channel
    template: str
    facts: Facts

    @property
    def key(self) -> str:
        return f"{self.dossier_code}/{self.step}/{self.channel}"


class Send(Message):
    """The quiet hours are over."""


class Silence(Message):
    """Nothing was heard for SILENCE."""


class SendSms(Message):
    notice_id: UUID


class SendEmail(Message):
    notice_id: UUID


class Taken(Message):
    """The carrier or mail server has it, in so many parts."""

    parts: int


class Postponed(Message):
    """Nothing was sent: the quiet hours began before."""


class Unreachable(Message):
    """There is no way to this person on this channel."""

    reason: str


class Rejected(Message):
    """The carrier or mail server will not have it, now or later."""

    reason: str


class Overdue(Message):
    """Nothing was sent: this notice waits for nothing any more."""


class Receipt(Message):
    """The carrier's word on what became of an SMS."""

    word: Word


# What is temporary may still be put right by a later word; delivered, permanent_failure and skipped are final.
TRANSITIONS = Table(
    [
        Move(None, Announce, "sending"),
        Move(None, Announce, "waiting"),
        Move("waiting", Send, "sending"),
        Move("sending", Postponed, "waiting"),
        Move("sending", Taken, "sent", notifications.Sent),
        Move("sending", Unreachable, "skipped", notifications.Failed),
        Move("sending", Rejected, "permanent_failure", notifications.Failed),
        Move("sending", Silence, "temporary_failure", notifications.Failed),
        Move("sent", Silence, "temporary_failure", notifications.Failed),
        Move("sent", Receipt, "delivered", notifications.Delivered),
        Move("sent", Receipt, "temporary_failure", notifications.Failed),
        Move("sent", Receipt, "permanent_failure", notifications.Failed),
        Move("temporary_failure", Taken, "sent", notifications.Sent),
        Move("temporary_failure", Receipt, "delivered", notifications.Delivered),
        Move("temporary_failure", Receipt, "permanent_failure", notifications.Failed),
    ],
    {
        "waiting": "chờ hết giờ yên tĩnh",
        "sending": "đang gửi",
        "sent": "đã gửi",
        "delivered": "đã đến",
        "temporary_failure": "tạm thời chưa đến",
        "permanent_failure": "không đến được",
        "skipped": "không gửi",
    },
)


def announce(quiet: Quiet, notice: Notice | None, message: Announce, now: datetime) -> Decision[Notice] | None:
    """Send at once, or an SMS after the quiet hours; a second announcement of the same step changes nothing."""
    if notice is not None:
        return None
    announced = Notice(**message.model_dump(), key=message.key, state="sending", announced_at=now)
    until = quiet.until(now) if message.channel == "sms" else None
    return _sending(announced, now) if until is None else _waiting(announced, until)


def send(notice: Notice, message: Send, now: datetime) -> Decision[Notice] | None:
    """Make the call that was put off."""
    return _sending(notice, now) if TRANSITIONS.allows(notice.state, Send) else None


def postpone(quiet: Quiet, notice: Notice, message: Postponed, now: datetime) -> Decision[Notice] | None:
    """Wait for the end of the quiet hours; they may just have ended."""
    return _waiting(notice, quiet.until(now) or now) if TRANSITIONS.allows(notice.state, Postponed) else None


def take(notice: Notice, message: Taken, now: datetime) -> Decision[Notice] | None:
    """It is on its way; an SMS waits for its receipt, or has it already."""
    if not TRANSITIONS.allows(notice.state, Taken):
        return None
    changes = {"state": "sent", "parts": message.parts, "sent_at": now, "reason": None, "settled_at": None}
    sent = notice.model_copy(update=changes)
    told = notifications.Sent(**_named(notice), parts=message.parts)
    if notice.channel == "email":
        return Decision(sent, (told,), cancels=(Silence,))
    if notice.early_word is None:
        return Decision(sent, (told,), (At(now + SILENCE, Silence()),))
    settled = _settle(sent, notice.early_word, _MEANING[notice.early_word], now)
    return Decision(settled.state, (told, *settled.events), cancels=settled.cancels)


def receive(notice: Notice, message: Receipt, now: datetime) -> Decision[Notice] | None:
    """Believe the carrier's receipt, unless the notice has come to its end already."""
    if notice.state in ("waiting", "sending"):
        return Decision(notice.model_copy(update={"early_word": message.word}))
    moves = ((move.source, move.message, move.target) for move in TRANSITIONS.moves)
    if (notice.state, Receipt, message.word) not in moves:
        return None
    return _settle(notice, message.word, _MEANING[message.word], now)


def skip(notice: Notice, message: Unreachable, now: datetime) -> Decision[Notice] | None:
    """Say that this channel does not reach the citizen, and why."""
    return _fail(notice, message, "skipped", message.reason, now)


def reject(notice: Notice, message: Rejected, now: datetime) -> Decision[Notice] | None:
    """Say that it was refused for good, and why."""
    return _fail(notice, message, "permanent_failure", message.reason, now)


def despair(notice: Notice, message: Silence, now: datetime) -> Decision[Notice] | None:
    """Say that nothing is known: neither the sending nor the arrival was ever confirmed."""
    reason = "no_receipt" if notice.state == "sent" else "no_answer"
    return _fail(notice, message, "temporary_failure", reason, now)


def leave(notice: Notice, message: Overdue, now: datetime) -> None:
    """Nothing was sent and nothing changes."""


def _sending(notice: Notice, now: datetime) -> Decision[Notice]:
    request = SendSms if notice.channel == "sms" else SendEmail
    return Decision(
        notice.model_copy(update={"state": "sending"}),
        timers=(At(now + SILENCE, Silence()),),
        calls=(Call(notice.notice_id, request(notice_id=notice.notice_id)),),
    )


def _waiting(notice: Notice, until: datetime) -> Decision[Notice]:
    return Decision(notice.model_copy(update={"state": "waiting"}), timers=(At(until, Send()),), cancels=(Silence,))


def _fail(notice: Notice, message: Message, target: str, reason: str, now: datetime) -> Decision[Notice] | None:
    return _settle(notice, target, reason, now) if TRANSITIONS.allows(notice.state, type(message)) else None


def _settle(notice: Notice, target: str, reason: str | None, now: datetime) -> Decision[Notice]:
    settled = notice.model_copy(update={"state": target, "reason": reason, "settled_at": now})
    event: BaseModel = notifications.Delivered(**_named(notice))
    if reason is not None:
        event = notifications.Failed(**_named(notice), reason=reason)
    return Decision(settled, (event,), cancels=(Silence,))


def _named(notice: Notice) -> dict[str, Any]:
    return {"notice_id": notice.notice_id, "channel": notice.channel, "template": notice.template}
