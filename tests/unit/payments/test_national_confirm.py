"""CONFIRM, the national platform's notice: genuine or refused, and what it tells beside what is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from chassis.clock import utc_now
from chassis.errors import Refusal
from chassis.identifiers import new_id
from services.payments.domain.codes import payment_code
from services.payments.domain.gateway import UnknownCode
from tests.integration.gateways.merchant import AMOUNT
from tests.integration.gateways.national_merchant import PARTNER, adapter, signed
from tests.unit.payments.national_desk import Desk, opened, wanted
from tests.unit.sandbox.client import arm, fired

PAID = {
    "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": PARTNER, "SoTien": AMOUNT, "MaTienTe": "VND",
    "MaGiaoDich": "202611230000000017", "MaNganHang": "VCB", "ThongTinGiaoDich": "Lệ phí",
}  # fmt: skip


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as there:
        yield there


@pytest.mark.parametrize(
    ("fault", "amount", "currency"), [("wrong_amount", AMOUNT // 10, "VND"), ("wrong_currency", AMOUNT, "USD")]
)
async def test_what_was_taken_is_told_as_it_was_taken(desk: Desk, fault: str, amount: int, currency: str) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, fault)
    desk.pay(request)
    money = await desk.ask(request)
    assert (money.amount, money.currency) == (amount, currency)
    ((tiding,),) = (desk.gateway.tell(ring) for ring in desk.rings())
    assert tiding.captured is not None
    assert (tiding.captured.amount, tiding.captured.currency) == (amount, currency)


async def test_twelve_hours_are_read_as_the_half_of_the_day_that_it_was(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "twelve_hours", times=2)
    desk.pay(request)
    money = await desk.ask(request)
    ((tiding,),) = (desk.gateway.tell(ring) for ring in desk.rings())
    assert await fired(desk.http, "twelve_hours") == 2
    for told in (money, tiding.captured):
        assert told is not None
        assert abs(told.paid_at - utc_now()) < timedelta(minutes=1)


async def test_a_confirm_of_another_amount_says_so_and_what_is_asked_says_the_truth(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "notice_other_amount")
    desk.pay(request)
    ((tiding,),) = (desk.gateway.tell(ring) for ring in desk.rings())
    assert tiding.captured is not None
    assert (tiding.captured.amount, tiding.captured.heard_only) == (AMOUNT * 10, True)
    assert (await desk.ask(request)).amount == AMOUNT


async def test_copies_of_a_confirm_have_one_id_and_another_content_has_another(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "notice_duplicated")
    desk.pay(request)
    first, copy = desk.rings()
    assert first.event_id == copy.event_id
    changed = signed({**json.loads(first.body), "SoTien": 1})
    assert desk.gateway.hear(changed, {}, utc_now()).event_id != first.event_id


async def test_a_forged_confirm_is_refused(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "notice_forged")
    desk.pay(request)
    with pytest.raises(Refusal) as refusal:
        desk.rings()
    assert (refusal.value.code, refusal.value.status) == ("bad_signature", 400)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"LoaiBanTin": "INIT"}', b"\xff", b"[" * 9999])
def test_what_is_no_confirm_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        adapter(httpx.AsyncClient()).hear(body, {}, utc_now())
    assert refusal.value.status == 400


def told(**changes: Any) -> Any:
    """What a genuine CONFIRM with these changes tells."""
    gateway = adapter(httpx.AsyncClient())
    stamp = f"{utc_now() + timedelta(hours=7):%Y%m%d%H%M%S}"
    message = {**PAID, "MaThamChieu": new_id().hex, "ThoiGianGD": stamp, **changes}
    return gateway.tell(gateway.hear(signed(message), {}, utc_now()))


def test_a_confirm_that_is_not_clearly_a_success_makes_us_ask() -> None:
    for changes in ({"MaLoi": "10"}, {"MaLoi": "0"}, {"MaLoi": "77"}, {"MaGiaoDich": ""}, {"ThoiGianGD": "?"}):
        (tiding,) = told(**changes)
        assert tiding.attempt_id is not None
        assert tiding.captured is None, changes


def test_a_confirm_of_our_page_with_a_code_that_nobody_documented_is_said_aloud() -> None:
    """A failure, which everybody knows, is not."""
    with capture_logs() as logs:
        for code in ("77", "0", "10"):
            told(MaLoi=code)
    assert [(each["log_level"], each["code"]) for each in logs] == [("error", "77"), ("error", "0")]


def test_money_that_was_paid_by_the_dossiers_code_names_its_bill_and_itself() -> None:
    bill = new_id()
    (tiding,) = told(MaThamChieu=payment_code(bill))
    (again,) = told(MaThamChieu=payment_code(bill))
    (second,) = told(MaThamChieu=payment_code(bill), MaGiaoDich="202611230000000018")
    assert (tiding.payment_code, tiding.attempt_id) == (payment_code(bill), None)
    assert tiding.captured.money_id == again.captured.money_id != second.captured.money_id
    assert not tiding.captured.heard_only, "nobody can be asked about it"


def test_money_that_nobody_asked_for_is_told_without_a_name_and_never_dropped() -> None:
    (tiding,) = told(MaThamChieu="LA0123456789ABCDEF")
    assert (tiding.attempt_id, tiding.payment_code, tiding.captured.amount) == (None, None, AMOUNT)
    assert told(MaThamChieu="LA0123456789ABCDEF", MaLoi="10") == ()
    with pytest.raises(UnknownCode):
        told(MaThamChieu="LA0123456789ABCDEF", MaLoi="0")
