"""Each gateway's notices, as its sandbox posts them, at payments' door: taken in once, and answered as it wants."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.identifiers import new_id
from contracts import dossiers
from services.payments.domain.answers import CheckoutCreated
from tests.database import Server as Postgres
from tests.integration.gateways import national_merchant, vietqr_merchant, vnpay_merchant
from tests.integration.gateways.harnesses import HARNESSES
from tests.integration.gateways.merchant import Merchant, Notice
from tests.integration.payments_counter import AGENCY, FEE, Counter, Dossier, open_counter
from tests.integration.payments_people import wait_for_no_answer
from tests.records import example
from tests.waiting import kept_open

RECEIVED = {"received": True}
DOSSIER_FEE = FEE | {"amount": 135_000}
BALANCED = {"fee:3511.0.1054321": -135_000}


@dataclass(frozen=True)
class Way:
    """How one gateway's door is used: what payments is told, where it rings, and what it is answered."""

    method: str
    path: str
    taken: Mapping[str, Any]
    copy: Mapping[str, Any]
    refused: tuple[int, str, Any]
    told: Mapping[str, str]
    checkout: Mapping[str, Any]

    async def rings(self, http: httpx.AsyncClient, notice: Notice) -> httpx.Response:
        body, headers = notice
        kept = {name: value for name, value in headers.items() if name not in ("host", "content-length", "connection")}
        if self.method == "GET":
            return await http.get(f"{self.path}?{body.decode()}", headers=kept)
        return await http.post(self.path, content=body, headers=kept)


WAYS = {
    "vnpay": Way(
        "GET", "/webhooks/vnpay",
        {"RspCode": "00", "Message": "Confirm Success"},
        {"RspCode": "02", "Message": "Order already confirmed"},
        (200, "RspCode", "97"),
        {"vnpay_terminal": vnpay_merchant.TERMINAL, "vnpay_secret": vnpay_merchant.SECRET},
        {},
    ),
    "vietqr": Way(
        "POST", "/webhooks/bank", RECEIVED, RECEIVED, (400, "code", "bad_signature"),
        {
            "bank_key": vietqr_merchant.KEY, "bank_webhook_secret": vietqr_merchant.SECRET,
            "bank_bin": vietqr_merchant.BIN, "bank_account": vietqr_merchant.ACCOUNT,
        },
        {},
    ),
    "national": Way(
        "POST", "/webhooks/national",
        {"MaLoi": "00", "MoTaLoi": "Thành công"},
        {"MaLoi": "00", "MoTaLoi": "Thành công"},
        (200, "MaLoi", "99"),
        {
            "national_partner": national_merchant.PARTNER, "national_secret": national_merchant.SECRET,
            "payer_key": base64.urlsafe_b64encode(bytes(32)).decode(),
        },
        {"payer": {"name": "Nguyễn Thị Ánh", "paper": "019190012345", "address": "17 đường Đội Cấn, Thái Nguyên"}},
    ),
}  # fmt: skip
ADDRESS = {"vnpay": "vnpay_url", "vietqr": "bank_url", "national": "national_url"}


@pytest.fixture(params=WAYS)
async def open_door(
    request: pytest.FixtureRequest, postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Counter, Merchant, Way]]:
    name: str = request.param
    async with HARNESSES[name](tmp_path_factory.mktemp(name)) as merchant:
        told = {**WAYS[name].told, ADDRESS[name]: merchant.sandbox.url, "gateways": name}
        async with open_counter(postgres_server, tmp_path_factory.mktemp("gateway"), **told) as counter:
            yield counter, merchant, WAYS[name]


