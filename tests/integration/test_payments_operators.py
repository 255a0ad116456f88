"""Operators over HTTP: searching, asking a gateway, settling, the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.alerts import alerts
from tests.integration.payments_counter import AGENCY, AMOUNT, KEY, RETURNED, Counter, Dossier, eventually
from tests.integration.payments_people import OTHER_AGENCY, People


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


async def by_card(people: People) -> Dossier:
    """A dossier whose fees are paid by card."""
    dossier = await people.counter.filed()
    await people.counter.pays(await people.counter.page(dossier))
    await people.counter.comes_to(dossier, "paid")
    return dossier


async def test_each_alert_speaks_of_what_the_running_service_shows(people: People, counter: Counter) -> None:
    text = (await counter.http.get("/metrics")).text
    for alert, terms in alerts().items():
        for term in terms:
            assert term.seen(text), f"{alert}: nothing shows {term}"


async def test_bills_are_found_by_whatever_one_has_in_hand(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    bill = await counter.bill(dossier)
    (capture,), (receipt,) = bill["captures"], bill["receipts"]
    day = await counter.pool.fetchval(
        """select (posted_at at time zone 'Asia/Ho_Chi_Minh')::date from ledger_entry
        where account = 'gateway:stripe' and dossier_code = $1""",
        dossier.code,
    )
    for wanted in (
        f"dossier_code={dossier.code}",
        f"payment_code={bill['code'].lower()}",
        f"reference={capture['reference']}",
        f"receipt={receipt['number']}",
        f"attempt_id={capture['attempt_id']}",
        f"amount={AMOUNT}&day={day}&reference={capture['reference']}",
    ):
        found = await people.operator("GET", f"/payments?{wanted}")
        assert [each["bill"]["bill_id"] for each in found.json()["items"]] == [str(bill["bill_id"])], wanted
        stranger = await people.asks("officer", "GET", f"/payments?{wanted}", None, {"agency": OTHER_AGENCY})
        assert stranger.json() == {"items": [], "cursor": None}
        asking = f"/payments?{wanted}&agency={AGENCY}"
        assert (await people.asks("officer", "GET", asking, None, {"agency": OTHER_AGENCY})).json()["items"] == []
    for nothing in (
        "reference=pi_nobody",
        "receipt=2026/99999999",
        f"attempt_id={uuid4()}",
        "amount=135000&day=2001-01-01",
    ):
        assert (await people.operator("GET", f"/payments?{nothing}")).json()["items"] == []
    (whole,) = (await people.operator("GET", f"/payments?dossier_code={dossier.code}")).json()["items"]
    assert whole["captures"][0]["reference"] == capture["reference"]
    assert whole["attempts"][0]["session_id"] == capture["session_id"]


async def test_pages_of_a_search_hold_each_bill_once(people: People, counter: Counter) -> None:
    for _ in range(5):
        await counter.filed()
    seen, cursor = list[str](), ""
    while True:
        answer = (await people.operator("GET", f"/payments?state=open&limit=2{cursor}")).json()
        seen += [each["bill"]["bill_id"] for each in answer["items"]]
        if answer["cursor"] is None:
            break
        cursor = f"&cursor={answer['cursor']}"
    expected = await counter.pool.fetch("select bill_id from bill where state = 'open' order by bill_id desc")
    assert seen == [str(row["bill_id"]) for row in expected]
    assert len(seen) >= 5


async def test_searching_is_for_officers_and_operators(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    nobodys = await people.asks("officer", "GET", "/payments", None, {"agency": None})
    assert nobodys.json()["items"] == []
    citizen = {"person_id": str(dossier.person)}
    assert (await people.asks("citizen", "GET", "/payments", None, citizen)).status_code == 403
    assert (await counter.http.get("/payments")).status_code == 401


async def test_an_operator_asks_the_gateway_when_all_webhooks_are_lost(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("webhook_lost", times=100)
    await counter.pays(url)
    answer = await people.operator("POST", await people.at(dossier, "/ask"), {})
    assert (answer.status_code, answer.json()["bill"]["state"]) == (200, "paid")
    assert await counter.fired("webhook_lost") > 0
    assert (await people.officer(dossier, "POST", "/ask")).status_code == 403


@pytest.mark.parametrize(("fault", "action"), [("wrong_amount", "return"), ("wrong_currency", "return")])
async def test_an_operator_settles_money_that_does_not_fit(
    people: People, counter: Counter, fault: str, action: str
) -> None:
    dossier, key = await counter.filed(), str(uuid4())
    url = await counter.page(dossier)
    await counter.arm(fault)
    await counter.pays(url)
    await counter.comes_to(dossier, "discrepancy")
    assert await counter.fired(fault) == 1
    path, body = await people.at(dossier, "/settle"), {"action": "accept", "reason": "đủ rồi"}
    refused = await people.operator("POST", path, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_enough")
    settled = await people.operator("POST", path, body | {"action": action}, key)
    assert (settled.status_code, settled.json()["state"]) == (200, "open")
    again = await people.operator("POST", path, body | {"action": action}, key)
    assert again.json() == settled.json()
    twice = await people.operator("POST", path, body | {"action": action})
    assert (twice.status_code, twice.json()["code"]) == (409, "nothing_to_settle")
    assert (await people.officer(dossier, "POST", "/settle", body)).status_code == 403


async def test_an_operator_takes_a_refund_out_of_the_hands_of_a_silent_gateway(
    people: People, counter: Counter
) -> None:
    """For good: once an officer paid it out, the gateway is not asked to send it even when it answers again."""
    dossier, key = await by_card(people), str(uuid4())
    await counter.arm("storm_500", times=1000, match="POST /v1/refunds")
    order = {"available": RETURNED, "reason": "nộp nhầm"}
    (ordered,) = (await people.officer(dossier, "POST", "/refunds", order, "lan")).json()["refunds"]
    path = await people.at(dossier, f"/refunds/{ordered['refund_id']}/take-over")
    early = await people.operator("POST", path)
    assert (early.status_code, early.json()["code"]) == (409, "not_silent_yet")
    counter.passes(days=3)
    assert (await people.officer(dossier, "POST", f"/refunds/{ordered['refund_id']}/take-over")).status_code == 403
    taken = await people.operator("POST", path, key=key)
    assert (taken.status_code, taken.json()["refunds"][0]["state"]) == (200, "refused")
    assert (await people.operator("POST", path, key=key)).json() == taken.json()
    assert (await people.operator("POST", path)).json() == taken.json()
    assert await counter.calls(dossier) == []
    pay_out = f"/refunds/{ordered['refund_id']}/pay-out"
    paid = await people.officer(dossier, "POST", pay_out, {"reference": "PC-9"}, "minh")
    assert paid.json()["refunds"][0]["state"] == "done"
    await counter.all_is_well()
    assert (await people.operator("POST", await people.at(dossier, "/ask"), {})).status_code == 200
    await counter.settled(dossier)
    assert await counter.moved(dossier) == [("charge", AMOUNT)]
    assert (await counter.balances(dossier))[f"hand:{AGENCY}"] == -RETURNED
    assert (await counter.names(dossier))[-3:] == ["refund-failed", "refunded", "receipt-issued"]


async def test_the_ledger_is_read_by_dossier_and_account_page_by_page(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    since, until = (counter.clock() + timedelta(hours=hours) for hours in (-1, 1))
    period = f"since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"
    of_dossier = (await people.operator("GET", f"/ledger?{period}&dossier_code={dossier.code}")).json()["items"]
    assert sum(entry["debit"] - entry["credit"] for entry in of_dossier) == 0
    assert len(of_dossier) == 3
    account = f"/ledger?{period}&account=gateway:stripe"
    whole = (await people.operator("GET", f"{account}&limit=200")).json()["items"]
    paged, cursor = list[Any](), ""
    while True:
        answer = (await people.operator("GET", f"{account}&limit=1{cursor}")).json()
        paged += answer["items"]
        if answer["cursor"] is None:
            break
        cursor = f"&cursor={answer['cursor']}"
    assert paged == whole
    assert {entry["account"] for entry in whole} == {"gateway:stripe"}
    assert (await people.operator("GET", f"{account}&cursor=abc")).status_code == 400
    backwards = f"since={until:%Y-%m-%dT%H:%M:%SZ}&until={since:%Y-%m-%dT%H:%M:%SZ}"
    answer = await people.operator("GET", f"/ledger?{backwards}")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_period")
    assert (await people.asks("officer", "GET", f"/ledger?{period}", None, {"agency": AGENCY})).status_code == 403


@dataclass(frozen=True)
class Asked:
    """A command that may be repeated: who asks it, the same with another content, and what would change its answer."""

    role: str
    claims: dict[str, Any]
    path: str
    body: Any
    other: tuple[str, Any]
    meanwhile: Callable[[], Awaitable[Any]]


async def _of_citizen(people: People, path: str) -> Asked:
    dossier = await people.counter.filed()
    url, asked = await people.counter.page(dossier), await people.at(dossier, path)

    async def meanwhile() -> None:
        """Paid, or on a new page."""
        await people.counter.pays(url if path == "/refresh" else await people.counter.page(dossier))
        await people.counter.comes_to(dossier, "paid")

    claims = {"person_id": str(dossier.person), "sub": "người nộp"}
    return Asked("citizen", claims, asked, None, (asked, {"other": True}), meanwhile)


async def _ask(people: People) -> Asked:
    dossier = await people.counter.filed()
    url, path = await people.counter.page(dossier), await people.at(dossier, "/ask")

    async def meanwhile() -> None:
        await people.counter.pays(url)
        await people.counter.comes_to(dossier, "paid")

    return Asked("operator", {}, path, {}, (path, {"attempt_id": str(uuid4())}), meanwhile)


async def _replay(people: People) -> Asked:
    await by_card(people)
    (ring,) = (await people.operator("GET", "/rings?state=done&limit=1")).json()
    path = f"/rings/replay?gateway=stripe&event_id={ring['event_id']}"

    async def meanwhile() -> None:
        await people.counter.pool.execute("delete from ring where event_id = $1", ring["event_id"])

    return Asked("operator", {}, path, None, (f"{path}x", None), meanwhile)


async def _reconcile(people: People) -> Asked:
    async def meanwhile() -> None:
        """Each run has a name of its own."""

    path = "/reconciliations"
    return Asked("operator", {}, path, {"gateway": "dossiers"}, (path, {"gateway": "stripe"}), meanwhile)


async def _explain(people: People) -> Asked:
    """Of a stranger's money at the gateway, which reconciliation finds."""
    form = {"amount": "70000", "currency": "vnd", "payment_method": "pm_card_visa", "confirm": "true"}
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=people.counter.gateway.url, headers=headers, timeout=30) as client:
        reference = (await client.post("/v1/payment_intents", data=form)).raise_for_status().json()["id"]

    people.counter.passes(minutes=11)  # a statement is read up to ten minutes ago

    async def found() -> str | None:
        await people.operator("POST", "/reconciliations", {"gateway": "stripe"})
        listed = (await people.operator("GET", "/differences?gateway=stripe")).json()
        return next((each["difference_id"] for each in listed if each["reference"] == reference), None)

    path = f"/differences/{await eventually(found)}/explain"

    async def meanwhile() -> None:
        await people.asks("operator", "POST", path, {"reason": "Lý do rõ hơn"}, {"sub": "vận hành"})

    other = (path, {"reason": "Một lý do khác"})
    return Asked("operator", {}, path, {"reason": "Đã hỏi ngân hàng"}, other, meanwhile)


@pytest.mark.parametrize(
    "asking",
    [
        partial(_of_citizen, path="/checkout/cancel"),
        partial(_of_citizen, path="/refresh"),
        _ask,
        _replay,
        _reconcile,
        _explain,
    ],
    ids=["cancel", "refresh", "ask", "replay", "reconcile", "explain"],
)
async def test_what_needs_no_key_honours_one_that_is_given(
    people: People, counter: Counter, asking: Callable[[People], Awaitable[Asked]]
) -> None:
    """The same request gets the first answer again, whatever happened meanwhile; another one is a conflict."""
    asked, key = await asking(people), str(uuid4())
    claims = {"sub": "vận hành"} | asked.claims
    first = await people.asks(asked.role, "POST", asked.path, asked.body, claims, key)
    assert first.status_code in (200, 202), first.text
    await asked.meanwhile()
    again = await people.asks(asked.role, "POST", asked.path, asked.body, claims, key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = await people.asks(asked.role, "POST", *asked.other, claims, key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
