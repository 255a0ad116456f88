"""What notifications asks of the world: a free slot, an SMS, an e-mail. Each may be asked again under the same id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from chassis.calls import Calling
from chassis.clock import Clock
from chassis.decider import Message
from chassis.errors import Unanswered
from chassis.postgres import Pool
from services.notifications import store
from services.notifications.adapters.email import Mail, MailServer
from services.notifications.adapters.sms import Carrier
from services.notifications.domain import texts
from services.notifications.domain.appointment import FindSlot, SlotFound
from services.notifications.domain.calendar_file import Meeting, calendar_file
from services.notifications.domain.desk import Desk, rounded
from services.notifications.domain.notice import Overdue, Postponed, Rejected, SendEmail, SendSms, Unreachable
from services.notifications.domain.quiet import Quiet

_LEAD = timedelta(hours=2)
"""A slot that begins sooner is of no use to a citizen, however late it is found."""

_OPENING = {"vi": "Kính gửi Ông/Bà {name},", "en": "Dear {name},"}
_CLOSING = {"vi": "Trân trọng,\n{sender}", "en": "Yours sincerely,\n{sender}"}

log = structlog.get_logger()


@dataclass(frozen=True)
class Booking:
    """Gives out the slots of desks."""

    desk: Desk
    clock: Clock

    async def find_slot(self, request: FindSlot, calling: Calling) -> SlotFound:
        """The appointment's slot. Raises Unanswered while none is free."""
        length = rounded(request.minutes)
        starts = list(self.desk.starts(max(request.not_before, self.clock() + _LEAD), length))
        return await store.take_slot(calling.pool, request, starts, length, self.desk.seats)


@dataclass(frozen=True)
class Post:
    """Sends notices; `public_url` is where their links lead."""

    carrier: Carrier
    mail_server: MailServer
    quiet: Quiet
    clock: Clock
    public_url: str

    async def send_sms(self, request: SendSms, calling: Calling) -> Message:
        """Send the notice to the citizen's phone. Raises Unanswered when it is not certain what became of it."""
        pool = calling.pool
        notice, hindrance = await _addressed(pool, request.notice_id, "phone")
        if hindrance is not None:
            return hindrance
        if self.quiet.until(self.clock()) is not None:
            # An earlier try may have got through: then it is not to be sent again, but it is not to be put off either.
            earlier = await self.carrier.find(request.notice_id) if notice["tried"] else None
            return earlier or Postponed()
        try:
            words = texts.message(*self._told(notice))
        except texts.TextError as error:
            return _wordless(request.notice_id, error)
        kept = await store.begin_try(pool, request.notice_id, "", words.text, words.encoding, words.parts)
        return await self.carrier.send(request.notice_id, notice["phone"], kept["text"], kept["encoding"])

    async def send_email(self, request: SendEmail, calling: Calling) -> Message:
        """Send the notice as a letter. Raises Unanswered when it is not certain what became of it."""
        pool, notice_id = calling.pool, request.notice_id
        notice, hindrance = await _addressed(pool, notice_id, "email")
        if hindrance is not None:
            return hindrance
        try:
            words = texts.letter(*self._told(notice))
        except texts.TextError as error:
            return _wordless(notice_id, error)
        if notice["handed_over_at"] is not None:
            log.warning("a letter is sent again that may have arrived", notice=str(notice_id))
        kept = await store.begin_try(pool, notice_id, words.subject, "\n\n".join(words.paragraphs), "utf-8", 1)
        return await self.mail_server.send(
            self._mail(notice, kept["subject"], kept["text"]),
            handing_over=lambda: store.hand_over(pool, notice_id),
            kept_back=lambda: store.take_back(pool, notice_id),
        )

    def _told(self, notice: Any) -> tuple[Any, ...]:
        code = notice["dossier_code"]
        return notice["template"], notice["language"], notice["facts"], code, f"{self.public_url}/dossiers/{code}"

    def _mail(self, notice: Any, subject: str, text: str) -> Mail:
        language = notice["language"]
        opening = _OPENING[language].format(name=notice["name"])
        closing = _CLOSING[language].format(sender=self.mail_server.sender_name)
        return Mail(
            notice_id=notice["notice_id"],
            to=notice["email"],
            to_name=notice["name"],
            language=language,
            subject=subject,
            text=f"{opening}\n\n{text}\n\n{closing}\n",
            dated=notice["announced_at"],
            calendar=self._calendar(notice) if notice["template"] == "appointment-booked" else None,
        )

    def _calendar(self, notice: Any) -> bytes:
        meeting = Meeting.model_validate(
            {**notice["facts"], "dossier_code": notice["dossier_code"], "told_at": notice["announced_at"]}
        )
        return calendar_file(meeting, self.mail_server.sender, self.mail_server.sender_name)


async def _addressed(pool: Pool, notice_id: UUID, address: str) -> tuple[Any, Message | None]:
    """The notice with its recipient, and what is to be answered instead of sending it, if anything.

    Raises Unanswered while the dossier's recipient or his contact has not arrived.
    """
    notice = await store.to_send(pool, notice_id)
    if notice is None or notice["state"] != "sending":
        return notice, Overdue()
    if not notice["known"]:
        raise Unanswered("the recipient of this dossier is not known yet")
    if notice["erased_at"] is not None:
        return notice, Unreachable(reason="person_erased")
    if not notice[address]:
        return notice, Unreachable(reason=f"no_{address}")
    return notice, None


def _wordless(notice_id: UUID, error: texts.TextError) -> Rejected:
    log.error("a notice cannot be put into words", notice=str(notice_id), reason=str(error))
    return Rejected(reason="text_incomplete")