async def in_checkout(counter: Counter, way: Way) -> tuple[Dossier, CheckoutCreated]:
    """A bill with a page, as the citizen gets it."""
    dossier = await counter.filed(lines=(DOSSIER_FEE,))
    bill_id, person = (await counter.bill(dossier))["bill_id"], str(dossier.person)
    headers = counter.issuer.bearer("citizen", person_id=person)
    answer = await counter.http.post(f"/payments/{bill_id}/checkout", headers=headers, json=dict(way.checkout))
    assert answer.status_code in (201, 202), answer.text
    attempt = (await counter.comes_to(dossier, "in_checkout"))["attempt"]
    return dossier, CheckoutCreated(
        attempt_id=UUID(attempt["attempt_id"]),
        session_id=attempt["session_id"],
        url=attempt["url"],
        picture_text=attempt["picture_text"],
    )


async def kept(counter: Counter) -> int:
    return int(await counter.pool.fetchval("select count(*) from ring"))


async def test_a_notice_pays_once_and_what_is_not_genuine_is_not_even_kept(
    open_door: tuple[Counter, Merchant, Way],
) -> None:
    counter, merchant, way = open_door
    dossier, page = await in_checkout(counter, way)
    await merchant.pays(page)
    (notice,) = await merchant.rings(1)
    for forged in merchant.forged(*notice):
        answer, (status, name, value) = await way.rings(counter.http, forged), way.refused
        assert (answer.status_code, answer.json()[name]) == (status, value)
    assert await kept(counter) == 0
    first = await way.rings(counter.http, notice)
    assert (first.status_code, first.json()) == (200, way.taken)
    await counter.tells(dossier, "receipt-issued")
    second = await way.rings(counter.http, notice)
    assert (second.status_code, second.json()) == (200, way.copy)
    assert await kept(counter) == 1
    assert await counter.names(dossier) == ["opened", "started", "succeeded", "receipt-issued"]
    (capture,) = (await counter.bill(dossier))["captures"]
    assert await counter.balances(dossier) == BALANCED | {f"gateway:{merchant.gateway.name}": 135_000}
    assert capture["amount"] == 135_000


@pytest.mark.parametrize("open_door", ["vnpay"], indirect=True)
async def test_vnpay_hears_that_an_order_is_unknown_or_has_another_amount(
    open_door: tuple[Counter, Merchant, Way],
) -> None:
    """Both are kept: money came in that is explained by nobody yet."""
    counter, merchant, way = open_door
    dossier, page = await in_checkout(counter, way)
    await merchant.arm("unknown_payment")
    await merchant.arm("wrong_amount", times=2)
    await merchant.pays(page)
    notices = await merchant.rings(2)
    assert (await merchant.fired("unknown_payment"), await merchant.fired("wrong_amount")) == (1, 2)
    codes = {(await way.rings(counter.http, notice)).json()["RspCode"] for notice in notices}
    assert codes == {"01", "04"}
    await counter.comes_to(dossier, "discrepancy")
    assert await kept(counter) == 2


@pytest.mark.parametrize("open_door", ["vnpay"], indirect=True)
async def test_vnpay_hears_that_a_payment_is_known_which_was_found_without_its_notice(
    open_door: tuple[Counter, Merchant, Way],
) -> None:
    counter, merchant, way = open_door
    dossier, page = await in_checkout(counter, way)
    await merchant.pays(page)
    (notice,) = await merchant.rings(1)
    path = f"/payments/{(await counter.bill(dossier))['bill_id']}/refresh"
    await counter.asked("POST", path, "citizen", person_id=str(dossier.person))
    await counter.comes_to(dossier, "paid")
    assert (await way.rings(counter.http, notice)).json()["RspCode"] == "02"


@pytest.mark.parametrize("open_door", ["vnpay"], indirect=True)
async def test_vnpay_hears_of_trouble_while_the_database_cannot_keep_its_notice(
    open_door: tuple[Counter, Merchant, Way],
) -> None:
    """Genuine and not kept: 99 makes VNPAY ring again."""
    counter, merchant, way = open_door
    _, page = await in_checkout(counter, way)
    await merchant.pays(page)
    (notice,) = await merchant.rings(1)
    async with kept_open(counter.pool) as connection:
        await connection.execute("lock table ring in share mode")
        answer = await way.rings(counter.http, notice)
    assert (answer.status_code, answer.json()["RspCode"]) == (503, "99")
    assert (await way.rings(counter.http, notice)).json()["RspCode"] == "00"


