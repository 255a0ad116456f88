"""Fees that come up later: a bill of their own beside the first, paid, refunded and closed for itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.identifiers import new_id
from contracts import dossiers
from tests.integration.payments_counter import (
    AGENCY,
    AMOUNT,
    PHOTO,
    RETURNED,
    Counter,
    Dossier,
    eventually,
)
from tests.records import example

LATER = PHOTO | {"code": "xac-minh", "amount": 50_000}


async def more(counter: Counter, dossier: Dossier, sequence: int, line: dict[str, Any] = LATER) -> UUID:
    """Fees came up later; the id of the request."""
    request_id = new_id()
    changes = {"fee_lines": [line], "person_id": dossier.person, "payment_due": counter.clock() + timedelta(days=10)}
    changes |= {"request_id": request_id, "step": {"agency": AGENCY, "status": 6}}
    await counter.hears(example(dossiers.FeesRequested, **changes), dossier.code, sequence)
    return request_id


async def taken_back(counter: Counter, dossier: Dossier, sequence: int, request_id: UUID) -> None:
    """The agency takes a request back."""
    data = example(dossiers.FeesWithdrawn, request_id=request_id, step={"agency": AGENCY, "status": 4})
    await counter.hears(data, dossier.code, sequence)


async def bills(counter: Counter, dossier: Dossier) -> list[dict[str, Any]]:
    answer = await counter.asked("GET", f"/dossiers/{dossier.code}/bills", "citizen", person_id=str(dossier.person))
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()
    return listed


async def pay(counter: Counter, dossier: Dossier, bill_id: str) -> None:
    """Pay this bill, until it has its receipt."""
    person = {"person_id": str(dossier.person)}

    async def page() -> str | None:
        url: str | None = (await counter.asked("POST", f"/payments/{bill_id}/checkout", "citizen", **person)).json()[
            "url"
        ]
        return url

    assert await counter.pays(await eventually(page)) == 303

    async def receipt() -> bool:
        return (await counter.asked("GET", f"/payments/{bill_id}/receipt", "citizen", **person)).status_code == 200

    await eventually(receipt)


async def states(counter: Counter, dossier: Dossier, *wanted: str) -> None:
    """All bills come to be in these states, the newest first."""
    found: list[str] = []

    async def there() -> bool:
        found[:] = [bill["state"] for bill in await bills(counter, dossier)]
        return found == list(wanted)

    try:
        await eventually(there)
    except TimeoutError:
        raise AssertionError(f"the bills stay {found}") from None


async def test_each_bill_is_paid_for_itself_and_the_open_one_is_shown_first(counter: Counter) -> None:
    dossier = await counter.filed()
    person = {"person_id": str(dossier.person)}
    first = (await bills(counter, dossier))[0]["bill_id"]
    await pay(counter, dossier, first)
    await more(counter, dossier, 5)
    await more(counter, dossier, 5)
    later = (await bills(counter, dossier))[0]
    assert (later["amount"], later["state"]) == (50_000, "open")
    shown = (await counter.asked("GET", f"/dossiers/{dossier.code}/bill", "citizen", **person)).json()
    assert shown == later
    await pay(counter, dossier, later["bill_id"])
    await states(counter, dossier, "paid", "paid")
    numbers = {bill["receipt_number"] for bill in await bills(counter, dossier)}
    assert len(numbers) == 2
    assert (await counter.balances(dossier))["gateway:stripe"] == AMOUNT + 50_000
    paid = [data["bill_id"] for name, data in await counter.told(dossier) if name == "succeeded"]
    assert paid == [first, later["bill_id"]]


async def test_a_webhook_about_a_later_page_makes_us_ask_about_that_page(counter: Counter) -> None:
    """Nobody asks: the gateway rings, and the bill that it speaks of is paid, long before its silence is over."""
    dossier = await counter.filed(lines=())
    await more(counter, dossier, 3)
    await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    assert await counter.moved(dossier) == [("charge", 50_000)]


async def test_a_stopped_dossier_gets_back_of_each_paid_bill_what_may_be_returned_and_owes_nothing_more(
    counter: Counter,
) -> None:
    dossier = await counter.filed()
    await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    for sequence in (4, 7):
        await more(counter, dossier, sequence)
        if sequence == 4:
            await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    await counter.hears(example(dossiers.Stopped, cause="withdrawn"), dossier.code, 9)
    await states(counter, dossier, "cancelled", "refunded", "partly_refunded")
    assert sorted(await counter.moved(dossier)) == [
        ("charge", 50_000),
        ("charge", AMOUNT),
        ("refund", -50_000),
        ("refund", -RETURNED),
    ]
    assert (await counter.balances(dossier))["gateway:stripe"] == AMOUNT - RETURNED


async def test_a_request_that_is_taken_back_closes_its_page_and_only_its_own_bill(counter: Counter) -> None:
    dossier = await counter.filed()
    await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    wrong = await more(counter, dossier, 5)
    bill_id = (await bills(counter, dossier))[0]["bill_id"]
    person = {"person_id": str(dossier.person)}
    assert (await counter.asked("POST", f"/payments/{bill_id}/checkout", "citizen", **person)).status_code in (201, 202)
    await taken_back(counter, dossier, 6, wrong)
    right = await more(counter, dossier, 7)
    await states(counter, dossier, "open", "cancelled", "paid")
    assert {each["status"] for each in await counter.sessions(dossier)} == {"complete", "expired"}
    told = [data for name, data in await counter.told(dossier) if name == "cancelled"]
    assert [(data["bill_id"], data["request_id"]) for data in told] == [(bill_id, str(wrong))]
    await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    paid = [data["request_id"] for name, data in await counter.told(dossier) if name == "succeeded"]
    assert paid == [None, str(right)]


async def test_what_was_paid_before_the_request_was_taken_back_goes_back_whole(counter: Counter) -> None:
    """Though the circular of this fee lets nothing go back."""
    dossier = await counter.filed()
    await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    kept = LATER | {"refundable": False}
    request = await more(counter, dossier, 5, kept)
    await pay(counter, dossier, (await bills(counter, dossier))[0]["bill_id"])
    for _ in range(2):
        await taken_back(counter, dossier, 6, request)
    await states(counter, dossier, "refunded", "paid")
    assert sorted(await counter.moved(dossier)) == [("charge", 50_000), ("charge", AMOUNT), ("refund", -50_000)]
    assert (await counter.balances(dossier))["gateway:stripe"] == AMOUNT
    assert (await bills(counter, dossier))[0]["receipt_number"] is None


async def test_bills_of_strangers_look_like_none(counter: Counter) -> None:
    dossier = await counter.filed()
    for code in (dossier.code, "G09.20-20260609-9999999"):
        answer = await counter.asked("GET", f"/dossiers/{code}/bills", "officer", agency="H55.31")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
