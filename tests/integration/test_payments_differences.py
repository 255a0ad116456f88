"""Operators and differences, over HTTP and the real sandbox gateway: reconcile, explain, assign, send back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.clock import VIETNAM, utc_now
from chassis.identifiers import new_id
from tests.alerts import by_label, firing
from tests.database import Server as Postgres
from tests.integration.payments_counter import AMOUNT, KEY, PAID, Counter, eventually, open_counter


@pytest.fixture
async def counter(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(postgres_server, tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


async def reconciled(counter: Counter, gateway: str = "stripe", day: date | None = None) -> dict[str, Any]:
    """The report of a run over that day, or over all up to the present: ten minutes pass before it."""
    counter.passes(minutes=11)
    asked = {"gateway": gateway} | ({"day": day.isoformat()} if day else {})
    ids = await counter.http.post("/reconciliations", json=asked, headers=counter.issuer.bearer("operator"))
    assert ids.status_code in (200, 202), ids.text
    run_id = ids.json()[0]["run_id"]

    async def done() -> dict[str, Any] | None:
        answer = await counter.asked("GET", f"/reconciliations?run_id={run_id}", "operator")
        report: dict[str, Any] | None = answer.json()[0]["report"]
        return report

    return await eventually(done)


async def stranger_pays(counter: Counter, amount: int = 70_000) -> str:
    """Somebody pays at our gateway what we know nothing of: its reference."""
    form = {"amount": str(amount), "currency": "vnd", "payment_method": "pm_card_visa", "confirm": "true"}
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=counter.gateway.url, headers=headers, timeout=30) as client:
        made = await client.post("/v1/payment_intents", data=form)
    await stated(counter)
    return str(made.raise_for_status().json()["id"])


async def stated(counter: Counter) -> None:
    """Wait until the gateway has written a line into its statement, as it does a moment after a payment."""

    async def written() -> bool:
        return bool((await counter.at_gateway("/v1/balance_transactions"))["data"])

    await eventually(written)


async def found(counter: Counter, state: str = "open") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await counter.asked("GET", f"/differences?state={state}", "operator")).json()
    return listed


async def told_to(counter: Counter, difference: dict[str, Any], action: str, **body: Any) -> httpx.Response:
    headers = counter.issuer.bearer("operator", sub="tests", name="Tên") | {"Idempotency-Key": str(new_id())}
    path = f"/differences/{difference['difference_id']}/{action}"
    said = None if action == "take-over" else {"reason": "Đã hỏi ngân hàng"} | body
    return await counter.http.post(path, json=said, headers=headers)


async def pays_out(counter: Counter, difference: dict[str, Any], subject: str) -> httpx.Response:
    headers = counter.issuer.bearer("operator", sub=subject) | {"Idempotency-Key": str(new_id())}
    path = f"/differences/{difference['difference_id']}/pay-out"
    return await counter.http.post(path, json={"voucher": "PC-17"}, headers=headers)


async def balances(counter: Counter) -> dict[str, int]:
    rows = await counter.pool.fetch(
        "select account, (sum(debit) - sum(credit))::bigint as balance from ledger_entry group by account"
    )
    return {row["account"]: row["balance"] for row in rows if row["balance"]}


async def unexplained(counter: Counter) -> tuple[float, float]:
    """How many, and how many đồng, as the service shows them; its alert fires of one gateway as long as there is any."""
    text = (await counter.http.get("/metrics")).text
    assert 0 < by_label(text, "motcua_reconciled_seconds")["stripe"] < 600
    count, dong = (by_label(text, f"motcua_unexplained_{what}")["stripe"] for what in ("differences", "dong"))
    assert firing(text) == ({"UnexplainedMoney": {"stripe"}} if count else {})
    return count, dong


async def test_a_payment_whose_webhooks_are_all_lost_is_healed(counter: Counter) -> None:
    await counter.arm("webhook_lost", times=50)
    dossier = await counter.filed()
    await counter.pays(await counter.page(dossier))
    await counter.pool.execute("delete from timer where kind = 'AttemptSilence'")
    assert await counter.fired("webhook_lost") > 0
    await stated(counter)
    assert (await reconciled(counter))["healed"] == {"capture_unheard": 1}
    await counter.comes_to(dossier, "paid")
    assert await counter.balances(dossier) == PAID


async def test_a_strangers_payment_is_explained(counter: Counter) -> None:
    await stranger_pays(counter)
    assert (await reconciled(counter))["unexplained_dong"] == 70_000

    async def shows(count: int, dong: int) -> bool:
        return await unexplained(counter) == (count, dong)

    await eventually(lambda: shows(1, 70_000))
    (difference,) = await found(counter)
    assert (difference["kind"], difference["found"], difference["apart"]) == ("unknown_payment", 70_000, 70_000)
    answer = await told_to(counter, difference, "explain")
    assert (answer.status_code, answer.json()["state"]) == (200, "explained")
    assert answer.json()["by"] == "tests", "whom a token names for good, not what he is called"
    await eventually(lambda: shows(0, 0))
    assert (await reconciled(counter))["unexplained_dong"] == 0


async def test_a_strangers_payment_is_assigned_to_a_bill(counter: Counter) -> None:
    """The money leaves suspense for the fees: at the gateway, in the ledger, it is one and the same."""
    dossier = await counter.filed()
    reference = await stranger_pays(counter, AMOUNT)
    await reconciled(counter)
    (difference,) = await found(counter)
    bill = await counter.bill(dossier)
    answer = await told_to(counter, difference, "assign", bill_id=str(bill["bill_id"]))
    assert (answer.status_code, answer.json()["state"], answer.json()["apart"]) == (200, "assigned", 0)
    paid = await counter.comes_to(dossier, "paid")
    assert [each["reference"] for each in paid["captures"]] == [reference]
    assert await counter.balances(dossier) == PAID
    assert await balances(counter) == PAID
    assert (await reconciled(counter))["found"] == {}
    again = await told_to(counter, difference, "assign", bill_id=str(bill["bill_id"]))
    assert again.status_code == 409


async def test_a_strangers_payment_is_sent_back(counter: Counter) -> None:
    await stranger_pays(counter)
    await reconciled(counter)
    (difference,) = await found(counter)
    answer = await told_to(counter, difference, "return")
    assert (answer.status_code, answer.json()["state"]) == (200, "returning")

    async def gone() -> bool:
        return [each["state"] for each in await found(counter, "all")] == ["returned"]

    await eventually(gone)
    assert await balances(counter) == {}
    report = await reconciled(counter)
    assert (report["found"], report["unexplained_dong"]) == ({"unknown_payment": {"returned": 1}}, 0)


async def test_a_return_that_is_refused_stands_in_suspense_again(counter: Counter) -> None:
    await stranger_pays(counter)
    await reconciled(counter)
    (difference,) = await found(counter)
    await counter.arm("refund_refused")
    await told_to(counter, difference, "return")

    async def open_again() -> bool:
        return [each["state"] for each in await found(counter, "all")] == ["open"]

    await eventually(open_again)
    assert await counter.fired("refund_refused") == 1
    assert await balances(counter) == {"gateway:stripe": 70_000, "suspense": -70_000}
    answer = await told_to(counter, difference, "return", by_hand=True)
    assert (answer.status_code, answer.json()["state"]) == (200, "by_hand")
    own = await pays_out(counter, difference, "tests")
    assert (own.status_code, own.json()["code"]) == (403, "ordered_by_you")
    paid = await pays_out(counter, difference, "thủ quỹ")
    assert (paid.status_code, paid.json()["state"], paid.json()["paid_out_by"]) == (200, "returned", "thủ quỹ")
    assert await balances(counter) == {"gateway:stripe": 70_000, "hand:operators": -70_000}


@pytest.mark.parametrize("sent", [False, True])
async def test_a_return_is_taken_out_of_the_hands_of_a_silent_gateway(counter: Counter, sent: bool) -> None:
    """Somebody pays out what the gateway did not send; what it had sent all the same is found on its statement."""
    await stranger_pays(counter)
    await reconciled(counter)
    (difference,) = await found(counter)
    lost = "error_500_after_charge" if sent else "storm_500"
    days = [utc_now().astimezone(VIETNAM).date()]
    await counter.arm(lost, times=1000, match="/v1/refunds")
    await told_to(counter, difference, "return")
    await counter.fires(lost)
    days.append(utc_now().astimezone(VIETNAM).date())
    early = await told_to(counter, difference, "take-over")
    assert (early.status_code, early.json()["code"]) == (409, "not_silent_yet")
    counter.passes(days=3)
    taken = await told_to(counter, difference, "take-over")
    assert (taken.status_code, taken.json()["state"]) == (200, "by_hand")
    assert await counter.pool.fetchval("select count(*) from call") == 0
    if sent:
        for day in set(days):
            await reconciled(counter, day=day)
        (after,) = await found(counter, "all")
        assert (after["state"], after["paid_out_by"]) == ("returned", None)
        assert (await pays_out(counter, difference, "thủ quỹ")).status_code == 409
        assert await balances(counter) == {}
    else:
        counter.passes(days=3)
        assert (await reconciled(counter, "dossiers"))["found"] == {"by_hand_waiting": {"open": 1}}
        assert (await pays_out(counter, difference, "thủ quỹ")).status_code == 200
        assert (await reconciled(counter, "dossiers"))["found"] == {}
        assert await balances(counter) == {"gateway:stripe": 70_000, "hand:operators": -70_000}


async def test_a_process_with_as_few_connections_as_may_be_serves_and_reconciles(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    """What is done by the clock, and what waits for a gateway, holds none."""
    async with open_counter(postgres_server, tmp_path, database_connections=2) as counter:
        dossier = await counter.filed()
        await counter.pays(await counter.page(dossier))
        await counter.comes_to(dossier, "paid")
        assert (await reconciled(counter))["unexplained_dong"] == 0


async def test_only_operators_reconcile(counter: Counter) -> None:
    for role in ("citizen", "officer"):
        for method, path in (("GET", "/differences"), ("GET", "/reconciliations")):
            assert (await counter.asked(method, path, role)).status_code == 403
    assert (await counter.http.get("/differences")).status_code == 401


async def test_what_cannot_be_reconciled_is_said(counter: Counter) -> None:
    headers = counter.issuer.bearer("operator")
    for body in ({"gateway": "paypal"}, {"day": "2099-01-01"}, {"day": "soon"}, {"foo": 1}, {"gateway": "stripe\0"}):
        answer = await counter.http.post("/reconciliations", json=body, headers=headers)
        assert answer.status_code == 422, answer.text