@pytest.mark.parametrize("open_door", ["vnpay"], indirect=True)
async def test_an_operator_gives_up_pages_of_which_vnpay_never_says_what_became(
    open_door: tuple[Counter, Merchant, Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One was paid and stays unfinished there, of the others nothing is heard: one was withdrawn, on one nobody wants
    anything else yet. What is paid on the withdrawn one late goes back.
    """
    wait_for_no_answer(monkeypatch)
    monkeypatch.setattr("services.payments.api.operators.WAIT_SECONDS", 0.5)
    counter, merchant, way = open_door
    operator = counter.issuer.bearer("operator", sub="vận hành")

    async def given_up(dossier: Dossier, key: UUID, **who: str) -> httpx.Response:
        path = f"/payments/{(await counter.bill(dossier))['bill_id']}/abandon-page"
        return await counter.http.post(path, headers=(who or operator) | {"Idempotency-Key": str(key)})

    (unfinished, page), (withdrawn, late), (left, _) = [await in_checkout(counter, way) for _ in range(3)]
    await merchant.arm("pending_forever")
    assert await vnpay_merchant.types(page.url, vnpay_merchant.GOOD, "123456") == 200
    assert await merchant.fired("pending_forever") == 1
    bill_id, person = (await counter.bill(unfinished))["bill_id"], str(unfinished.person)
    await counter.asked("POST", f"/payments/{bill_id}/checkout/cancel", "citizen", person_id=person)
    await merchant.arm("storm_500", 1000)
    await counter.http.post(f"/payments/{bill_id}/ask", headers=operator)
    assert {call["kind"] for call in await counter.calls(unfinished)} == {"CloseCheckout", "AskCheckout"}
    await counter.hears(example(dossiers.Stopped, step={"agency": AGENCY}), withdrawn.code, 2)
    states = [(await counter.bill(each))["state"] for each in (unfinished, withdrawn, left)]
    assert states == ["closing", "withdrawing", "in_checkout"]

    counter.passes(days=3)
    early = await given_up(unfinished, new_id())
    assert (early.status_code, early.json()["code"]) == (409, "not_silent_yet")
    counter.passes(minutes=15)
    officer = counter.issuer.bearer("officer", agency=AGENCY, sub="lan", name="lan")
    assert (await given_up(unfinished, new_id(), **officer)).status_code == 403
    for dossier, state in ((unfinished, "open"), (withdrawn, "cancelled"), (left, "open")):
        key = new_id()
        answer = await given_up(dossier, key)
        assert (answer.status_code, answer.json()["bill"]["state"]) == (200, state), answer.text
        (attempt,) = answer.json()["attempts"]
        assert (attempt["closed"], attempt["abandoned_by"]) == (False, "vận hành")
        assert (await given_up(dossier, key)).json() == answer.json()
        assert await counter.calls(dossier) == []

    merchant.begins_anew()
    cash = {"amount": 135_000, "voucher": "PT-1"}
    paid = await counter.http.post(
        f"/payments/{bill_id}/counter", json=cash, headers=officer | {"Idempotency-Key": str(new_id())}
    )
    assert (paid.status_code, paid.json()["state"]) == (200, "paid")
    await merchant.pays(late)
    (notice,) = await merchant.rings(1)
    assert (await way.rings(counter.http, notice)).json() == way.taken
    await counter.refunds_come_to(withdrawn, "done")
    assert await counter.balances(withdrawn) == {}
    assert await counter.names(withdrawn) == ["opened", "started", "cancelled", "refund-started", "refunded"]
