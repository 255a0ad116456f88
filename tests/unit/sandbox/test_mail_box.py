"""The mail box: what is read of a mail, how it is found, how it is shown."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.mail.app import Settings, application
from deploy.sandbox.mail.parsing import folded, parse
from deploy.sandbox.mail.store import Store
from tests.unit.sandbox.client import client_of

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


def notice(subject: str = "Hồ sơ Đã được tiếp nhận") -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = subject, "Một cửa <motcua@example.com>"
    message["To"] = "Nguyễn Thị Ánh <anh@example.com>"
    message.set_content("Kính gửi bà Ánh")
    message.add_alternative("<p>Kính gửi <b>bà Ánh</b></p><script>alert(1)</script>", subtype="html")
    message.add_attachment(CALENDAR, maintype="text", subtype="calendar", filename="lịch hẹn.ics")
    return message.as_bytes()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path)


@pytest.fixture
async def box(tmp_path: Path, store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(Settings(tmp_path, smtp_port=0))) as client:
        yield client


def test_text_html_and_attachment_are_told_apart() -> None:
    mail = parse(notice())
    assert mail.header("subject") == "Hồ sơ Đã được tiếp nhận"
    assert mail.text == "Kính gửi bà Ánh\n"
    assert mail.html is not None
    [attachment] = mail.attachments
    assert (attachment.filename, attachment.content_type) == ("lịch hẹn.ics", "text/calendar")
    assert attachment.content.split() == CALENDAR.split()


def test_headers_of_raw_utf8_and_of_encoded_words_read_alike() -> None:
    encoded = base64.b64encode("Hồ sơ".encode()).decode()
    assert parse(b"Subject: H\xe1\xbb\x93 s\xc6\xa1\r\n\r\n").header("subject") == "Hồ sơ"
    assert parse(f"Subject: =?utf-8?b?{encoded}?=\r\n\r\n".encode()).header("subject") == "Hồ sơ"


def test_a_folder_in_an_attachments_name_is_dropped() -> None:
    raw = b'Content-Type: text/plain; name=x\r\nContent-Disposition: attachment; filename="../../etc/passwd"\r\n\r\nx'
    assert parse(raw).attachments[0].filename == "passwd"


@settings(deadline=None)  # other work on the machine must not fail a claim
@given(
    st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                b"Subject: =?utf-8?q?=C4?=",
                b"Content-Type: multipart/mixed; boundary=b",
                b"Content-Type: text/html; charset=nonsense",
                b"Content-Transfer-Encoding: base64",
                b"Content-Disposition: attachment; filename*=utf-9''%ff",
                b"Content-Type: message/rfc822",
                b"To: <",
                b"",
                b"--b",
                b"--b--",
                b"\xff\xfe",
                b"=?big5?b?/w==?=",
            ]
        ),
        max_size=12,
    ).map(b"\r\n".join)
)
def test_any_bytes_can_be_read_and_sent_on_as_unicode(raw: bytes) -> None:
    mail = parse(raw)
    for text in (mail.text, mail.html, *(part for header in mail.headers for part in header)):
        (text or "").encode()


def test_a_mail_nested_without_end_is_shown_as_its_bytes() -> None:
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(3000))
    assert parse(raw).text


@pytest.mark.parametrize(("text", "plain"), [("Hồ Sơ ĐÃ nộp", "ho so da nop"), ("Đặng Thị Ưởng", "dang thi uong")])
def test_searching_needs_neither_accents_nor_case(text: str, plain: str) -> None:
    assert folded(text) == folded(unicodedata.normalize("NFD", text)) == plain


async def test_mails_are_found_by_recipient_and_by_subject_without_accents(
    box: httpx.AsyncClient, store: Store
) -> None:
    wanted = store.add("motcua@example.com", ["Anh@example.com"], notice())
    store.add("motcua@example.com", ["duc@example.com"], notice("Lịch hẹn"))

    async def found(**query: str) -> list[str]:
        answer = await box.get("/api/messages", params=query)
        return [message["id"] for message in answer.json()["messages"]]

    assert await found(to="anh@example.com") == [wanted]
    assert await found(subject="ho so da") == [wanted]
    assert await found(q="KÍNH GỬI") == await found()
    assert await found(to="duc@example.com", subject="hồ sơ") == []
    assert await found(limit="1", before=(await found())[0]) == [wanted]
    assert (await box.get("/api/messages?limit=0")).status_code == 400


async def test_two_equal_mails_are_two_mails(box: httpx.AsyncClient, store: Store) -> None:
    assert store.add("a@example.com", ["b@example.com"], notice()) != store.add(
        "a@example.com", ["b@example.com"], notice()
    )
    assert len((await box.get("/api/messages")).json()["messages"]) == 2


async def test_a_mail_is_told_whole_with_its_attachment_to_download(box: httpx.AsyncClient, store: Store) -> None:
    identifier = store.add("motcua@example.com", ["anh@example.com"], notice())
    mail = (await box.get(f"/api/messages/{identifier}")).json()
    assert ["To", "Nguyễn Thị Ánh <anh@example.com>"] in mail["headers"]
    assert mail["envelope"] == {"from": "motcua@example.com", "to": ["anh@example.com"]}
    [attachment] = mail["attachments"]
    download = await box.get(attachment["url"])
    assert download.content == base64.b64decode(attachment["content_base64"])
    assert download.headers["content-disposition"].startswith("attachment;")
    assert (await box.get(f"/messages/{identifier}/attachments/1")).status_code == 404
    assert (await box.get("/api/messages/never")).status_code == 404


async def test_a_mails_html_is_shown_in_a_box_where_nothing_runs(box: httpx.AsyncClient, store: Store) -> None:
    identifier = store.add("motcua@example.com", ["anh@example.com"], notice("<script>alert(2)</script>"))
    page = (await box.get(f"/messages/{identifier}")).text
    assert "<iframe sandbox src=" in page
    assert "<script" not in page
    html = await box.get(f"/messages/{identifier}/html")
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "<script" not in (await box.get("/")).text
