"""Odd notices and odd money at three gateways at once: each bill ends as it should, and no đồng is anywhere else than we say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.database import Server as Postgres
from tests.integration.payments_counter import AGENCY, AMOUNT, Counter, Dossier
from tests.integration.payments_town import PAYER, SANDBOXES, Pair, Town, open_town, play

EVERYWHERE = ("notice_lost", "notice_duplicated", "notice_forged", "notice_before_response", "unknown_payment")
TENTH, STRANGERS = AMOUNT // 10, 50_000
PAIRS = (
    *(Pair(gateway, fault) for gateway in SANDBOXES for fault in EVERYWHERE),
    *(Pair(gateway, "notice_delayed", delay_seconds=0.5) for gateway in ("vnpay", "vietqr")),
    *(Pair(gateway, "notice_reordered") for gateway in ("vnpay", "vietqr")),
    *(Pair(gateway, "notice_unsigned") for gateway in ("vnpay", "vietqr")),
    Pair("vietqr", "notice_stale"),
    Pair("vietqr", "unknown_event"),
    Pair("national", "notice_badly_signed"),
    Pair("national", "notice_other_amount"),
    Pair("vnpay", "wrong_amount", "discrepancy", ((TENTH, "VND", "apart"),)),
    Pair("vietqr", "wrong_amount", "open", ((TENTH, "VND", "fees"),)),
    Pair("vietqr", "foreign_currency", "in_checkout", ((540, "USD", "apart"),)),
    Pair("national", "wrong_amount", "discrepancy", ((TENTH, "VND", "apart"),)),
    Pair("national", "wrong_currency", "discrepancy", ((AMOUNT, "USD", "apart"),)),
)
ENDS = {
    "notice_forged": "refused",
    "notice_unsigned": "refused",
    "notice_stale": "refused",
    "notice_badly_signed": "delivered",
    "notice_other_amount": "delivered",
    "notice_duplicated": "delivered",
}
"""How a notice ends that the fault added or spoilt; what is badly signed is sent again, rightly."""


@pytest.fixture(scope="module")
async def town(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with open_town(postgres_server, tmp_path_factory) as town:
        await play(town, PAIRS)
        yield town


@pytest.mark.parametrize("pair", PAIRS, ids=str)
async def test_a_bill_ends_as_it_should_whatever_is_odd_and_its_money_stands_where_the_gateway_has_it(
    town: Town, pair: Pair
) -> None:
    dossier, counter = town.bills[pair], town.counter
    assert town.merchants[pair.gateway].sandbox.fired(pair.fault) == 1
    bill = await counter.comes_to(dossier, pair.state)
    assert tuple((each["amount"], each["currency"], each["use"]) for each in bill["captures"]) == pair.money
    assert (await counter.names(dossier)).count("receipt-issued") == (pair.state == "paid")
    dong = sum(amount for amount, currency, _ in pair.money if currency == "VND")
    assert (await counter.balances(dossier)).get(f"gateway:{pair.gateway}", 0) == dong
    if pair.gateway != "national":  # which gives no statement
        ours = {each["reference"] for each in bill["captures"]}
        stated = [(line.amount, line.currency) for line in town.lines[pair.gateway] if line.reference in ours]
        assert stated == [(amount, currency) for amount, currency, _ in pair.money]
    if pair.fault in ENDS:
        assert await town.odd_copies(pair) == [ENDS[pair.fault]]


@pytest.mark.parametrize("gateway", SANDBOXES)
async def test_the_clearing_account_is_what_the_gateway_holds_and_a_stranger_stands_in_suspense(
    town: Town, gateway: str
) -> None:
    pairs = [pair for pair in PAIRS if pair.gateway == gateway]
    held = sum(amount for pair in pairs for amount, currency, _ in pair.money if currency == "VND")
    if gateway != "national":
        dong = [line for line in town.lines[gateway] if line.currency == "VND"]
        assert {line.kind for line in dong} <= {"capture", "other"}
        assert sum(line.amount for line in dong if line.kind == "capture") == held + STRANGERS
    for pair in pairs:
        await town.counter.comes_to(town.bills[pair], pair.state)
    # No bill's: a stranger's.
    ledger = await town.counter.pool.fetchval(
        """select (sum(debit) - sum(credit))::bigint from ledger_entry
        where account = $1 and (dossier_code is null or dossier_code = any($2))""",
        f"gateway:{gateway}",
        [town.bills[pair].code for pair in pairs],
    )
    assert ledger == held + STRANGERS
    listed = (await town.counter.asked("GET", f"/differences?gateway={gateway}", "operator")).json()
    assert [(each["kind"], each["found"]) for each in listed] == [("unknown_payment", STRANGERS)]


async def receipt(counter: Counter, dossier: Dossier, role: str = "citizen", **claims: Any) -> tuple[int, str, bytes]:
    """(status, code of the problem or media type, content) of the gateway's own receipt."""
    path = f"/payments/{(await counter.bill(dossier))['bill_id']}/gateway-receipt"
    told = {"person_id": str(dossier.person)} if role == "citizen" else {"agency": AGENCY}
    answer = await counter.asked("GET", path, role, **told | claims)
    kind = answer.headers["content-type"]
    return answer.status_code, answer.json()["code"] if "problem" in kind else kind, answer.content


async def test_the_platforms_own_receipt_is_for_whoever_may_see_the_bill(town: Town) -> None:
    counter, platform = town.counter, town.merchants["national"].sandbox
    paid = town.bills[Pair("national", "notice_duplicated")]
    for fault, problem in (("bill_not_ready", (409, "receipt_not_ready")), ("timeout_before", (503, "gateway_silent"))):
        platform.arm(fault, 1, 0.05)
        assert (await receipt(counter, paid))[:2] == problem
        assert platform.fired(fault) == 1
    for role in ("citizen", "officer"):
        status, kind, content = await receipt(counter, paid, role)
        assert (status, kind, content[:5]) == (200, "application/pdf", b"%PDF-")
    assert (await receipt(counter, paid, "officer", agency="H55"))[:2] == (404, "not_found")
    by_card = town.bills[Pair("vnpay", "notice_duplicated")]
    assert (await receipt(counter, by_card))[:2] == (404, "no_gateway_receipt")
    assert (await receipt(counter, await counter.filed()))[:2] == (404, "no_gateway_receipt")


async def test_the_platforms_receipt_of_who_paid_by_a_link_is_not_for_the_citizen(town: Town) -> None:
    """It says his name and the number of his paper."""
    counter = town.counter
    dossier = await counter.filed()
    path = f"/payments/{(await counter.bill(dossier))['bill_id']}/link"
    link = (await counter.asked("POST", path, "citizen", person_id=str(dossier.person))).json()["path"]
    answer = await counter.http.post(f"{link}/checkout", json={"gateway": "national", **PAYER})
    assert answer.status_code == 201, answer.text
    await town.merchants["national"].pays(town.page_of(await counter.comes_to(dossier, "in_checkout")))
    await counter.comes_to(dossier, "paid")
    assert (await receipt(counter, dossier))[:2] == (404, "no_gateway_receipt")
    assert (await receipt(counter, dossier, "officer"))[0] == 200
