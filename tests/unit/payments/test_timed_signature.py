"""Signatures with a time: genuine ones pass, all others are refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Refusal
from deploy.sandbox.kit.retrying import timed_signature as as_the_bank_signs
from services.payments.adapters.timed_signature import TOLERANCE_SECONDS, verify
from services.payments.domain.codes import payment_codes_in
from tests.records import NOON

patient = settings(deadline=None)  # other work on the machine must not fail a claim
AT = int(NOON.timestamp())


def signed(body: bytes, secret: str = "new", at: int = AT) -> str:
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


@patient
@given(st.binary(), st.text(min_size=1), st.integers(-TOLERANCE_SECONDS, TOLERANCE_SECONDS))
def test_what_the_bank_signs_is_taken_for_five_minutes_either_way(body: bytes, secret: str, age: int) -> None:
    verify(body, as_the_bank_signs(secret, body, AT), [secret], NOON + timedelta(seconds=age))


def test_while_a_secret_is_replaced_both_are_taken() -> None:
    for secret in ("old", "new"):
        verify(b"{}", signed(b"{}", secret), ["new", "old"], NOON)
    verify(b"{}", f"{signed(b'{}', 'stolen')},{signed(b'{}').partition(',')[2]}", ["new"], NOON)


@pytest.mark.parametrize(
    ("signature", "secrets"),
    [
        (None, ["new"]),
        ("", ["new"]),
        ("t=,v1=", ["new"]),
        (signed(b"{}").partition(",")[2], ["new"]),
        (signed(b"{}").partition(",")[0], ["new"]),
        (f"t=1,{signed(b'{}')}", ["new"]),
        (signed(b"{} "), ["new"]),
        (signed(b"{}", "stolen"), ["new"]),
        (signed(b"{}", at=AT - TOLERANCE_SECONDS - 1), ["new"]),
        (signed(b"{}", at=AT + TOLERANCE_SECONDS + 1), ["new"]),
        (signed(b"{}").replace(str(AT), "١٢٣"), ["new"]),
        (signed(b"{}", ""), [""]),
        (signed(b"{}"), []),
        ("t=1é,v1=ü", ["new"]),
    ],
)
def test_anything_else_is_refused(signature: str | None, secrets: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        verify(b"{}", signature, secrets, NOON)
    assert (refused.value.status, refused.value.code) == (400, "bad_signature")


def test_the_example_for_payers_banks_is_signed_as_we_check_it_and_names_a_code_that_can_be() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "payments.md").read_text()
    key, body, stamp, mac = (
        re.findall(pattern, guide)[0]
        for pattern in (r'key = b"(.+)"', r"body = '(.+)'", r'b"(\d+)\."', r"\n# ([0-9a-f]{64})\n")
    )
    verify(body.encode(), f"t={stamp},v1={mac}", [key], datetime.fromtimestamp(int(stamp), UTC))
    code = json.loads(body)["payment_code"]
    assert payment_codes_in(code) == [code]


@patient
@given(st.text())
def test_no_header_breaks_it(signature: str) -> None:
    with pytest.raises(Refusal):
        verify(b"{}", signature, ["new"], NOON)
