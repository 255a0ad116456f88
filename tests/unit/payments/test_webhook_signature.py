"""Webhook signatures: only who knows the secret, and only lately.

Source: Stripe, "Check the webhook signatures": `t=SECONDS,v1=HEX`, HMAC-SHA256 of "SECONDS.BODY".
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.payments.adapters.stripe_webhooks import heard
from services.payments.adapters.timed_signature import TOLERANCE_SECONDS, verify

SECRET, BODY, NOW = "whsec_ours", '{"type":"checkout.session.completed","note":"đã nộp"}'.encode(), 1_780_000_000.0
AT = datetime.fromtimestamp(NOW, UTC)


def v1(body: bytes = BODY, at: int = int(NOW), secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def assert_refused(signature: str | None, body: bytes = BODY) -> None:
    with pytest.raises(Refusal) as refusal:
        verify(body, signature, [SECRET], AT)
    assert (refusal.value.status, refusal.value.code) == (400, "bad_signature")


def test_our_gateways_signature_is_accepted() -> None:
    verify(BODY, f"t={int(NOW)},v1={v1()}", [SECRET], AT)


def test_while_the_secret_is_changed_one_of_two_signatures_is_enough() -> None:
    verify(BODY, f"t={int(NOW)},v1={v1(secret='whsec_next')},v1={v1()},v0=old", [SECRET], AT)


def test_while_our_secret_is_changed_either_of_ours_is_enough() -> None:
    for secret in (SECRET, "whsec_next"):
        verify(BODY, f"t={int(NOW)},v1={v1(secret=secret)}", [SECRET, "whsec_next"], AT)
    with pytest.raises(Refusal):
        verify(BODY, f"t={int(NOW)},v1={v1()}", [], AT)


def test_what_is_heard_is_the_event_by_its_own_id_and_every_byte_of_it() -> None:
    body = b'{"id": "evt_1",  "type":"payment_intent.succeeded"}'
    signature = f"t={int(NOW)},v1={v1(body)}"
    ring = heard(body, {"stripe-signature": signature}, [SECRET], AT)
    assert (ring.event_id, ring.kind, ring.body) == ("evt_1", "payment_intent.succeeded", body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<html>", b'{"id":1,"type":"x"}', b'{"id":"","type":"x"}', BODY]
)
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    headers = {"stripe-signature": f"t={int(NOW)},v1={v1(body)}"}
    with pytest.raises(Refusal) as refusal:
        heard(body, headers, [SECRET], AT)
    assert (refusal.value.status, refusal.value.code) == (400, "bad_event")


def test_the_signature_lives_five_minutes_in_both_directions() -> None:
    for seconds in (-TOLERANCE_SECONDS, TOLERANCE_SECONDS):
        at = int(NOW) + seconds
        verify(BODY, f"t={at},v1={v1(at=at)}", [SECRET], AT)
        late = at + (1 if seconds > 0 else -1)
        assert_refused(f"t={late},v1={v1(at=late)}")


def test_the_body_and_the_time_are_signed_together() -> None:
    assert_refused(f"t={int(NOW)},v1={v1()}", BODY + b" ")
    assert_refused(f"t={int(NOW) + 1},v1={v1()}")


def test_another_secret_another_scheme_or_no_signature_is_refused() -> None:
    good = v1()
    for signature in (
        None,
        "",
        f"t={int(NOW)}",
        f"v1={good}",
        f"t={int(NOW)},v1=",
        f"t={int(NOW)},v0={good}",
        f"t={int(NOW)},v1={v1(secret='whsec_stolen')}",
        f"t={int(NOW)},v1={good[:-1]}",
        f"t=-1,v1={good}",
        f"t=soon,v1={good}",
        f"t=²,v1={good}",
    ):
        assert_refused(signature)


@given(st.text(max_size=200))
def test_no_header_whatever_makes_more_of_it_than_a_refusal(signature: str) -> None:
    assert_refused(signature)


@given(st.text(st.characters(categories=["Nd", "No"]), min_size=1, max_size=20))
def test_strange_digits_are_no_time_even_when_they_are_signed(digits: str) -> None:
    """A superscript two is a digit to Python, and no number."""
    signed = hmac.new(SECRET.encode(), f"{digits}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert_refused(f"t={digits},v1={signed}")
