"""MaXacThuc: the documented order, joined by "|", the secret last, SHA-256 in lower-case hex."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.national import signature as of_platform
from services.payments.adapters.national_signature import ORDERS, is_genuine, joined, signature

SECRET = "bi mat cua doi tac"
REFERENCE = "019c2a5e7b4071f29a3c5d6e7f809112"
WORDS = "Lệ phí hồ sơ G09.20-260609-0001"
ASKED = {"PhienBan": "1.0.6", "MaDoiTac": "MOTCUA01", "MaThamChieu": REFERENCE, "ThoiGianGD": "20261123143000"}

# The fields in another order than the one that is signed; what is joined is written out, what is hashed came from sha256sum.
VECTORS: list[tuple[dict[str, Any], str, str]] = [
    (
        {
            "Ip": "113.161.72.9", "ThongTinGiaoDich": WORDS, "MaNganHang": "", "MaTienTe": "VND", "NgonNgu": "vi-VN",
            "MaThietBi": "1", "MaKenhThanhToan": "1", "LoaiHinhThanhToan": "PAY", "SoTien": "135000", "LoaiBanTin": "INIT",
            "ThongTinBienLai": {"MaDichVu": "2"}, **ASKED,
        },
        "INIT|1.0.6|MOTCUA01|019c2a5e7b4071f29a3c5d6e7f809112|135000|PAY|1|1|vi-VN|VND||Lệ phí hồ sơ G09.20-260609-0001|"
        "20261123143000|113.161.72.9|bi mat cua doi tac",
        "08d87975295a376866541452338c1f03014f7fcd0b312fd09e5573d8a72c889f",
    ),
    (
        {
            "ThongTinGiaoDich": WORDS, "ThoiGianGD": "20261123143512", "MaNganHang": "VCB", "SoTien": 135000,
            "MaGiaoDich": "202611230000000017", "MaTienTe": "VND", "MaThamChieu": REFERENCE, "MaDoiTac": "MOTCUA01",
            "MaLoi": "00", "LoaiBanTin": "CONFIRM",
        },
        "CONFIRM|00|MOTCUA01|019c2a5e7b4071f29a3c5d6e7f809112|135000|VND|202611230000000017|VCB|20261123143512|"
        "Lệ phí hồ sơ G09.20-260609-0001|bi mat cua doi tac",
        "9f78a66025d1079b181dac029b66abc7111ce72fbc3b900d435744aa84c83a93",
    ),
    (
        {"LoaiBanTin": "QUERY", **ASKED},
        "QUERY|1.0.6|MOTCUA01|019c2a5e7b4071f29a3c5d6e7f809112|20261123143000|bi mat cua doi tac",
        "d19b04fc60a86174f5ea6c9042511bcc6d4ad55333c69a2a78011d9821b34baa",
    ),
    (
        {"LoaiBanTin": "GET_BILL", **ASKED},
        "GET_BILL|1.0.6|MOTCUA01|019c2a5e7b4071f29a3c5d6e7f809112|20261123143000|bi mat cua doi tac",
        "f45c34b805f9acfa299c6e04541bd8274730323d432189abd18e63f5fddbb2be",
    ),
]  # fmt: skip
KINDS = [message["LoaiBanTin"] for message, _, _ in VECTORS]
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="|"), max_size=20) | st.integers(0, 10**12)


@pytest.mark.parametrize(("message", "text", "digest"), VECTORS, ids=KINDS)
def test_a_message_is_signed_over_its_values_in_the_documented_order(
    message: dict[str, Any], text: str, digest: str
) -> None:
    assert joined(message, SECRET) == text
    assert signature(message, SECRET) == digest
    assert is_genuine({**message, "MaXacThuc": digest}, SECRET)


@pytest.mark.parametrize(("message", "text", "digest"), VECTORS, ids=KINDS)
def test_another_secret_letter_case_or_no_signature_is_not_genuine(
    message: dict[str, Any], text: str, digest: str
) -> None:
    wrongs: tuple[Any, ...] = (digest.upper(), digest[::-1], "", None, 0)
    for wrong in wrongs:
        assert not is_genuine({**message, "MaXacThuc": wrong}, SECRET)
    assert not is_genuine(message, SECRET)
    assert not is_genuine({**message, "MaXacThuc": digest}, f"{SECRET} ")


def messages(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    fields = st.fixed_dictionaries({field: VALUES for field in ORDERS[kind] if field != "LoaiBanTin"})
    return fields.map(lambda told: {**told, "LoaiBanTin": kind})


@given(st.sampled_from(KINDS).flatmap(messages))
def test_what_we_sign_the_platform_finds_genuine_and_the_other_way_round(message: dict[str, Any]) -> None:
    kind = message["LoaiBanTin"]
    assert of_platform.is_genuine(kind, {**message, "MaXacThuc": signature(message, SECRET)}, SECRET)
    assert is_genuine(of_platform.signed(message, SECRET), SECRET)


@given(messages("CONFIRM"), st.sampled_from([field for field in ORDERS["CONFIRM"] if field != "LoaiBanTin"]), VALUES)
def test_any_changed_value_is_noticed(message: dict[str, Any], field: str, value: Any) -> None:
    genuine = of_platform.signed(message, SECRET)
    assert is_genuine({**genuine, field: value}, SECRET) == (str(message[field]) == str(value))


@given(messages("CONFIRM"), st.data())
def test_a_separator_in_a_value_is_never_genuine(message: dict[str, Any], data: st.DataObject) -> None:
    """Else a value could be moved into its neighbour under the same signature."""
    field = data.draw(st.sampled_from([name for name in ORDERS["CONFIRM"] if name != "LoaiBanTin"]))
    assert not is_genuine(of_platform.signed({**message, field: f"{message[field]}|"}, SECRET), SECRET)


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}])
def test_a_value_that_is_no_text_and_no_whole_number_cannot_be_signed(value: Any) -> None:
    message = {**VECTORS[1][0], "SoTien": value}
    with pytest.raises(ValueError, match="SoTien"):
        joined(message, SECRET)
    assert not is_genuine(of_platform.signed(message, SECRET), SECRET)


def test_a_message_of_an_unknown_kind_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="kind"):
        joined({"LoaiBanTin": "REFUND"}, SECRET)


@pytest.mark.parametrize("field", ["MaXacThuc", "ThongTinGiaoDich"])
def test_half_a_character_is_never_genuine(field: str) -> None:
    """JSON may name a lone surrogate, which has no bytes to be hashed or compared."""
    genuine = of_platform.signed(VECTORS[1][0], SECRET)
    assert not is_genuine({**genuine, field: "\ud800"}, SECRET)
