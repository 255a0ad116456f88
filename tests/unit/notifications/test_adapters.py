"""The carrier's answers in our words, and a letter's bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.errors import Unanswered
from services.notifications.adapters.email import Mail, compose
from services.notifications.adapters.sms import Carrier
from services.notifications.domain.notice import Rejected, Taken

NOTICE = UUID("019ea9f0-1a2b-7c3d-8e4f-5a6b7c8d9e01")


def carrier(answer: Callable[[httpx.Request], httpx.Response]) -> Carrier:
    transport = httpx.MockTransport(answer)
    return Carrier(httpx.AsyncClient(transport=transport, base_url="http://carrier"), "MOTCUA")


def refusal(status: int, *codes: str) -> httpx.Response:
    error: dict[str, Any] = {"code": codes[0], "message": ""}
    if status == 400:
        error = {"code": "invalid_request", "errors": [{"code": code, "field": "", "message": ""} for code in codes]}
    return httpx.Response(status, json={"error": error})


async def send(answer: httpx.Response) -> Taken | Rejected:
    return await carrier(lambda _: answer).send(NOTICE, "+84590000001", "Xin chao", "gsm7")


@pytest.mark.parametrize("status", [200, 201])
async def test_an_accepted_sms_is_taken_whether_now_or_before(status: int) -> None:
    assert await send(httpx.Response(status, json={"id": "1", "parts": 2})) == Taken(parts=2)


@pytest.mark.parametrize(("code", "reason"), [("to_invalid", "number_invalid"), ("text_not_encodable", "text_refused")])
async def test_what_can_never_be_sent_is_a_definite_refusal_in_our_words(code: str, reason: str) -> None:
    assert await send(refusal(400, code)) == Rejected(reason=reason)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, "brand_invalid"),
        refusal(400, "to_invalid", "never_heard_of"),
        refusal(401, "unauthorized"),
        refusal(404, "not_found"),
        refusal(429, "rate_limited"),
        refusal(500, "internal_error"),
        refusal(504, "timeout"),
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(400, text="<html>proxy</html>"),
        httpx.Response(302, headers={"Location": "http://elsewhere"}),
    ],
    ids=lambda answer: str(answer.status_code),
)
async def test_whatever_may_be_put_right_or_is_not_understood_stays_unanswered(answer: httpx.Response) -> None:
    with pytest.raises(Unanswered):
        await send(answer)


async def test_a_carrier_that_is_away_leaves_the_sending_unknown() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to +84590000001", request=request)

    with pytest.raises(Unanswered) as caught:
        await carrier(away).send(NOTICE, "+84590000001", "Xin chao", "gsm7")
    assert "+8459" not in str(caught.value)


async def test_a_reference_that_was_used_with_other_words_was_sent_before() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return refusal(409, "reference_reused")
        assert request.url.params["reference"] == str(NOTICE)
        return httpx.Response(200, json={"messages": [{"parts": 1}]})

    assert await carrier(answer).send(NOTICE, "+84590000001", "Xin chao", "gsm7") == Taken(parts=1)


async def test_a_conflict_of_which_the_carrier_knows_nothing_is_unknown() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return (
            refusal(409, "reference_reused") if request.method == "POST" else httpx.Response(200, json={"messages": []})
        )

    with pytest.raises(Unanswered):
        await carrier(answer).send(NOTICE, "+84590000001", "Xin chao", "gsm7")


def letter(**changes: Any) -> bytes:
    mail = Mail(
        notice_id=NOTICE,
        to="anh@example.com",
        to_name="Nguyễn Thị Ánh",
        language="vi",
        subject="Hồ sơ G09.20-1 đã được tiếp nhận",
        text="Kính gửi Ông/Bà,\n\nLý do: <b>a & b</b>\n\nXem https://motcua.example/?a=1&b=2\n",
        dated=datetime(2026, 6, 9, 5, tzinfo=UTC),
        calendar="BEGIN:VCALENDAR\r\nX:Đội Cấn\r\nEND:VCALENDAR\r\n".encode(),
    )
    made = Mail(**{name: getattr(mail, name) for name in Mail.__slots__} | changes)
    return compose(made, "anh@example.com", "tra-loi@motcua.example", "Một cửa").as_bytes()


def test_every_try_of_a_letter_gives_the_same_bytes_in_seven_bits() -> None:
    assert letter() == letter()
    assert letter().isascii()
    assert all(len(line) <= 998 for line in letter().split(b"\r\n"))


def test_a_letter_reads_the_same_on_the_other_side() -> None:
    read = message_from_bytes(letter(), policy=SMTP)
    assert isinstance(read, EmailMessage)
    assert read["Subject"] == "Hồ sơ G09.20-1 đã được tiếp nhận"
    assert [(each.display_name, each.addr_spec) for each in read["To"].addresses] == [
        ("Nguyễn Thị Ánh", "anh@example.com")
    ]
    assert read["Message-ID"] == f"<{NOTICE}@motcua.example>"
    plain, page = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert "Lý do: <b>a & b</b>" in plain.get_content()
    assert "<p>Lý do: &lt;b&gt;a &amp; b&lt;/b&gt;</p>" in page.get_content()
    assert '<a href="https://motcua.example/?a=1&amp;b=2">' in page.get_content()
    (calendar,) = read.iter_attachments()
    assert calendar.get_content_type() == "text/calendar"
    assert (calendar.get_param("method"), calendar.get_param("charset")) == ("PUBLISH", "utf-8")
    assert "Đội Cấn" in calendar.get_content()
    assert calendar.get_filename() == "lich-hen.ics"


def test_a_name_cannot_add_headers() -> None:
    read = message_from_bytes(letter(to_name="Ánh\r\nBcc: x@example.com"), policy=SMTP)
    assert read["Bcc"] is None
    assert len(read.get_all("To", [])) == 1
