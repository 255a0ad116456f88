"""Letters over SMTP: text, a simple page, and the calendar file where there is an appointment."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from uuid import UUID

import aiosmtplib
from email_validator import EmailNotValidError, validate_email

from chassis.errors import Unanswered
from services.notifications.domain.notice import Rejected, Taken

_SECONDS = 20.0
_SEVEN_BITS = SMTP.clone(cte_type="7bit")  # any mail server on the way can take it


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter, ready but for its headers. Each try of the same `notice_id` gives the same bytes."""

    notice_id: UUID
    to: str
    to_name: str
    language: str
    subject: str
    text: str
    dated: datetime
    calendar: bytes | None = None


@dataclass(frozen=True)
class MailServer:
    """Where letters are handed over, and in whose name."""

    host: str
    port: int
    sender: str
    sender_name: str
    user: str | None = None
    password: str | None = None

    async def send(
        self, mail: Mail, handing_over: Callable[[], Awaitable[None]], kept_back: Callable[[], Awaitable[None]]
    ) -> Taken | Rejected:
        """Hand the letter over.

        `handing_over` is awaited before the server gets the whole letter; `kept_back` when it then said that it did not
        take it. Raises Unanswered when it may have it, or may take it later.
        """
        try:
            address = validate_email(mail.to, check_deliverability=False).ascii_email
        except EmailNotValidError:
            address = None
        if address is None:
            return Rejected(reason="address_invalid")
        try:
            return await self._hand_over(mail, address, handing_over, kept_back)
        except (aiosmtplib.SMTPException, OSError) as error:
            code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else ""
            raise Unanswered(f"the mail server: {type(error).__name__} {code}".rstrip()) from None

    async def _hand_over(
        self,
        mail: Mail,
        address: str,
        handing_over: Callable[[], Awaitable[None]],
        kept_back: Callable[[], Awaitable[None]],
    ) -> Taken | Rejected:
        letter = compose(mail, address, self.sender, self.sender_name).as_bytes()
        async with aiosmtplib.SMTP(
            hostname=self.host, port=self.port, username=self.user, password=self.password, timeout=_SECONDS
        ) as server:
            await server.mail(self.sender)
            try:
                await server.rcpt(address)
            except aiosmtplib.SMTPRecipientRefused as refused:
                if refused.code < 500:
                    raise
                return Rejected(reason="mailbox_unavailable")
            await handing_over()
            try:
                await server.data(letter)
            except aiosmtplib.SMTPDataError as refused:
                await kept_back()
                if refused.code < 500:
                    raise
                return Rejected(reason="letter_refused")
        return Taken(parts=1)


def message_id(notice_id: UUID, sender: str) -> str:
    """The same for every try, so that a mailbox can tell a second copy."""
    return f"<{notice_id}@{sender.rpartition('@')[2]}>"


def compose(mail: Mail, address: str, sender: str, sender_name: str) -> EmailMessage:
    """The letter as it goes over the wire: the same for the same mail."""
    message = EmailMessage(policy=_SEVEN_BITS)
    message["From"] = Address(sender_name, addr_spec=sender)
    message["To"] = Address(" ".join(mail.to_name.split()), addr_spec=address)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.dated)
    message["Message-ID"] = message_id(mail.notice_id, sender)
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = mail.language
    message.set_content(mail.text)
    message.add_alternative(_page(mail), subtype="html")
    if mail.calendar is not None:
        message.add_attachment(mail.calendar, maintype="text", subtype="calendar", filename="lich-hen.ics")
        part = list(message.iter_attachments())[-1]
        part.set_param("charset", "utf-8")
        part.set_param("method", "PUBLISH")
    boundary = f"motcua-{mail.notice_id.hex}"
    for number, part in enumerate(each for each in message.walk() if each.is_multipart()):
        part.set_boundary(f"{boundary}-{number}")
    return message


def _page(mail: Mail) -> str:
    paragraphs = "\n".join(f"<p>{_linked(paragraph)}</p>" for paragraph in mail.text.split("\n\n"))
    return (
        f'<!doctype html>\n<html lang="{mail.language}"><head><meta charset="utf-8"><title>{escape(mail.subject)}</title>'
        f'</head>\n<body style="font-family: sans-serif; max-width: 40em; margin: auto">\n{paragraphs}\n</body></html>\n'
    )


def _linked(paragraph: str) -> str:
    words = (
        f'<a href="{escape(word)}">{escape(word)}</a>' if word.startswith(("http://", "https://")) else escape(word)
        for word in re.split(r"(\s+)", paragraph.strip())
    )
    return "".join(words).replace("\n", "<br>\n")
