"""The national platform gives no statement and no refunds: what is asked instead, and its own receipt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.clock import utc_now
from chassis.errors import Refusal, Unanswered
from chassis.identifiers import new_id
from services.payments.domain.printed import NotReady
from services.payments.domain.questions import AskRefund, CreateCheckout, Refund
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.merchant import AMOUNT, DOSSIER
from tests.integration.gateways.national_merchant import adapter
from tests.unit.payments.national_desk import Desk, known, opened, receipt_of, wanted
from tests.unit.sandbox.client import arm


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as there:
        yield there


async def statement(desk: Desk, requests: list[CreateCheckout], since: datetime, until: datetime) -> list[Any]:
    pages = desk.gateway.movements(since, until, [known(each) for each in requests])
    return [line async for page in pages for line in page]


async def test_the_statement_has_every_paid_page_once_and_no_other(desk: Desk) -> None:
    paid, unpaid, unheard_of = [wanted() for _ in range(7)], [wanted() for _ in range(2)], wanted()
    for each in (*paid, *unpaid):
        await desk.page(each)
    for each in paid:
        desk.pay(each)
    now = utc_now()
    everything = [unheard_of, *paid, *unpaid]
    lines = await statement(desk, everything, now - timedelta(hours=1), now + timedelta(minutes=1))
    assert sorted(line.attempt_id for line in lines) == sorted(each.attempt_id for each in paid)
    assert len({line.line for line in lines}) == 7
    assert {(line.kind, line.amount, line.currency) for line in lines} == {("capture", AMOUNT, "VND")}
    assert await statement(desk, everything, now - timedelta(hours=2), now - timedelta(hours=1)) == []


async def test_a_question_without_an_answer_is_asked_again_and_then_ends_the_statement(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    desk.pay(request)
    since, until = utc_now() - timedelta(hours=1), utc_now() + timedelta(minutes=1)
    await arm(desk.http, "storm_500", times=2)
    assert len(await statement(desk, [request], since, until)) == 1
    await arm(desk.http, "storm_500", times=3)
    with pytest.raises(Unanswered):
        await statement(desk, [request], since, until)


async def test_no_more_questions_are_in_flight_than_allowed() -> None:
    flying, most = 0, 0

    async def answers(request: httpx.Request) -> httpx.Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0)
        flying -= 1
        reference = json.loads(request.content)["MaThamChieu"]
        return httpx.Response(200, json={"MaLoi": "00", "MaThamChieu": reference, "TrangThaiGD": "3"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answers), base_url="http://platform") as http:
        pages = adapter(http, at_once=4).movements(utc_now(), utc_now(), [known(wanted()) for _ in range(30)])
        assert [page async for page in pages] == []
    assert 1 < most <= 4


async def test_the_platforms_receipt_comes_as_pdf_or_json_once_it_is_ready(desk: Desk) -> None:
    request = wanted()
    await desk.page(request)
    with pytest.raises(NotReady):
        await desk.gateway.receipt_file(receipt_of(request))
    desk.pay(request)
    await arm(desk.http, "bill_not_ready")
    with pytest.raises(NotReady):
        await desk.gateway.receipt_file(receipt_of(request))
    pdf = await desk.gateway.receipt_file(receipt_of(request))
    assert (pdf.media_type, pdf.content[:5]) == ("application/pdf", b"%PDF-")
    await arm(desk.http, "bill_json")
    told = await desk.gateway.receipt_file(receipt_of(request))
    assert told.media_type == "application/json"
    assert json.loads(told.content)["SoTien"] == AMOUNT


async def test_a_refund_is_refused_with_what_to_do_instead(desk: Desk) -> None:
    money = {"gateway": "national", "refund_id": new_id(), "reference": "1"}
    with pytest.raises(Refusal, match="officer"):
        await desk.gateway.refund(Refund(**money, dossier_code=DOSSIER, amount=1, reason="withdrawn"), CALLING)
    with pytest.raises(Refusal, match="officer"):
        await desk.gateway.ask_refund(AskRefund(**money), CALLING)
