"""Stripe's statement in our words: each line once, with its fee and our own ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.errors import Unanswered
from chassis.identifiers import new_id
from deploy.sandbox.gateway.main import application
from services.payments.adapters.stripe import Stripe
from services.payments.adapters.stripe_objects import Line, Source
from services.payments.adapters.stripe_statement import movement
from services.payments.domain.answers import Captured, RefundDone
from services.payments.domain.questions import Refund
from services.payments.domain.tidings import Movement
from tests.records import CODE
from tests.unit.payments.till import CALLING, GOOD, RETURNED_REFUND, Till, port_to, till_at
from tests.unit.sandbox.gateway_client import KEY, NOON, gateway_in

START = datetime.fromtimestamp(NOON, UTC)


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    """A gateway that keeps 2.9 percent; its statement is read two lines at a time."""
    async with gateway_in(tmp_path, fee_basis_points=290) as gateway:
        till = till_at(gateway)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(application(gateway.office)),
            base_url="http://gateway",
            headers={"Authorization": f"Bearer {KEY}"},
        )
        yield Till(till.gateway, Stripe(client, page_lines=2))


async def lines(till: Till, since: datetime = START, until: datetime = START + timedelta(days=1)) -> list[Movement]:
    """Oldest first."""
    return [line async for page in till.port.movements(since, until, ()) for line in page][::-1]


async def returned(till: Till, capture: Captured, amount: int = 20_000) -> tuple[Refund, str]:
    request = Refund(refund_id=new_id(), dossier_code=CODE, reference=capture.reference, amount=amount, reason="r")
    done = await till.port.refund(request, CALLING)
    assert isinstance(done, RefundDone)
    return request, done.reference


async def test_a_payment_a_refund_and_its_coming_back_are_three_lines(till: Till) -> None:
    capture = await till.paid(RETURNED_REFUND)
    till.gateway.pass_time(1)
    request, reference = await returned(till, capture)
    till.gateway.pass_time(5)
    came, went, came_back = await lines(till)
    assert (came.kind, came.amount, came.fee, came.currency) == ("capture", 135_000, 3_915, "VND")
    assert (came.reference, came.attempt_id) == (capture.reference, capture.attempt_id)
    assert (went.kind, went.amount, went.reference, went.refund_id) == (
        "refund",
        20_000,
        reference,
        request.refund_id,
    )
    assert (came_back.kind, came_back.amount, came_back.reference, came_back.refund_id) == (
        "refund_returned",
        20_000,
        reference,
        request.refund_id,
    )
    assert len({line.line for line in (came, went, came_back)}) == 3
    assert await till.port.balance() == {"VND": 135_000 - 3_915}


async def test_each_line_is_read_once_over_the_borders_of_pages(till: Till) -> None:
    captures = [await till.paid() for _ in range(5)]
    till.gateway.pass_time(1)
    assert [line.reference for line in await lines(till)] == [each.reference for each in captures]


async def test_days_that_meet_have_each_line_once_whatever_fraction_of_a_second_parts_them(till: Till) -> None:
    for _ in range(6):
        await till.pays(await till.page(), GOOD)
        till.gateway.pass_time(0.7)
    till.gateway.pass_time(1)
    whole = await lines(till)
    for milliseconds in range(0, 6_000, 250):
        border = START + timedelta(milliseconds=milliseconds)
        assert await lines(till, START, border) + await lines(till, border) == whole
    assert len(whole) == 6


@pytest.mark.parametrize(
    "kind", ["adjustment", "payout", "stripe_fee", "a_kind_of_next_year", "payment_failure_refund"]
)
def test_a_line_that_moves_no_payment_is_told_with_its_name_and_sign(kind: str) -> None:
    line = Line(id="txn_1", type=kind, amount=-500, fee=0, currency="vnd", created=int(NOON), source="po_1")
    told = movement(line)
    assert (told.kind, told.note, told.amount, told.reference) == ("other", kind, -500, "po_1")


@pytest.mark.parametrize("source", [None, "ch_1", Source(id="ch_1")])
def test_a_charge_without_its_payment_is_not_taken_for_one(source: Source | str | None) -> None:
    line = Line(id="txn_1", type="charge", amount=500, fee=0, currency="vnd", created=int(NOON), source=source)
    told = movement(line)
    assert (told.kind, told.note, told.reference) == ("other", "charge", "ch_1" if source else "txn_1")


@pytest.mark.parametrize("body", [{"data": ["txn_1"], "has_more": False}, {"data": []}, {"object": "list"}])
async def test_a_statement_that_cannot_be_read_is_no_statement(body: dict[str, Any]) -> None:
    port = port_to(httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    with pytest.raises(Unanswered):
        [page async for page in port.movements(START, START, ())]
