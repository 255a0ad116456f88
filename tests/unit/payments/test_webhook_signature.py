"""Webhook signatures: only who knows the secret, and only lately.

Source: Stripe, "Check the webhook signatures": `t=SECONDS,v1=HEX`, HMAC-SHA256 of "SECONDS.BODY".
"""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.payments.adapters.stripe import TOLERANCE_SECONDS, verify_webhook

SECRET, BODY, NOW = "whsec_ours", '{"type":"checkout.session.completed","note":"đã nộp"}'.encode(), 1_780_000_000.0


def v1(body: bytes = BODY, at: int = int(NOW), secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def assert_refused(signature: str | None, body: bytes = BODY) -> None:
    with pytest.raises(Refusal) as refusal:
        verify_webhook(body, signature, SECRET, NOW)
    assert (refusal.value.status, refusal.value.code) == (400, "bad_signature")


def test_our_gateways_signature_is_accepted() -> None:
    verify_webhook(BODY, f"t={int(NOW)},v1={v1()}", SECRET, NOW)


def test_while_the_secret_is_changed_one_of_two_signatures_is_enough() -> None:
    verify_webhook(BODY, f"t={int(NOW)},v1={v1(secret='whsec_next')},v1={v1()},v0=old", SECRET, NOW)


def test_the_signature_lives_five_minutes_in_both_directions() -> None:
    for seconds in (-TOLERANCE_SECONDS, TOLERANCE_SECONDS):
        at = int(NOW) + seconds
        verify_webhook(BODY, f"t={at},v1={v1(at=at)}", SECRET, NOW)
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
