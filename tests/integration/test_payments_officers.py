"""Officers over HTTP: refunds, pay-outs, the counter."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from contracts import dossiers
from tests.integration.payments_counter import AGENCY, AMOUNT, FEE, PHOTO, RETURNED, Counter
from tests.integration.payments_people import OTHER_AGENCY, PAYER, People, wait_for_no_answer
from tests.records import example

ORDER = {"available": RETURNED, "reason": "Nộp nhầm"}


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


async def by_card(people: People, lines: tuple[dict[str, Any], ...] = (FEE, PHOTO)) -> Any:
    """A dossier whose fees are paid by card."""
    dossier = await people.counter.filed(lines=lines)
    await people.counter.pays(await people.counter.page(dossier))
    await people.counter.comes_to(dossier, "paid")
    return dossier


async def test_what_can_go_back_is_told_by_line_and_why_not(people: People, counter: Counter) -> None:
    until = PHOTO | {"code": "tham-dinh", "name": "Phí thẩm định", "refund_until": "acceptance"}
    dossier = await by_card(people, (FEE, PHOTO, until))
    before = (await people.officer(dossier, "GET", "/refunds")).json()
    assert (before["available"], [line["available"] for line in before["lines"]]) == (
        2 * RETURNED,
        [0, RETURNED, RETURNED],
    )
    assert before["lines"][0]["why_not"] == "Không hoàn trả theo Thông tư 37/2023/TT-BTC."
    await counter.hears(example(dossiers.Accepted, step={"agency": AGENCY}), dossier.code, 2)
    after = (await people.officer(dossier, "GET", "/refunds")).json()
    assert (after["reached"], after["available"]) == ("acceptance", RETURNED)
    assert after["lines"][2]["why_not"] == "Chỉ hoàn trả trước khi hồ sơ được tiếp nhận."
    late = {"available": RETURNED, "reason": "x", "lines": [{"code": "tham-dinh", "amount": 1}]}
    refused = await people.officer(dossier, "POST", "/refunds", late)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "more_than_available")


async def test_a_line_goes_back_in_parts_until_nothing_is_left(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    part = ORDER | {"lines": [{"code": "chup-anh", "amount": 5_000}]}
    first = await people.officer(dossier, "POST", "/refunds", part)
    assert (first.status_code, [each["amount"] for each in first.json()["refunds"]]) == (201, [5_000])
    rest = await people.officer(dossier, "POST", "/refunds", ORDER | {"available": RETURNED - 5_000})
    assert rest.status_code == 201
    none = await people.officer(dossier, "POST", "/refunds", ORDER | {"available": 0})
    assert (none.status_code, none.json()["code"]) == (409, "nothing_left")
    await counter.refunds_come_to(dossier, "done", "done")
    told = (await people.officer(dossier, "GET", "/refunds")).json()
    assert (told["available"], told["lines"][1]["gone"], told["lines"][1]["why_not"]) == (
        0,
        RETURNED,
        "Đã hoàn trả hết.",
    )
    assert sorted(await counter.moved(dossier)) == [("charge", AMOUNT), ("refund", -15_000), ("refund", -5_000)]


async def test_of_two_refunds_at_once_one_hears_what_is_available(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    names = [f"cán bộ {number}" for number in range(4)]
    answers = await asyncio.gather(*(people.officer(dossier, "POST", "/refunds", ORDER, name) for name in names))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["code"] == "available_differs"
    assert "là 0 đồng" in refused["detail"]
    await counter.refunds_come_to(dossier, "done")
    assert (await counter.moved(dossier)).count(("refund", -RETURNED)) == 1


async def test_one_key_at_once_orders_one_refund_and_every_request_hears_of_it(
    people: People, counter: Counter
) -> None:
    dossier, key = await by_card(people), str(uuid4())
    answers = await asyncio.gather(*(people.officer(dossier, "POST", "/refunds", ORDER, key=key) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.text for answer in answers}) == 1
    assert len(answers[0].json()["refunds"]) == 1
    other = await people.officer(dossier, "POST", "/refunds", ORDER | {"reason": "khác"}, key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/refunds", ORDER),
        ("/refunds/019eaa3c-4b80-7e99-8faa-30bbc11d2203/pay-out", {"reference": "PC-1"}),
        ("/counter", {"amount": AMOUNT, "voucher": "PT-1"}),
    ],
)
async def test_what_moves_money_needs_a_key_and_an_officer_of_the_agency(
    people: People, counter: Counter, path: str, body: dict[str, Any]
) -> None:
    dossier = await counter.filed()
    at = await people.at(dossier, path)
    ours = {"agency": AGENCY}
    assert (await people.asks("officer", "POST", at, body, ours)).status_code == 422
    assert (await people.officer(dossier, "POST", path, body, agency=OTHER_AGENCY)).status_code == 404
    assert (await people.citizen(dossier, "POST", path, body, key="key-of-a-citizen")).status_code == 403
    assert (await people.operator("POST", at, body)).status_code == 403
    assert (await counter.http.post(at, json=body)).status_code == 401
    assert (await counter.bill(dossier))["state"] == "open"


async def test_whoever_ordered_a_refund_does_not_pay_it_out(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    await people.paid(dossier)
    (whole,) = (await people.operator("GET", f"/payments?dossier_code={dossier.code}")).json()["items"]
    assert [each["by"] for each in whole["captures"]] == ["thu ngân"]
    (ordered,) = (await people.officer(dossier, "POST", "/refunds", ORDER, "lan")).json()["refunds"]
    assert ordered["state"] == "by_hand", "a counter sends nothing back by itself"
    path, body = f"/refunds/{ordered['refund_id']}/pay-out", {"reference": "PC-7"}
    own = await people.officer(dossier, "POST", path, body, "lan")
    assert (own.status_code, own.json()["code"]) == (403, "ordered_by_you")
    cashier = await people.officer(dossier, "POST", path, body, "thu ngân")
    assert (cashier.status_code, cashier.json()["code"]) == (403, "taken_by_you")
    key = str(uuid4())
    paid = await people.officer(dossier, "POST", path, body, "minh", key=key)
    assert (paid.status_code, paid.json()["refunds"][0]["state"]) == (200, "done")
    again = await people.officer(dossier, "POST", path, body, "minh", key=key)
    assert again.json() == paid.json()
    twice = await people.officer(dossier, "POST", path, body | {"reference": "PC-8"}, "minh")
    assert twice.status_code == 409
    balances = await counter.balances(dossier)
    assert balances[f"hand:{AGENCY}"] == -RETURNED
    assert sum(balances.values()) == 0


async def test_a_refund_that_the_gateway_is_sending_is_not_paid_out_too(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    await counter.arm("storm_500", times=1000, match="POST /v1/refunds")
    (ordered,) = (await people.officer(dossier, "POST", "/refunds", ORDER, "lan")).json()["refunds"]
    body = {"reference": "PC-9"}
    answer = await people.officer(dossier, "POST", f"/refunds/{ordered['refund_id']}/pay-out", body, "minh")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    unknown = await people.officer(dossier, "POST", f"/refunds/{uuid4()}/pay-out", body, "minh")
    assert unknown.status_code == 404
    await counter.fires("storm_500")
    await counter.all_is_well()
    async with counter.without_pauses():
        await counter.refunds_come_to(dossier, "done")


async def test_money_at_the_counter_is_taken_once_and_exactly(people: People, counter: Counter) -> None:
    dossier, key = await counter.filed(), str(uuid4())
    less = await people.officer(dossier, "POST", "/counter", {"amount": AMOUNT - 1, "voucher": "PT-1"})
    assert (less.status_code, less.json()["code"]) == (422, "other_amount")
    body = {"amount": AMOUNT, "voucher": "PT-1"}
    answers = await asyncio.gather(*(people.officer(dossier, "POST", "/counter", body, key=key) for _ in range(4)))
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "paid")] * 4
    other = await people.officer(dossier, "POST", "/counter", body)
    assert (other.status_code, other.json()["code"]) == (409, "taken_already")
    assert await counter.balances(dossier) == {"fee:3511.0.1054321": -AMOUNT, "gateway:counter": AMOUNT}
    assert (await counter.names(dossier)).count("succeeded") == 1


@pytest.mark.parametrize("amount", [True, "135000", 135_000.0, "1_000"])
async def test_an_amount_is_a_whole_number_and_nothing_that_may_be_read_as_one(
    people: People, counter: Counter, amount: Any
) -> None:
    dossier = await counter.filed()
    taken = await people.officer(dossier, "POST", "/counter", {"amount": amount, "voucher": "PT-9"})
    order = {"available": amount, "reason": "x", "lines": [{"code": "chup-anh", "amount": amount}]}
    refund = await people.officer(dossier, "POST", "/refunds", order)
    notice = {"payment_code": await people.code(dossier), "transaction_reference": "FT1", "amount": amount}
    told = await people.bank("/bank/notices", notice | {"paid_at": counter.clock().isoformat()})
    assert [each.status_code for each in (taken, refund, told)] == [422] * 3
    assert (await counter.bill(dossier))["state"] == "open"


async def test_a_page_is_closed_before_money_is_taken_at_the_counter(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    answer = await people.officer(dossier, "POST", "/counter", {"amount": AMOUNT, "voucher": "PT-2"})
    assert (answer.status_code, answer.json()["state"]) == (200, "paid")
    assert await counter.pays(url) == 410
    assert await counter.moved(dossier) == []


async def test_while_a_page_cannot_be_closed_the_counter_waits_and_nothing_is_taken(
    people: People, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_no_answer(monkeypatch)
    dossier, key = await counter.filed(), str(uuid4())
    await counter.page(dossier)
    await counter.arm("storm_500", times=100, match="/expire")
    body = {"amount": AMOUNT, "voucher": "PT-3"}
    waits = await people.officer(dossier, "POST", "/counter", body, key=key)
    assert (waits.status_code, waits.json()["state"]) == (202, "closing")
    assert waits.headers["retry-after"]
    await counter.fires("storm_500")
    monkeypatch.undo()
    await counter.all_is_well()
    async with counter.without_pauses():
        await counter.comes_to(dossier, "open")
    taken = await people.officer(dossier, "POST", "/counter", body, key=key)
    assert (taken.status_code, taken.json()["state"]) == (200, "paid"), "the same again, with the same key"


async def test_a_page_that_was_paid_while_it_was_closed_wins_over_the_counter(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("webhook_lost", times=100)
    await counter.pays(url)
    answer = await people.officer(dossier, "POST", "/counter", {"amount": AMOUNT, "voucher": "PT-4"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_payable")
    assert await counter.fired("webhook_lost") > 0
    assert (await counter.balances(dossier))["gateway:stripe"] == AMOUNT


async def test_every_wrong_field_is_told_at_once(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    body = {"lines": [{"code": "", "amount": 0}], "available": -1, "reason": "\x00", "extra": 1}
    answer = await people.officer(dossier, "POST", "/refunds", body)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 5
    assert PAYER["name"] not in answer.text


async def test_a_voucher_pays_one_bill(people: People, counter: Counter) -> None:
    """Also when it is sent for two at once."""
    both = [await counter.filed() for _ in range(2)]
    body = {"amount": AMOUNT, "voucher": f"PT-{uuid4()}"}
    answers = await asyncio.gather(*(people.officer(each, "POST", "/counter", body) for each in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "voucher_used"
    states = [(await counter.bill(each))["state"] for each in both]
    assert sorted(states) == ["open", "paid"]
    paid = both[states.index("paid")]
    assert (await people.officer(paid, "POST", "/counter", body)).json()["code"] == "taken_already"


async def test_a_voucher_of_an_agency_is_one_money_whether_it_came_in_or_went_out(
    people: People, counter: Counter
) -> None:
    """Paid in with it, or paid out with it: the answer names the dossier for which it was used."""
    first, second = await counter.filed(), await counter.filed()
    taken, out = f"PT-{uuid4()}", f"PC-{uuid4()}"
    await people.paid(first, taken)
    await people.paid(second)
    paths = list[str]()
    for dossier in (first, second):
        (ordered,) = (await people.officer(dossier, "POST", "/refunds", ORDER, "lan")).json()["refunds"]
        paths.append(f"/refunds/{ordered['refund_id']}/pay-out")
    own = await people.officer(second, "POST", paths[1], {"reference": taken}, "minh")
    assert (own.status_code, own.json()["code"], first.code in own.json()["detail"]) == (409, "voucher_used", True)
    answers = await asyncio.gather(
        *(
            people.officer(dossier, "POST", path, {"reference": out}, "minh")
            for dossier, path in zip((first, second), paths, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "voucher_used"
    other = (first, second)[[answer.status_code for answer in answers].index(200)]
    assert other.code in refused.json()["detail"]
    again = await people.officer(other, "POST", paths[(first, second).index(other)], {"reference": out}, "minh")
    assert again.status_code == 200, "the same said again"


async def test_a_voucher_that_was_refused_may_be_used_for_another_bill(people: People, counter: Counter) -> None:
    wrong, right = await counter.filed(), await counter.filed()
    body = {"amount": AMOUNT, "voucher": f"PT-{uuid4()}"}
    refused = await people.officer(wrong, "POST", "/counter", body | {"amount": AMOUNT - 1})
    assert refused.json()["code"] == "other_amount"
    assert (await people.officer(right, "POST", "/counter", body)).json()["state"] == "paid"
