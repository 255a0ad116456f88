"""The sandbox's servers as processes: what they keep over kill -9, how they fail when told, real protocols."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import secrets
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

from deploy.sandbox.oidc.registry import Registry
from tests.integration.sandbox_process import ROOT, Server, Sink, eventually, free_port, running

SECRET = "receipt-secret"
REFERENCES = itertools.count()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def carrier(tmp_path: Path, sink: Sink) -> Iterator[Server]:
    with sink.listening() as url:
        told = {"SMS_TOKEN": "token", "SMS_RECEIPT_URL": url, "SMS_RECEIPT_SECRET": SECRET}
        with running(Server("sms", tmp_path, told | {"SMS_DELIVERY_SECONDS": "0.05"})) as server:
            yield server


def send(carrier: Server, ending: str = "001", timeout: float = 10.0, **changes: str) -> httpx.Response:
    message = {
        "reference": f"r-{next(REFERENCES)}",
        "to": f"+84590000{ending}",
        "brand": "MOTCUA",
        "text": "Hồ sơ đã được tiếp nhận",
        "encoding": "ucs2",
    }
    headers = {"Authorization": "Bearer token"}
    return httpx.post(f"{carrier.url}/messages", json=message | changes, headers=headers, timeout=timeout)


def state(carrier: Server, reference: str) -> str | None:
    """What the carrier says of the message; None when it knows none."""
    headers = {"Authorization": "Bearer token"}
    found = httpx.get(f"{carrier.url}/messages", params={"reference": reference}, headers=headers).json()["messages"]
    return found[0]["state"] if found else None


def receipts(sink: Sink, reference: str) -> list[dict[str, Any]]:
    """The receipts of a message, in order, every signature checked."""
    found = []
    for headers, body in list(sink.received):
        at, mac = (part.partition("=")[2] for part in headers["x-signature"].split(","))
        assert hmac.compare_digest(mac, hmac.new(SECRET.encode(), f"{at}.".encode() + body, "sha256").hexdigest())
        assert abs(int(at) - time.time()) < 60
        if (receipt := json.loads(body))["reference"] == reference:
            found.append(receipt)
    return found


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [("001", "delivered"), ("002", "permanent_failure"), ("003", "temporary_failure"), ("777", "delivered")],
)
def test_the_number_decides_the_outcome_and_the_receipt_tells_it(
    carrier: Server, sink: Sink, ending: str, outcome: str
) -> None:
    accepted = send(carrier, ending).json()
    [receipt] = eventually(lambda: receipts(sink, accepted["reference"]))
    assert (receipt["id"], receipt["state"]) == (accepted["id"], outcome)
    assert receipt["at"].endswith("Z")
    assert state(carrier, accepted["reference"]) == outcome


def test_a_killed_carrier_forgets_no_message_and_posts_receipts_until_they_are_taken(
    carrier: Server, sink: Sink
) -> None:
    sink.status = 500
    references = [send(carrier).json()["reference"] for _ in range(20)]
    eventually(lambda: receipts(sink, references[0]))
    carrier.kill()
    sink.status = 204
    carrier.start()
    eventually(lambda: {state(carrier, reference) for reference in references} == {"delivered"})
    control = f"{carrier.url}/_control/messages"
    eventually(lambda: all(message["receipt_done"] for message in httpx.get(control).json()["messages"]))
    assert len(httpx.get(control).json()["messages"]) == len(references)
    assert all(receipts(sink, reference) for reference in references)
    assert send(carrier, reference=references[0]).headers["idempotent-replayed"] == "true"


def test_a_lost_receipt_leaves_the_truth_to_be_asked_for(carrier: Server, sink: Sink) -> None:
    carrier.arm("receipt_lost")
    lost = send(carrier).json()["reference"]
    eventually(lambda: state(carrier, lost) == "delivered")
    later = send(carrier).json()["reference"]
    eventually(lambda: receipts(sink, later))
    assert receipts(sink, lost) == []
    assert carrier.fired("receipt_lost") == 1


def test_a_duplicated_receipt_comes_twice_and_says_the_same(carrier: Server, sink: Sink) -> None:
    carrier.arm("receipt_duplicated")
    reference = send(carrier).json()["reference"]
    first, second = eventually(lambda: found if len(found := receipts(sink, reference)) == 2 else [])
    assert first == second
    assert carrier.fired("receipt_duplicated") == 1


def test_a_receipt_may_come_before_the_answer(carrier: Server, sink: Sink) -> None:
    carrier.arm("receipt_before_response")
    reference = send(carrier).json()["reference"]
    assert len(receipts(sink, reference)) == 1
    assert carrier.fired("receipt_before_response") == 1


def test_a_delayed_receipt_is_overtaken(carrier: Server, sink: Sink) -> None:
    carrier.arm("receipt_delayed", delay_seconds=2)
    delayed, usual = (send(carrier).json()["reference"] for _ in range(2))
    eventually(lambda: receipts(sink, delayed))
    order = [json.loads(body)["reference"] for _, body in sink.received]
    assert order.index(usual) < order.index(delayed)
    assert carrier.fired("receipt_delayed") == 1


@pytest.mark.parametrize(("fault", "sent"), [("timeout_before", None), ("timeout_after_send", "delivered")])
def test_after_a_timeout_the_carrier_tells_whether_it_sent(
    carrier: Server, sink: Sink, fault: str, sent: str | None
) -> None:
    carrier.arm(fault)
    with pytest.raises(httpx.ReadTimeout):
        send(carrier, reference="unsure", timeout=0.5)
    eventually(lambda: state(carrier, "unsure") == sent)
    assert send(carrier, reference="unsure").status_code == 201
    eventually(lambda: receipts(sink, "unsure"))
    assert len(httpx.get(f"{carrier.url}/_control/messages").json()["messages"]) == 1
    assert carrier.fired(fault) == 1


@pytest.mark.parametrize(("fault", "status"), [("storm_500", 500), ("rate_limited_429", 429), ("slow", 201)])
def test_a_carrier_in_trouble_says_so_as_often_as_it_is_told(carrier: Server, fault: str, status: int) -> None:
    carrier.arm(fault, times=2, delay_seconds=0.3)
    began = time.monotonic()
    assert [send(carrier).status_code for _ in range(3)] == [status, status, 201]
    assert (time.monotonic() - began >= 0.6) or fault != "slow"
    assert carrier.fired(fault) == 2


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Server]:
    with running(Server("mail", tmp_path, {"SMTP_PORT": str(free_port())})) as server:
        yield server


def post(mailbox: Server, subject: str, timeout: float = 10.0, attachment: bytes = b"BEGIN:VCALENDAR\r\n") -> None:
    """Send one mail by SMTP."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "motcua@example.com", "Ánh <anh@example.com>"
    message.set_content("Kính gửi bà Nguyễn Thị Ánh")
    message.add_attachment(attachment, maintype="text", subtype="calendar", filename="lịch hẹn.ics")
    with smtplib.SMTP("127.0.0.1", int(mailbox.environment["SMTP_PORT"]), timeout=timeout) as smtp:
        smtp.send_message(message)


