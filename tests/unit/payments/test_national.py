"""Pages of the national payment platform: what is asked for, what is refused here, and what is said of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.clock import utc_now
from chassis.errors import Unanswered
from deploy.sandbox.national.checks import SERVICES
from services.payments.adapters.national import National
from services.payments.adapters.national_services import directory
from services.payments.domain.answers import Captured, CheckoutRefused, SessionClosed, StillOpen
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.questions import CloseCheckout
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.merchant import AMOUNT, BENEFICIARY, DOSSIER, PROCEDURE
from tests.integration.gateways.national_merchant import PARTNER, PAYER, SEALER, SECRET, adapter
from tests.unit.payments.national_desk import Desk, about, opened, query, receipt_of, wanted
from tests.unit.sandbox.client import arm, fired


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as there:
        yield there


async def test_init_says_what_the_platform_and_its_receipt_need_and_invents_nothing(desk: Desk) -> None:
    began = utc_now()
    request = wanted(began=began)
    page = await desk.page(request)
    asked = desk.asked(request)
    assert page.session_id == asked["MaThamChieu"] == request.attempt_id.hex
    assert (asked["SoTien"], asked["Ip"], asked["PhienBan"]) == ("135000", "113.161.72.9", "1.0.6")
    assert asked["ThoiGianGD"] == f"{began + timedelta(hours=7):%Y%m%d%H%M%S}"
    receipt = asked["ThongTinBienLai"]
    assert (receipt["MaDVC"], receipt["MaTTHC"], receipt["MaHoSo"]) == ("1.002809.02", PROCEDURE, DOSSIER)
    assert (receipt["HoTenNguoiNop"], receipt["SoCMNDNguoiNop"]) == (PAYER.name, PAYER.paper)
    assert [(each["LoaiPhiLePhi"], each["SoTien"]) for each in receipt["PhiLePhi"]] == [("2", "115000"), ("1", "20000")]


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        ({"payer": None}, "no_payer"),
        ({"payer": "somebody else's seal"}, "payer_unreadable"),
        ({"procedure": "9.999999"}, "no_service_code: 9.999999"),
        ({"procedure": ""}, "no_service_code: no procedure"),
        ({"items": ()}, "not_one_beneficiary: no fee lines"),
        ({"amount": AMOUNT - 20_000}, "lines_do_not_add_up"),
        ({"agency_name": "", "procedure_name": ""}, "empty: procedure_name, agency_name"),
    ],
)
async def test_what_nobody_told_us_is_refused_here_with_the_gap_named(
    desk: Desk, changes: dict[str, Any], gap: str
) -> None:
    request = wanted(**changes)
    answer = await desk.gateway.create_checkout(request, CALLING)
    assert answer == CheckoutRefused(attempt_id=request.attempt_id, reason=gap)
    assert desk.office.store.payments(10) == []


async def test_lines_of_two_accounts_or_of_an_unknown_account_or_kind_are_refused_here(desk: Desk) -> None:
    first, second = wanted().items
    for items, gap in (
        ((first, second.model_copy(update={"beneficiary": "1"})), f"not_one_beneficiary: 1, {BENEFICIARY}"),
        (tuple(each.model_copy(update={"beneficiary": "1"}) for each in (first, second)), "no_account: 1"),
        ((first, second.model_copy(update={"kind": "thuế"})), "unknown_kind_of_fee: thuế"),
    ):
        answer = await desk.gateway.create_checkout(wanted(items=items), CALLING)
        assert isinstance(answer, CheckoutRefused)
        assert answer.reason == gap


async def test_the_same_request_finds_its_page_again_and_another_body_is_refused(desk: Desk) -> None:
    request = wanted()
    assert await desk.page(request) == await desk.page(request)
    other = request.model_copy(update={"payer_address": "2001:db8::1"})
    answer = await desk.gateway.create_checkout(other, CALLING)
    assert answer == CheckoutRefused(attempt_id=request.attempt_id, reason="reference_taken")


async def test_a_wrong_secret_or_partner_is_a_definite_refusal(desk: Desk) -> None:
    table = directory()
    for partner, secret, reason in (
        (PARTNER, "wrong", "signature_refused"),
        ("WRONG", SECRET, "partner_unknown"),
    ):
        stranger = National(desk.http, partner, secret, SEALER, table)
        answer = await stranger.create_checkout(wanted(), CALLING)
        assert isinstance(answer, CheckoutRefused)
        assert answer.reason == reason


@pytest.mark.parametrize("fault", ["answer_zero", "answer_number", "unknown_code"])
async def test_success_is_two_characters_and_anything_like_it_is_an_unknown_code(desk: Desk, fault: str) -> None:
    request = wanted()
    await arm(desk.http, fault)
    with pytest.raises(UnknownCode):
        await desk.gateway.create_checkout(request, CALLING)
    assert await fired(desk.http, fault) == 1
    await desk.page(request)


async def test_an_answer_wrapped_by_a_provinces_gateway_is_read(desk: Desk) -> None:
    request = wanted()
    await arm(desk.http, "answer_wrapped", times=3)
    await desk.page(request)
    desk.pay(request)
    assert isinstance(await desk.ask(request), Captured)
    assert (await desk.gateway.receipt_file(receipt_of(request))).media_type == "application/pdf"
    assert await fired(desk.http, "answer_wrapped") == 2, "a PDF is wrapped by nobody"


async def test_a_page_address_that_is_none_is_no_answer() -> None:
    async def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"MaLoi": "00", "UrlThanhToan": "javascript:alert(1)"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answers), base_url="http://platform") as http:
        with pytest.raises(Unanswered):
            await adapter(http).create_checkout(wanted(), CALLING)


async def test_an_answer_about_another_page_is_no_answer(desk: Desk) -> None:
    mine, other = wanted(), wanted()
    await desk.page(mine)
    await desk.page(other)
    desk.pay(other)
    told = await desk.http.post("/payment/query", content=query(other.attempt_id.hex))

    async def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=told.content)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answers), base_url="http://platform") as http:
        with pytest.raises(Unanswered):
            await adapter(http).ask_checkout(about(mine), CALLING)


async def test_a_page_that_nobody_made_is_no_answer(desk: Desk) -> None:
    with pytest.raises(Unanswered):
        await desk.ask(wanted())


async def test_a_state_that_nobody_documented_is_neither_open_nor_closed_nor_paid(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    told = (await desk.http.post("/payment/query", content=query(request.attempt_id.hex))).json()

    async def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={**told, "TrangThaiGD": "9"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answers), base_url="http://platform") as http:
        with pytest.raises(UnknownCode, match="'9'"):
            await adapter(http).ask_checkout(about(request), CALLING)


async def test_a_payment_is_unknown_for_a_while_and_then_known(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "unknown_for_a_while", delay_seconds=0.3)
    desk.pay(request)
    assert isinstance(await desk.ask(request), StillOpen)
    async with asyncio.timeout(10):
        while not isinstance(answer := await desk.ask(request), Captured):
            await asyncio.sleep(0.02)
    assert answer.amount == AMOUNT


async def test_a_payment_that_stays_pending_is_never_taken_for_failed_or_paid(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "pending_forever")
    desk.pay(request)
    assert isinstance(await desk.ask(request), StillOpen)
    assert desk.rings() == []
    with pytest.raises(Unanswered):
        await desk.gateway.close_checkout(CloseCheckout(**about(request).model_dump()), CALLING)


async def test_a_failed_payment_ends_its_page_and_the_money_that_comes_after_all_is_found(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    await arm(desk.http, "failed_then_captured", delay_seconds=0.05)
    desk.pay(request)
    failed = await desk.ask(request)
    assert isinstance(failed, SessionClosed)
    assert (failed.decline, bool(failed.decline_reference)) == ("declined", True)
    async with asyncio.timeout(10):
        while not isinstance(money := await desk.ask(request), Captured):
            desk.office.take_late()
            await asyncio.sleep(0.02)
    first, late = desk.rings()
    assert [each.captured for each in desk.gateway.tell(first)] == [None]
    (tiding,) = desk.gateway.tell(late)
    assert tiding.captured is not None
    assert (tiding.captured.amount, tiding.captured.reference) == (money.amount, money.reference)


async def test_words_are_cut_to_what_the_platform_takes_and_hold_no_separator(desk: Desk) -> None:
    request = wanted(description="Lệ phí | " + "rất dài " * 20)
    await desk.page(request)
    words = desk.asked(request)["ThongTinGiaoDich"]
    assert len(words) <= 50
    assert "|" not in words


def test_the_table_of_the_release_knows_the_sandboxs_codes() -> None:
    for procedure, service in directory().services.items():
        assert service.code in SERVICES[procedure]
