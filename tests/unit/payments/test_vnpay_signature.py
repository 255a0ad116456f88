"""VNPAY's checksums: known hashes (computed with OpenSSL), the sandbox's own encoder, and whatever may be typed."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.vnpay import signature as theirs
from services.payments.adapters.vnpay_signature import (
    HASH,
    QUERY_ANSWERED,
    QUERY_ASKED,
    REFUND_ANSWERED,
    REFUND_ASKED,
    encoded,
    is_mac,
    is_signed,
    joined,
    mac,
    moment_of,
    signed_query,
    values_of,
    wire_time,
)

SECRET = "RAOEXHYVSDDIIENYWSLDIIZTANXUXZFJ"
LINK = (
    "vnp_Amount=13500000&vnp_Command=pay&vnp_OrderInfo=Le+phi+cap+doi+%28A%2FB%29%3A+100%25"
    "&vnp_ReturnUrl=http%3A%2F%2F127.0.0.1%3A8080%2Fho-so%3Fa%3D1%26b%3D%7E2&vnp_TmnCode=MOTCUA01"
    "&vnp_TxnRef=018f3c2e7b1a7c3d9e4f5a6b7c8d9e0f"
)
LINK_HASH = (
    "aa79e7fb5b2d8c52a8fda5f20667f18605c088c7a1a38505e0e0fd2513b6eb3a"
    "45f99d695ec9fbe42a8c995b8904389cea5396f13599c190cc593f9e0574b2cd"
)
NOTICE = b"vnp_Amount=13500000&vnp_OrderInfo=Nop+phi+%28A%29&vnp_ResponseCode=00&vnp_TxnRef=order1"
NOTICE_HASH = (
    b"00156166fe6fbd1269337eb6ec61736de6dce432e8f4152fbebdb9a0eeacf114"
    b"fe10c14a95a167d9c3771e67a4a96bd887d4a7ed9328ad58451895e150966908"
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
queries = st.dictionaries(st.from_regex("vnp_[A-Za-z]{1,9}", fullmatch=True), texts, max_size=12)


def test_a_link_is_signed_sorted_and_form_encoded() -> None:
    values = {
        "vnp_TxnRef": "018f3c2e7b1a7c3d9e4f5a6b7c8d9e0f", "vnp_TmnCode": "MOTCUA01", "vnp_Amount": "13500000",
        "vnp_ReturnUrl": "http://127.0.0.1:8080/ho-so?a=1&b=~2", "vnp_OrderInfo": "Le phi cap doi (A/B): 100%",
        "vnp_Command": "pay", "vnp_BankCode": "",
    }  # fmt: skip
    assert signed_query(SECRET, values) == f"{LINK}&{HASH}={LINK_HASH}"


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        (
            QUERY_ASKED,
            "r1|2.1.0|querydr|MOTCUA01|order1|20260609080000|20260609081500|127.0.0.1|Truy van order1",
            "82efac9add03dc3d4cfd505a97d2a018d469ce711cafe329ffde9abe72daacb9"
            "0f5044069dcb00a61a21bdd50bec9938dd195119077c4d78b14ce5d31033cde9",
        ),
        (
            REFUND_ASKED,
            "r2|2.1.0|refund|MOTCUA01|03|order1|3500000|14000001|20260609080000|motcua|20260609090000|127.0.0.1|Hoan tien r2",
            "c87426de9b465ed120c88d0f204367b0308b80361a06ef1c38bb64bdf56e08cb"
            "6da481d31046564787555ca2c13f38f3ea72f4103a71e6c9e8b91efdcfd3424d",
        ),
        (
            QUERY_ANSWERED,
            "a1|querydr|00|Giao dịch|MOTCUA01|order1|13500000|NCB|20260609080500|14000001|01|00|Nop phi||",
            "4254203eef48502595c7944fa6f0e447f1f0060a457520f4c20576576cec0966"
            "97f203c46dac551523bf2eea74380cfa4622cfccea9daa1cce5c50ec9685cfaf",
        ),
    ],
    ids=["querydr", "refund", "answer"],
)
def test_json_is_signed_over_its_fields_in_the_documented_order(
    fields: tuple[str, ...], text: str, expected: str
) -> None:
    values = dict(zip(fields, text.split("|"), strict=True)) | {"vnp_Other": "is not signed"}
    assert joined(fields, values) == text.encode()
    assert is_mac(expected, SECRET, joined(fields, values))
    assert is_mac(expected.upper(), SECRET, joined(fields, values))
    assert not is_mac(expected[:-1], SECRET, joined(fields, values))


def test_a_field_that_is_missing_is_signed_as_empty() -> None:
    assert joined(REFUND_ANSWERED, {"vnp_ResponseId": "a", "vnp_OrderInfo": "z"}) == b"a||||||||||||z"


def test_a_notice_is_signed_over_its_pairs_as_they_came_in_any_order() -> None:
    pairs = NOTICE.split(b"&")
    for query in (pairs, pairs[::-1], [*pairs, b"vnp_BankTranNo=", b"vnp_SecureHashType=HMACSHA512"]):
        assert is_signed(SECRET, b"&".join([*query, b"vnp_SecureHash=" + NOTICE_HASH]))
        assert is_signed(SECRET, b"&".join([b"vnp_SecureHash=" + NOTICE_HASH.upper(), *query]))
    # Another encoder leaves brackets as they are: what it sent is what it signed.
    loose = NOTICE.replace(b"%28A%29", b"(A)")
    assert is_signed(SECRET, loose + b"&vnp_SecureHash=" + mac(SECRET, loose).encode())


@pytest.mark.parametrize(
    "query",
    [
        b"",
        NOTICE,
        NOTICE + b"&vnp_SecureHash=",
        NOTICE + b"&vnp_SecureHash=" + NOTICE_HASH[:-1],
        NOTICE + b"&vnp_SecureHash=\xff" + NOTICE_HASH,
        NOTICE.replace(b"13500000", b"1350000") + b"&vnp_SecureHash=" + NOTICE_HASH,
        NOTICE + b"&vnp_Amount=1&vnp_SecureHash=" + NOTICE_HASH,
        NOTICE + b"&vnp_Amount=13500000&vnp_SecureHash=" + NOTICE_HASH,
        NOTICE + b"&vnp_SecureHash=0&vnp_SecureHash=" + NOTICE_HASH,
        NOTICE + b"&vnp_Amount=&vnp_SecureHash=" + NOTICE_HASH,
        NOTICE + b"&vnp_More=1&vnp_SecureHash=" + NOTICE_HASH,
    ],
)
def test_a_notice_that_is_unsigned_changed_or_says_something_twice_is_not_signed(query: bytes) -> None:
    assert not is_signed(SECRET, query)


@given(texts)
def test_text_is_encoded_as_vnpay_does(text: str) -> None:
    assert encoded(text) == theirs.encoded(text)
    assert parse_qsl(f"a={encoded(text)}", keep_blank_values=True) == [("a", text)]


@given(queries)
def test_what_we_sign_vnpay_takes_and_what_it_signs_we_take(values: dict[str, str]) -> None:
    values["vnp_TxnReference"] = "order1"  # no query is empty
    ours = signed_query(SECRET, values)
    assert ours == theirs.signed_query(SECRET, values)
    assert is_signed(SECRET, ours.encode())
    assert not is_signed("another secret", ours.encode())
    read = values_of(ours.encode())
    assert read == {name: value for name, value in values.items() if value} | {HASH: read[HASH]}
    assert theirs.holds(read[HASH], SECRET, theirs.query(read))


@given(st.integers(946_684_800, 4_102_444_800))
def test_times_are_written_in_vietnam_and_read_back_to_the_second(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert moment_of(wire_time(moment)) == moment


def test_a_time_of_the_wire_is_seven_hours_ahead() -> None:
    assert wire_time(datetime(2026, 12, 31, 17, 0, 1, tzinfo=UTC)) == "20270101000001"