def subjects(mailbox: Server) -> list[str]:
    """Newest first."""
    found = httpx.get(f"{mailbox.url}/api/messages", params={"to": "anh@example.com"}).json()["messages"]
    return [mail["subject"] for mail in found]


def test_a_mail_sent_by_smtp_is_read_by_http_and_outlives_a_kill(mailbox: Server) -> None:
    post(mailbox, "Hồ sơ đã được tiếp nhận")
    post(mailbox, "Hồ sơ đã được tiếp nhận")
    mailbox.kill()
    mailbox.start()
    assert subjects(mailbox) == ["Hồ sơ đã được tiếp nhận"] * 2
    listed = httpx.get(f"{mailbox.url}/api/messages", params={"subject": "ho so"}).json()["messages"][0]
    mail = httpx.get(f"{mailbox.url}/api/messages/{listed['id']}").json()
    assert mail["text"].strip() == "Kính gửi bà Nguyễn Thị Ánh"
    assert mail["attachments"][0]["filename"] == "lịch hẹn.ics"
    assert base64.b64decode(mail["attachments"][0]["content_base64"]).split() == [b"BEGIN:VCALENDAR"]


def test_a_mail_over_ten_megabytes_is_refused(mailbox: Server) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refusal:
        post(mailbox, "lớn", attachment=b"x" * (8 * 1024 * 1024))  # base64 makes it larger by a third
    assert refusal.value.smtp_code == 552
    assert subjects(mailbox) == []


