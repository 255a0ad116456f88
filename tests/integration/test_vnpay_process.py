"""VNPAY's sandbox as a process: IPNs until they are confirmed, over kill -9, and what faults make of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from chassis.identifiers import new_id
from services.payments.adapters.vnpay import Vnpay, client
from services.payments.adapters.vnpay_signature import is_signed
from services.payments.domain.answers import CheckoutCreated
from tests.integration.gateways.asking import CALLING
from tests.integration.gateways.merchant import wanted
from tests.integration.gateways.vnpay_merchant import GOOD, SECRET, TERMINAL, Listener, VnpayMerchant, types
from tests.integration.sandbox_process import Server, eventually, running


@dataclass
class Payer(VnpayMerchant):
    """A payer, and what his merchant hears."""

    async def page(self) -> CheckoutCreated:
        page = await self.gateway.create_checkout(wanted(self, attempt_id=new_id()), CALLING)
        assert isinstance(page, CheckoutCreated)
        return page

    async def paid(self) -> str:
        """The order of a new payment."""
        page = await self.page()
        await self.pays(page)
        return page.session_id

    def notices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sandbox.http.get(f"{self.sandbox.url}/_control/notices").json()["notices"]
        return found

    def states(self) -> list[str]:
        return [notice["state"] for notice in self.notices()]

    def orders(self) -> list[str]:
        """The orders of the IPNs that came, in the order in which they came."""
        return [dict(parse_qsl(query.decode()))["vnp_TxnRef"] for query, _ in self.listener.received]


@contextmanager
def paying(folder: Path, retry_seconds: float) -> Iterator[Payer]:
    listener = Listener()
    with listener.listening() as url:
        told = {
            "VNPAY_TERMINAL": TERMINAL,
            "VNPAY_SECRET": SECRET,
            "VNPAY_IPN_URL": url,
            "VNPAY_RETRY_SECONDS": str(retry_seconds),
        }
        with running(Server("vnpay", folder, told)) as server:
            yield Payer(Vnpay(client(server.url), TERMINAL, SECRET), server, listener)


@pytest.fixture
def payer(tmp_path: Path) -> Iterator[Payer]:
    with paying(tmp_path, 0.05) as opened:
        yield opened


@pytest.mark.parametrize("heard", ["ok", "done_before"])
async def test_a_notice_that_is_confirmed_is_sent_once(payer: Payer, heard: Any) -> None:
    payer.listener.heard = heard
    order = await payer.paid()
    eventually(lambda: payer.states() == ["confirmed"])
    assert payer.orders() == [order]


@pytest.mark.parametrize("heard", ["unknown", "wrong_amount", "bad_signature", "trouble"])
async def test_a_notice_that_is_not_confirmed_comes_again_unchanged(payer: Payer, heard: Any) -> None:
    payer.listener.heard = heard
    order = await payer.paid()
    eventually(lambda: len(payer.listener.received) >= 3)
    payer.listener.heard = "ok"
    eventually(lambda: payer.states() == ["confirmed"])
    assert set(payer.orders()) == {order}
    assert len({query for query, _ in payer.listener.received}) == 1


async def test_a_killed_vnpay_forgets_no_money_and_goes_on_telling_of_it(payer: Payer) -> None:
    payer.listener.heard = "trouble"
    orders = {await payer.paid() for _ in range(3)}
    payer.sandbox.kill()
    payer.listener.received.clear()
    payer.listener.heard = "ok"
    payer.sandbox.start()
    eventually(lambda: payer.states() == ["confirmed"] * 3)
    assert set(payer.orders()) == orders
    lines = payer.sandbox.http.get(f"{payer.sandbox.url}/_control/lines").json()["lines"]
    assert [(line["kind"], line["txn_ref"] in orders) for line in lines] == [("payment", True)] * 3


async def test_vnpay_gives_up_after_ten_tries(tmp_path: Path) -> None:
    with paying(tmp_path, 0.005) as payer:
        payer.listener.heard = "trouble"
        await payer.arm("notice_lost")
        lost, other = await payer.paid(), await payer.paid()
        eventually(lambda: payer.states() == ["lost", "abandoned"], seconds=60)
        assert payer.orders() == [other] * 10
        assert lost not in payer.orders()
        assert [notice["answer"] for notice in payer.notices()] == [None, "99"]


async def test_forged_and_unsigned_copies_are_sent_once_and_turned_away(payer: Payer) -> None:
    for fault in ("notice_forged", "notice_unsigned"):
        await payer.arm(fault)
    payer.listener.heard = "bad_signature"
    await payer.paid()
    eventually(lambda: payer.states()[1:] == ["refused", "refused"])
    payer.listener.heard = "ok"
    eventually(lambda: payer.states() == ["confirmed", "refused", "refused"])
    assert sum(not is_signed(SECRET, body) for body, _ in payer.listener.received) == 2


async def test_a_notice_may_come_before_the_browser_is_answered_or_after_a_later_one(payer: Payer) -> None:
    await payer.arm("notice_before_response")
    page = await payer.page()
    assert await types(page.url, GOOD, "123456") == 303
    assert payer.orders() == [page.session_id]
    await payer.arm("notice_reordered")
    first, second = await payer.paid(), await payer.paid()
    eventually(lambda: payer.states() == ["confirmed"] * 3)
    assert payer.orders() == [page.session_id, second, first]


async def test_a_merchant_who_cannot_be_reached_is_told_later(payer: Payer, tmp_path: Path) -> None:
    """Over a new process, and under another address of his."""
    payer.sandbox.stop()
    gone = {**payer.sandbox.environment, "VNPAY_IPN_URL": "http://127.0.0.1:9/webhooks/vnpay"}
    away = Server("vnpay", tmp_path, gone, payer.sandbox.port)
    with running(away):
        order = await payer.paid()
        eventually(lambda: payer.notices()[0]["attempts"] >= 1)
        assert payer.notices()[0]["answer"] in ("ConnectError", "ConnectTimeout")
    payer.sandbox.start()
    eventually(lambda: payer.states() == ["confirmed"])
    assert payer.orders() == [order]
