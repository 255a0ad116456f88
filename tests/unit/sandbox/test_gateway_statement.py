"""What reconciliation reads of the gateway: its statement with fees, its balance, and the faults that befall refunds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.gateway_client import NOON, Gateway, gateway_in


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """One that keeps 2.9 percent of each charge."""
    async with gateway_in(tmp_path, fee_basis_points=290) as opened:
        yield opened


async def statement(gateway: Gateway, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gateway.found("/v1/balance_transactions", query))["data"]
    return found


async def sums(gateway: Gateway, name: str) -> dict[str, int]:
    return {line["currency"]: line["amount"] for line in (await gateway.found("/v1/balance"))[name]}


async def test_the_gateway_keeps_its_fee_of_a_charge_and_none_of_a_refund(gateway: Gateway) -> None:
    intent = await gateway.paid()
    gateway.pass_time(1)
    await gateway.made("/v1/refunds", {"payment_intent": intent["id"], "amount": 35_000})
    refund, charge = await statement(gateway)
    assert (charge["amount"], charge["fee"], charge["net"]) == (135_000, 3_915, 131_085)
    (detail,) = charge["fee_details"]
    assert (detail["amount"], detail["currency"], detail["type"]) == (3_915, "vnd", "stripe_fee")
    assert (refund["amount"], refund["fee"], refund["net"], refund["fee_details"]) == (-35_000, 0, -35_000, [])
    assert await sums(gateway, "available") == {"vnd": 131_085 - 35_000}


async def test_money_is_pending_until_it_stands_in_the_statement(gateway: Gateway) -> None:
    await gateway.paid()
    assert (await sums(gateway, "available"), await sums(gateway, "pending")) == ({"vnd": 0}, {"vnd": 135_000})
    gateway.pass_time(1)
    assert (await sums(gateway, "available"), await sums(gateway, "pending")) == ({"vnd": 131_085}, {"vnd": 0})


async def test_the_statement_of_a_time_has_its_sources_with_our_own_ids(gateway: Gateway) -> None:
    await gateway.paid()
    gateway.pass_time(1)
    gateway.pass_time(99)
    intent = await gateway.paid(metadata={"attempt_id": "a-1"})
    gateway.pass_time(10)
    form = {"payment_intent": intent["id"], "amount": 1_000, "metadata": {"refund_id": "r-1"}}
    await gateway.made("/v1/refunds", form)
    gateway.pass_time(100)
    await gateway.paid()
    since = int(NOON) + 100
    lines = await statement(gateway, created={"gte": since, "lt": since + 100}, expand=["data.source"])
    assert [line["source"]["metadata"] for line in lines] == [{"refund_id": "r-1"}, {"attempt_id": "a-1"}]
    assert lines[1]["source"]["payment_intent"] == intent["id"]


async def test_a_refund_may_be_refused_and_nothing_moves(gateway: Gateway) -> None:
    intent = await gateway.paid()
    await gateway.arm("refund_refused")
    form = {"payment_intent": intent["id"], "amount": 35_000}
    answer = await gateway.post("/v1/refunds", form, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "charge_disputed")
    assert await gateway.totals() == {"vnd": 135_000}
    assert (await gateway.post("/v1/refunds", form, Idempotency_Key="k")).status_code == 200


async def test_a_refund_may_be_pending_whatever_the_card(gateway: Gateway) -> None:
    intent = await gateway.paid()
    await gateway.arm("refund_pending")
    refund = await gateway.made("/v1/refunds", {"payment_intent": intent["id"], "amount": 35_000})
    assert refund["status"] == "pending"
    gateway.pass_time(5)
    assert (await gateway.found(f"/v1/refunds/{refund['id']}"))["status"] == "succeeded"
    assert await gateway.totals() == {"vnd": 100_000}


async def test_a_status_that_nobody_documented_is_told_once_and_kept_nowhere(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.arm("unknown_code")
    told = [(await gateway.found(f"/v1/checkout/sessions/{session['id']}"))["status"] for _ in range(2)]
    assert told == ["sandbox_unheard_of", "open"]