@pytest.mark.parametrize(
    ("fault", "error", "kept"),
    [
        ("refuse_connection", smtplib.SMTPServerDisconnected, []),
        ("temporary_451", smtplib.SMTPDataError, []),
        ("permanent_550", smtplib.SMTPRecipientsRefused, []),
        ("timeout_after_data", smtplib.SMTPServerDisconnected, ["một"]),
    ],
)
def test_a_mail_server_in_trouble_fails_once_as_told(
    mailbox: Server, fault: str, error: type[Exception], kept: list[str]
) -> None:
    mailbox.arm(fault)
    with pytest.raises((error, ConnectionResetError) if fault == "refuse_connection" else error):
        post(mailbox, "một", timeout=2.0 if fault == "timeout_after_data" else 30.0)
    assert subjects(mailbox) == kept
    post(mailbox, "hai")
    assert subjects(mailbox) == ["hai", *kept]
    assert mailbox.fired(fault) == 1


def test_a_sender_who_hears_nothing_after_his_data_is_hung_up_on_in_the_end(mailbox: Server) -> None:
    mailbox.arm("timeout_after_data", delay_seconds=0.2)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        post(mailbox, "một")
    assert subjects(mailbox) == ["một"]


def test_a_slow_mail_server_takes_its_time(mailbox: Server) -> None:
    mailbox.arm("slow", delay_seconds=0.5)
    began = time.monotonic()
    post(mailbox, "một")
    assert time.monotonic() - began >= 0.5
    assert mailbox.fired("slow") == 1


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    with running(Server("oidc", tmp_path, {"OIDC_ISSUER": f"http://127.0.0.1:{port}"}, port)) as server:
        yield server


