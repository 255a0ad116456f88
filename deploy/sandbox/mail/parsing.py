"""What a person sees of a mail: headers decoded, text, HTML, attachments. Any bytes can be read, however broken."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser

FOLD = re.compile(r"\r?\n(?=[ \t])")
CONTENT_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]*/[A-Za-z0-9][\w.+-]*", re.ASCII)
DEFAULT_NAMES = {"text/calendar": "invite.ics", "message/rfc822": "message.eml", "text/html": "page.html"}


@dataclass(frozen=True)
class Attachment:
    filename: str
    content_type: str
    content: bytes


@dataclass
class Mail:
    """`text` and `html` are the first body of each kind; everything else is an attachment."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str | None = None
    html: str | None = None
    attachments: list[Attachment] = field(default_factory=list)

    def header(self, name: str) -> str:
        """The first header of this name, empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def parse(raw: bytes) -> Mail:
    """The mail; one nested too deep to be read is shown as its bytes."""
    try:
        message = BytesParser().parsebytes(raw)
        mail = Mail([(decoded(name), decoded(value)) for name, value in message.raw_items()])
        _collect(message, mail)
    except RecursionError:
        return Mail(text=raw.decode("utf-8", "replace"))
    return mail


def _collect(part: Message, mail: Mail) -> None:
    kind = part.get_content_type()
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for child in part.get_payload():
            if isinstance(child, Message):
                _collect(child, mail)
        return
    named = part.get_content_disposition() == "attachment" or _filename(part) is not None
    if kind == "text/plain" and mail.text is None and not named:
        mail.text = _text(part)
    elif kind == "text/html" and mail.html is None and not named:
        mail.html = _text(part)
    else:
        content_type = kind if CONTENT_TYPE.fullmatch(kind) else "application/octet-stream"
        filename = _filename(part) or DEFAULT_NAMES.get(content_type, "attachment")
        mail.attachments.append(Attachment(filename, content_type, _content(part)))


def _content(part: Message) -> bytes:
    payload = part.get_payload()
    if isinstance(payload, list):
        return b"".join(child.as_bytes() for child in payload if isinstance(child, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    content = _content(part)
    try:
        return content.decode(str(part.get_content_charset("utf-8")), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _filename(part: Message) -> str | None:
    """The attachment's name without any folder; None when the part has none."""
    try:
        name = part.get_filename()
    except (LookupError, ValueError):
        return None
    if not name:
        return None
    shown = "".join(letter for letter in decoded(name) if letter.isprintable())
    return re.split(r"[/\\]", shown)[-1].strip() or None


def decoded(value: object) -> str:
    """A header's text: unfolded, encoded words decoded, raw UTF-8 accepted, in NFC."""
    text = FOLD.sub("", str(value)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with contextlib.suppress(HeaderParseError, LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    printable = text.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", printable).strip()


def folded(text: str) -> str:
    """As people search: without accents and case, `Hồ Sơ Đã nộp` becomes `ho so da nop`."""
    bare = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in bare if not unicodedata.combining(letter)).replace("đ", "d")
