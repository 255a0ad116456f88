"""The payers' app: what is scanned, changed and transferred, and what payers' banks make of a purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.bank import qr
from deploy.sandbox.bank.purposes import MOST_TYPED, WAYS, bare, mangled, mangled_by_all, searched
from deploy.sandbox.bank.transfers import PAYERS
from services.payments.domain.codes import payment_code, payment_codes_in
from services.payments.domain.vietqr import LARGEST_AMOUNT, Transfer, encode
from tests.unit.sandbox.bank_client import ACCOUNT, BIN, Bank, bank_in, form_of
from tests.unit.sandbox.client import arm, fired

CODE = payment_code(UUID(int=7))
patient = settings(deadline=None)  # other work on the machine must not fail a claim
SCANNED = encode(Transfer(BIN, ACCOUNT, 135_000, CODE))


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with bank_in(tmp_path) as bank:
        yield bank


async def test_a_scanned_picture_fills_the_form_and_its_transfer_stands_in_the_statement(bank: Bank) -> None:
    page = await bank.http.get("/app", params={"qr": SCANNED})
    filled = form_of(page.text)
    token = filled.pop("token")
    assert filled == {"bin": BIN, "account": ACCOUNT, "amount": "135000", "purpose": CODE}
    line = await bank.transferred(**filled, token=token, payer="binh")
    assert (line["direction"], line["amount"], line["currency"]) == ("credit", "135000", "VND")
    assert CODE in line["purpose"]
    assert line["counterparty"] == "******6789"
    shown = await bank.http.get(f"/app/transfers/{token}")
    assert "Chuyển tiền thành công" in shown.text
    assert "135.000 đ" in (await bank.http.get("/")).text


async def test_a_form_that_is_sent_twice_transfers_once(bank: Bank) -> None:
    token = "0" * 32
    assert [(await bank.transfer(token=token)).headers["location"] for _ in range(2)] == [f"/app/transfers/{token}"] * 2
    assert len(await bank.lines()) == 1


async def test_the_payer_may_change_amount_and_purpose(bank: Bank) -> None:
    line = await bank.transferred(amount="100.000", purpose="Đóng hộ chị Ánh")
    assert line["amount"] == "100000"
    assert "DONG HO CHI ANH" in line["purpose"]


async def test_every_mistake_is_shown_at_once_and_nothing_is_transferred(bank: Bank) -> None:
    wrong = {"account": "999", "amount": "12,5 đ", "purpose": "x" * (MOST_TYPED + 1), "payer": "nobody"}
    answer = await bank.transfer(**wrong)
    assert answer.status_code == 400
    for words in ("không có tài khoản này", "số nguyên đồng", "nhiều nhất 80 ký tự", "chọn tài khoản nguồn"):
        assert words in answer.text
    assert "ít hơn 500.000.000" in (await bank.transfer(amount="500000000")).text
    assert await bank.lines() == []


@pytest.mark.parametrize("text", ["x", SCANNED[:-1], SCANNED.replace("135000", "135001"), "000201", "6304FFFF"])
async def test_a_damaged_picture_is_refused_and_shown_again(bank: Bank, text: str) -> None:
    answer = await bank.http.get("/app", params={"qr": text})
    assert answer.status_code == 400
    assert text in answer.text


async def test_a_payer_without_money_transfers_nothing(bank: Bank) -> None:
    answer = await bank.transfer(payer="khanh", token="1" * 32)
    assert "không đủ số dư" in (await bank.http.get(answer.headers["location"])).text
    assert await bank.lines() == []


@pytest.mark.parametrize(
    ("fault", "amounts"),
    [
        ("wrong_amount", [("13500", "VND")]),
        ("foreign_currency", [("5.40", "USD")]),
        ("credited_twice", [("135000", "VND")] * 2),
        ("unknown_payment", [("135000", "VND"), ("50000", "VND")]),
        ("pending_forever", []),
    ],
)
async def test_a_fault_of_a_transfer_fires_once(bank: Bank, fault: str, amounts: list[tuple[str, str]]) -> None:
    await arm(bank.http, fault)
    await bank.transfer()
    bank.pass_time(3600)
    assert [(line["amount"], line["currency"]) for line in await bank.lines()] == amounts
    assert await fired(bank.http, fault) == 1
    assert [notice["body"]["data"]["line"]["amount"] for notice in bank.notices("line.credited")] == [
        amount for amount, _ in amounts
    ]


async def test_a_transfer_told_as_failed_comes_in_later(bank: Bank) -> None:
    await arm(bank.http, "failed_then_captured", delay_seconds=60)
    answer = await bank.transfer(token="2" * 32)
    assert "không thành công" in (await bank.http.get(answer.headers["location"])).text
    bank.pass_time(59)
    assert await bank.lines() == []
    bank.pass_time(1)
    assert [line["amount"] for line in await bank.lines()] == ["135000"]
    assert len(bank.notices("line.credited")) == 1


async def test_a_lost_purpose_leaves_none_and_a_mangled_one_still_has_its_letters(bank: Bank) -> None:
    await arm(bank.http, "purpose_lost")
    assert (await bank.transferred(purpose=CODE))["purpose"] == ""
    await arm(bank.http, "purpose_mangled")
    line = await bank.transferred(purpose=f"Nộp lệ phí {CODE.lower()} cho mẹ")
    assert payment_codes_in(line["purpose"]) == [CODE]


codes = st.uuids().map(payment_code)
words = st.text(max_size=MOST_TYPED)


@patient
@given(codes, words, st.booleans(), st.sampled_from([*WAYS, "all"]), st.integers(0, 10**10 - 1))
def test_a_payment_code_survives_whatever_payers_banks_make_of_it(
    code: str, beside: str, lower: bool, way: str, number: int
) -> None:
    typed = f"{beside[: MOST_TYPED - len(code) - 1]} {code.lower() if lower else code}"
    arrived = mangled_by_all(typed, number) if way == "all" else mangled(typed, way, number)
    assert code in payment_codes_in(arrived)
    assert code in searched(arrived)


@patient
@given(words)
def test_what_arrives_is_upper_case_ascii(text: str) -> None:
    assert all(" " <= each <= "~" and each == each.upper() for each in bare(text))


@patient
@given(
    st.builds(
        Transfer,
        st.from_regex("[0-9]{6}", fullmatch=True),
        st.from_regex("[0-9A-Za-z]{1,19}", fullmatch=True),
        st.integers(1, LARGEST_AMOUNT),
        st.from_regex("[ -~]{1,25}", fullmatch=True),
    )
)
def test_the_app_reads_every_picture_that_we_draw(transfer: Transfer) -> None:
    seen = qr.read(encode(transfer))
    assert (seen.bin, seen.account) == (transfer.bank_bin, transfer.account)
    assert (seen.amount, seen.purpose) == (str(transfer.amount), transfer.purpose)


@patient
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        qr.read(text)
    except qr.UnreadableError:
        return


def test_each_payers_bank_has_its_way() -> None:
    assert {payer.way for payer in PAYERS.values()} == set(WAYS)
