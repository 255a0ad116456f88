"""A gateway whose settings were removed: what waits for it is kept, and whoever asks is told that it is off."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from chassis.identifiers import new_id
from services.payments import store
from services.payments.domain.ledger import SUSPENSE, kept_apart
from services.payments.domain.tidings import Ring
from services.payments.store.rings import Heard
from tests.integration.payments_counter import Counter, Dossier, eventually
from tests.integration.payments_rings import in_checkout

OFF = "vnpay"  # the counter is told of Stripe alone


async def its_page_is_at_a_gateway_that_is_off(counter: Counter) -> Dossier:
    dossier, _ = await in_checkout(counter)
    await counter.settled(dossier)
    await counter.pool.execute(
        "update bill set attempt = attempt || jsonb_build_object('gateway', $2::text) where dossier_code = $1",
        dossier.code,
        OFF,
    )
    return dossier


@pytest.mark.parametrize(("role", "path"), [("citizen", "refresh"), ("operator", "ask")])
async def test_whoever_has_a_gateway_asked_that_is_off_is_told_so_and_no_call_waits_for_it(
    counter: Counter, role: str, path: str
) -> None:
    dossier = await its_page_is_at_a_gateway_that_is_off(counter)
    bill = await counter.bill(dossier)
    claims: dict[str, Any] = {"person_id": str(dossier.person)} if role == "citizen" else {}
    answer = await counter.asked("POST", f"/payments/{bill['bill_id']}/{path}", role, **claims)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "gateway_switched_off"), answer.text
    assert "đang tạm ngừng" in told["detail"]
    assert f"{OFF} is not configured here" in told["detail_en"]
    assert await counter.calls(dossier) == []
    assert (await counter.bill(dossier))["state"] == "in_checkout"


async def test_its_webhooks_wait_for_it_by_name_and_the_log_names_it_once_for_all_of_them(counter: Counter) -> None:
    names = [f"off {new_id()}" for _ in range(20)]
    with capture_logs() as logs:
        await store.rings.keep(counter.pool, [Heard(OFF, Ring(name, "ipn", b"vnp_TxnRef=1"), None) for name in names])

        async def all_are_told_of() -> bool:
            return sum(int(each["waiting"]) for each in logs if each.get("gateway") == OFF) >= len(names)

        await eventually(all_are_told_of)
    listed = (await counter.asked("GET", f"/rings?gateway={OFF}", "operator")).json()
    assert {each["last_error"] for each in listed} == {f"{OFF} is not configured here"}
    assert {each["event_id"] for each in listed} == set(names)
    said = [each for each in logs if each.get("gateway") == OFF]
    assert {each["log_level"] for each in said} == {"warning"}
    assert len(said) < len(names)
    await counter.pool.execute("delete from ring where event_id = any($1)", names)


async def test_operators_see_it_with_its_balance_as_long_as_our_books_have_money_there(counter: Counter) -> None:
    async def shown() -> dict[str, dict[str, Any]]:
        listed = (await counter.asked("GET", "/gateways", "operator")).json()
        return {each["name"]: each for each in listed}

    before = await shown()
    assert list(before) == ["stripe"]
    assert before["stripe"]["switched_off"] is False
    money = kept_apart(new_id(), OFF, "14422574", 70_000, "unexpected")
    assert {posting.account for posting in money} == {f"gateway:{OFF}", SUSPENSE}
    async with counter.pool.acquire() as connection, connection.transaction():
        await store.statements.post(connection, money)
    assert {
        "offered": False,
        "healthy": False,
        "switched_off": True,
        "booked": 70_000,
        "held": None,
    }.items() <= (await shown())[OFF].items()