def test_a_browser_signs_in_with_pkce_and_a_stranger_can_verify_the_token_even_after_a_kill(provider: Server) -> None:
    """From discovery alone: login page, one click, code, kill -9, tokens, keys, claims, refresh."""
    found = httpx.get(f"{provider.url}/.well-known/openid-configuration").json()
    verifier, redirect = secrets.token_urlsafe(48), "http://127.0.0.1:8080/signed-in"
    asked = {
        "client_id": "motcua-portal",
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": "openid profile",
        "state": secrets.token_urlsafe(),
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    with httpx.Client() as browser:
        assert "Nguyễn Thị Ánh" in browser.get(found["authorization_endpoint"], params=asked).text
        back = browser.post(found["authorization_endpoint"], data=asked | {"persona": "anh"})
    answer = parse_qs(urlsplit(back.headers["location"]).query)
    assert (answer["state"], answer["iss"]) == ([asked["state"]], [found["issuer"]])
    provider.kill()
    provider.start()
    form = {"client_id": "motcua-portal", "redirect_uri": redirect, "code_verifier": verifier}
    code = {"grant_type": "authorization_code", "code": answer["code"][0]}
    tokens = httpx.post(found["token_endpoint"], data=form | code).raise_for_status().json()
    keys = KeySet.import_key_set(httpx.get(found["jwks_uri"]).json())
    token = jwt.decode(tokens["access_token"], keys, algorithms=found["id_token_signing_alg_values_supported"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": found["issuer"]}, aud={"essential": True, "value": "motcua"}
    ).validate(token.claims)
    assert token.claims["person_id"] == Registry.load().personas["anh"].subject
    provider.kill()
    provider.start()
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "motcua-portal"}
    renewed = httpx.post(found["token_endpoint"], data=again).raise_for_status().json()
    assert jwt.decode(renewed["access_token"], keys, algorithms=["RS256"]).claims["sub"] == token.claims["sub"]


def test_a_provider_in_trouble_fails_once_as_told(provider: Server) -> None:
    form = {"grant_type": "password", "client_id": "motcua-cli", "username": "anh", "password": "motcua"}
    provider.arm("token_500")
    assert [httpx.post(f"{provider.url}/token", data=form).status_code for _ in range(2)] == [500, 200]
    provider.arm("jwks_away", times=2)
    assert [httpx.get(f"{provider.url}/jwks").status_code for _ in range(3)] == [503, 503, 200]
    provider.arm("slow", delay_seconds=0.4)
    began = time.monotonic()
    assert httpx.post(f"{provider.url}/token", data=form).status_code == 200
    assert time.monotonic() - began >= 0.4
    assert [provider.fired(name) for name in ("token_500", "jwks_away", "slow")] == [1, 2, 1]


def test_spans_of_the_real_exporter_are_shown_by_the_command_even_after_a_kill(tmp_path: Path) -> None:
    code = "G09.20-20260609-0092637"
    with running(Server("traces", tmp_path)) as store:
        exporter = ZipkinExporter(endpoint=f"{store.url}/api/v2/spans")
        tracing = TracerProvider(resource=Resource({"service.name": "intake"}))
        tracing.add_span_processor(BatchSpanProcessor(exporter))
        tracer = tracing.get_tracer("test")
        with (
            tracer.start_as_current_span("POST /dossiers", attributes={"cloudevents.event_subject": code}),
            tracer.start_as_current_span("payments.v1 receive") as child,
        ):
            child.set_status(Status(StatusCode.ERROR, "declined"))
        tracing.shutdown()
        store.kill()
        store.start()

        def command(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "motcua", "trace", *arguments],
                cwd=ROOT,
                env=os.environ | {"MOTCUA_TRACES_URL": store.url},
                capture_output=True,
                text=True,
                check=False,
            )

        shown = command(code, "--json")
        assert shown.returncode == 0, shown.stderr
        spans = json.loads(shown.stdout)["spans"]
        assert [(span["service"], span["name"]) for span in spans] == [
            ("intake", "POST /dossiers"),
            ("intake", "payments.v1 receive"),
        ]
        assert (spans[0]["parent_id"], spans[1]["parent_id"]) == (None, spans[0]["span_id"])
        printed = command(code)
        assert (printed.returncode, "✕ intake payments.v1 receive" in printed.stdout) == (0, True)
        unknown = command("G09.20-20260609-0000000")
        assert (unknown.returncode, "Không có dấu vết" in unknown.stderr) == (1, True)


def test_a_killed_register_has_every_enquiry_written_down(tmp_path: Path) -> None:
    with running(Server("register", tmp_path, {"REGISTER_KEY": "key"})) as register:
        question = {"citizen_id": "019190012345", "purpose": "G09.20-20260609-0092637", "reference": "r-1"}
        told = httpx.post(f"{register.url}/persons/lookup", json=question, headers={"X-API-Key": "key"})
        assert told.json()["person"]["name"] == "Nguyễn Thị Ánh"
        register.kill()
        register.start()
        (enquiry,) = httpx.get(f"{register.url}/_control/enquiries").json()["enquiries"]
        assert {**enquiry, **question, "client": "motcua", "outcome": "found"} == enquiry


@pytest.mark.parametrize("name", ["sms", "mail", "oidc", "register", "traces"])
def test_a_server_that_is_not_told_where_to_keep_its_data_says_so_in_one_line(name: str) -> None:
    told = {"SMS_TOKEN": "t", "SMS_RECEIPT_URL": "u", "SMS_RECEIPT_SECRET": "s", "SMTP_PORT": "no", "OIDC_ISSUER": "i"}
    ended = subprocess.run(
        [sys.executable, "-m", f"deploy.sandbox.{name}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines() == [
        "thiếu biến môi trường SANDBOX_DATA / set the environment variable SANDBOX_DATA"
    ]
