"""Lost notices healed over every gateway's adapter and its sandbox: what their statements say is enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.clock import utc_now
from chassis.identifiers import new_id
from services.payments import store
from services.payments.domain.answers import CheckoutCreated
from services.payments.domain.bill import Bill
from services.payments.domain.messages import RequestRefund, StartCheckout
from services.payments.domain.questions import CreateCheckout, Refund
from services.payments.reconciling_work import Reconciler
from services.payments.store.differences import Run
from tests.database import Server as Postgres
from tests.integration.gateways.asking import CALLING, until
from tests.integration.gateways.harnesses import HARNESSES
from tests.integration.gateways.merchant import Merchant
from tests.integration.payments_books import Books, open_books
from tests.integration.payments_counter import AMOUNT, RETURNED, eventually


@pytest.fixture(params=sorted(HARNESSES))
async def merchant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Merchant]:
    async with HARNESSES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
async def books(postgres_server: Postgres, merchant: Merchant) -> AsyncIterator[Books]:
    async with open_books(postgres_server) as opened:
        opened.reconciler = Reconciler({merchant.gateway.name: merchant.gateway}, 0.0)
        yield opened


async def asked(books: Books, kind: str) -> Any:
    """The request of the newest call of a kind, taken by nobody."""
    return await books.pool.fetchval("delete from call where kind = $1 returning body", kind)


async def paid_unheard(books: Books, merchant: Merchant) -> Bill:
    """A bill that was paid at the gateway, and nobody told us."""
    bill, name = await books.filed(), merchant.gateway.name
    start = StartCheckout(attempt_id=new_id(), return_url="http://127.0.0.1:9", gateway=name, payer=merchant.payer)
    await books.says(bill.key, start)
    request = CreateCheckout.model_validate(await asked(books, "CreateCheckout"))
    page = await merchant.gateway.create_checkout(request, CALLING)
    assert isinstance(page, CheckoutCreated)
    await books.says(bill.key, page)
    await merchant.pays(page)
    return bill


async def reconciled_once(books: Books, merchant: Merchant, lines: int) -> dict[str, Any]:
    """The report of the first run that has read so many lines."""
    name = merchant.gateway.name

    async def read() -> dict[str, Any] | None:
        now = utc_now()
        run = Run(new_id(), name, now - timedelta(days=1), now + timedelta(minutes=1), "test")
        await store.differences.ask(books.pool, [run])
        while await books.reconciler.work_off(books.pool, books.answering):
            pass
        (told,) = await store.differences.runs(books.pool, [run.run_id], 1)
        assert told["report"], told["error"]
        return dict(told["report"]) if told["report"]["lines"] >= lines else None

    return await eventually(read)


async def test_a_payment_is_healed_by_the_statement(books: Books, merchant: Merchant) -> None:
    bill = await paid_unheard(books, merchant)
    report = await reconciled_once(books, merchant, 1)
    assert (report["healed"], report["found"]) == ({"capture_unheard": 1}, {})
    assert (await books.bill(bill.key)).state == "paid"
    again = await reconciled_once(books, merchant, 1)
    assert (again["healed"], again["found"], again["unexplained_dong"]) == ({}, {}, 0)
    balances = await books.balances()
    fees = balances.get(f"gateway-fee:{merchant.gateway.name}", 0)
    assert balances[f"gateway:{merchant.gateway.name}"] == AMOUNT - fees


async def test_a_refund_is_healed_by_the_statement(books: Books, merchant: Merchant) -> None:
    """Of gateways that refund: the others leave it to an officer."""
    bill = await paid_unheard(books, merchant)
    await reconciled_once(books, merchant, 1)
    order = RequestRefund(refund_id=new_id(), available=RETURNED, reason="test", by="officer")
    states = [each.state for each in (await books.says(bill.key, order)).refunds]
    if merchant.manner.refundable is None:
        assert states == ["by_hand"]
        return
    request = Refund.model_validate(await asked(books, "Refund"))

    await until(lambda: merchant.gateway.refund(request, CALLING))
    report = await reconciled_once(books, merchant, 2)
    assert (report["healed"], report["found"]) == ({"refund_unheard": 1}, {})
    assert [each.state for each in (await books.bill(bill.key)).refunds] == ["done"]


async def test_what_a_bank_takes_by_itself_is_raised(postgres_server: Postgres, tmp_path: Path) -> None:
    async with HARNESSES["vietqr"](tmp_path) as bank, open_books(postgres_server) as books:
        books.reconciler = Reconciler({"vietqr": bank.gateway}, 0.0)
        async with httpx.AsyncClient(base_url=bank.sandbox.url, timeout=30) as client:
            lines = [{"amount": 11_000, "purpose": "phi quan ly tai khoan", "direction": "debit"}]
            (await client.post("/_control/lines", json={"lines": lines})).raise_for_status()
        report = await reconciled_once(books, bank, 1)
        assert (report["found"], report["unexplained_dong"]) == ({"unknown_movement": {"open": 1}}, 11_000)
        assert await books.balances() == {"gateway:vietqr": -11_000, "suspense": 11_000}
