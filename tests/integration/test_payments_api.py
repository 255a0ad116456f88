"""Citizens pay over HTTP: ways, pages, pictures, another tab, another way, keys; and nobody sees what is not theirs."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from uuid import uuid4

import pytest

from services.payments.domain.vietqr import decode
from tests.integration.payments_counter import AMOUNT, FEE, Counter, eventually
from tests.integration.payments_people import OTHER_AGENCY, PAYER, People, wait_for_no_answer


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


@pytest.fixture(scope="module", autouse=True)
async def ways(people: People) -> Any:
    """The ways to pay, told before any test asks the platform where nobody answers."""
    return (await people.citizen(await people.counter.filed(), "GET", "/gateways")).json()


def test_ways_to_pay_are_told_in_order_in_two_languages(ways: Any) -> None:
    assert [way["gateway"] for way in ways] == ["stripe", "vietqr", "national"]
    assert all(way["title"] and way["title_en"] and way["healthy"] for way in ways)
    assert [way["asks_payer"] for way in ways] == [False, False, True]


async def test_a_page_is_made_where_it_is_preferred(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    answer = await people.citizen(dossier, "POST", "/checkout")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["gateway"], told["amount"], told["already_in_progress"]) == ("stripe", AMOUNT, False)
    assert await counter.pays(told["url"]) == 303
    await counter.comes_to(dossier, "paid")


async def test_a_second_tab_hears_that_it_is_in_progress_and_gets_the_same_page(
    people: People, counter: Counter
) -> None:
    dossier = await counter.filed()
    tabs = await asyncio.gather(*(people.citizen(dossier, "POST", "/checkout") for _ in range(4)))
    assert {tab.status_code for tab in tabs} <= {201, 202}
    assert sorted(tab.json()["already_in_progress"] for tab in tabs) == [False, True, True, True]
    later = await people.citizen(dossier, "POST", "/checkout", {"gateway": "vietqr"})
    assert later.json()["already_in_progress"]
    assert later.json()["gateway"] == "stripe"
    assert len(await counter.sessions(dossier)) == 1


async def test_a_qr_picture_says_what_is_to_be_paid_as_text_png_and_svg(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    answer = await people.citizen(dossier, "POST", "/checkout", {"gateway": "vietqr"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    transfer = decode(told["picture_text"])
    assert (transfer.amount, transfer.purpose, told["url"]) == (AMOUNT, await people.code(dossier), None)
    assert base64.b64decode(told["picture"].removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    png, svg = [await people.citizen(dossier, "GET", f"/qr.{kind}") for kind in ("png", "svg")]
    assert (png.headers["content-type"], png.content[:4]) == ("image/png", b"\x89PNG")
    assert (svg.headers["content-type"], b"<svg" in svg.content) == ("image/svg+xml", True)


async def test_there_is_no_picture_where_none_is_to_be_scanned(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    assert (await people.citizen(dossier, "GET", "/qr.png")).status_code == 404
    await people.citizen(dossier, "POST", "/checkout")
    assert (await people.citizen(dossier, "GET", "/qr.svg")).status_code == 404
    assert (await people.citizen(dossier, "GET", "/qr.gif")).status_code == 422


async def test_a_page_is_closed_to_pay_in_another_way(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    first = (await people.citizen(dossier, "POST", "/checkout")).json()["url"]
    closed = await people.citizen(dossier, "POST", "/checkout/cancel")
    assert (closed.status_code, closed.json()["state"]) == (200, "open")
    assert await counter.pays(first) == 410
    second = await people.citizen(dossier, "POST", "/checkout", {"gateway": "vietqr"})
    assert (second.json()["gateway"], second.json()["already_in_progress"]) == ("vietqr", False)


async def test_the_next_gateway_is_tried_where_the_first_one_refuses(people: People, counter: Counter) -> None:
    """More than a card takes at once, and less than a transfer does."""
    dossier = await counter.filed(lines=(FEE | {"amount": 10**12},))
    answer = await people.citizen(dossier, "POST", "/checkout")
    assert (answer.status_code, answer.json()["gateway"]) == (201, "vietqr"), answer.text
    assert await counter.sessions(dossier) == []


async def test_a_gateway_that_is_wanted_and_refuses_is_told(people: People, counter: Counter) -> None:
    dossier = await counter.filed(lines=(FEE | {"amount": 10**12},))
    answer = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"})
    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_refuses")
    assert (await counter.bill(dossier))["state"] == "open"


async def test_a_gateway_that_is_not_offered_is_told_with_those_that_are(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    answer = await people.citizen(dossier, "POST", "/checkout", {"gateway": "vnpay"})
    assert (answer.status_code, answer.json()["code"]) == (422, "gateway_not_offered")
    assert "stripe" in answer.json()["detail"]


async def test_a_gateway_that_is_not_offered_and_a_wrong_payer_are_told_at_once(
    people: People, counter: Counter
) -> None:
    dossier = await counter.filed()
    body = {"gateway": "vnpay", "payer": {"name": "N9", "paper": "1"}}
    path = (
        await people.asks(
            "citizen", "POST", await people.at(dossier, "/link"), None, {"person_id": str(dossier.person)}
        )
    ).json()["path"]
    by_link = await counter.http.post(f"{path}/checkout", json=body)
    for answer in (await people.citizen(dossier, "POST", "/checkout", body), by_link):
        told = answer.json()
        assert (answer.status_code, told["code"]) == (422, "invalid")
        assert {each["path"]: each["code"] for each in told["errors"]} == {
            "gateway": "gateway_not_offered",
            "payer.name": "payer_name",
            "payer.paper": "payer_paper",
            "payer.address": "missing",
        }
        assert "stripe" in told["errors"][0]["vi"]


async def test_a_gateway_that_prints_receipts_asks_who_pays(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    asked = await people.citizen(dossier, "POST", "/checkout", {"gateway": "national"})
    assert (asked.status_code, asked.json()["code"]) == (422, "payer_needed")
    assert {each["path"] for each in asked.json()["errors"]} == {"payer.name", "payer.paper", "payer.address"}
    wrong = {"gateway": "national", "payer": PAYER | {"name": "X1", "paper": "000000001"}}
    refused = await people.citizen(dossier, "POST", "/checkout", wrong)
    assert {each["path"] for each in refused.json()["errors"]} == {"payer.name", "payer.paper"}
    assert "000000001" not in refused.text
    assert (await counter.bill(dossier))["attempt"] is None


async def test_who_pays_is_sealed_wherever_it_is_kept_and_his_address_is_the_connections(
    people: People, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_no_answer(monkeypatch)
    dossier = await counter.filed()
    path, person = await people.at(dossier, "/checkout"), str(dossier.person)
    headers = counter.issuer.bearer("citizen", person_id=person) | {"X-Forwarded-For": "203.0.113.9"}
    answer = await counter.http.post(path, json={"gateway": "national", "payer": PAYER}, headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (202, "checkout_ready"), "nobody answers there"
    (call,), bill = await counter.calls(dossier), await counter.bill(dossier)
    assert call["body"]["payer"]
    for secret in PAYER.values():
        assert secret not in str(call)
        assert secret not in str(bill)
    assert call["body"]["payer_address"] == "127.0.0.1", "no proxy of ours said otherwise"


async def test_the_same_key_gets_the_first_answer_and_another_body_is_a_conflict(
    people: People, counter: Counter
) -> None:
    dossier, key = await counter.filed(), "key-of-one-checkout"
    first = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"}, key=key)
    again = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"}, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    other = await people.citizen(dossier, "POST", "/checkout", {"gateway": "vietqr"}, key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    await people.citizen(dossier, "POST", "/checkout/cancel")
    closed = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"}, key=key)
    assert closed.json()["url"] == first.json()["url"], "a repetition begins nothing new"
    assert len(await counter.sessions(dossier)) == 1


async def test_one_key_used_at_once_begins_one_page(people: People, counter: Counter) -> None:
    dossier, key = await counter.filed(), "key-used-at-once"
    answers = await asyncio.gather(*(people.citizen(dossier, "POST", "/checkout", key=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert not any(answer.json()["already_in_progress"] for answer in answers), "all are the same request"
    assert len(await counter.sessions(dossier)) == 1


async def test_a_key_whose_gateway_refused_may_be_used_again(people: People, counter: Counter) -> None:
    dossier, key = await counter.filed(lines=(FEE | {"amount": 10**12},)), "key-of-a-refused-one"
    body = {"gateway": "stripe"}
    for _ in range(2):
        answer = await people.citizen(dossier, "POST", "/checkout", body, key=key)
        assert (answer.status_code, answer.json()["code"]) == (503, "gateway_refuses")


async def test_whoever_comes_back_has_the_gateway_asked(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    url = (await people.citizen(dossier, "POST", "/checkout")).json()["url"]
    await counter.arm("webhook_lost", times=100)
    await counter.pays(url)
    assert (await people.citizen(dossier, "POST", "/refresh")).json()["state"] == "paid"
    assert await counter.fired("webhook_lost") > 0


PATHS = [
    ("GET", ""), ("GET", "/gateways"), ("GET", "/receipt"), ("GET", "/receipts"), ("GET", "/receipt.pdf"),
    ("GET", "/qr.png"), ("POST", "/checkout"), ("POST", "/checkout/cancel"), ("POST", "/refresh"), ("POST", "/link"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_another_citizens_bill_looks_like_none(people: People, counter: Counter, method: str, path: str) -> None:
    dossier, stranger = await counter.filed(), {"person_id": str(uuid4())}
    there = await people.asks("citizen", method, await people.at(dossier, path), None, stranger)
    nowhere = await people.asks("citizen", method, f"/payments/{uuid4()}{path}", None, stranger)
    assert (there.status_code, there.json()) == (nowhere.status_code, nowhere.json())
    assert there.status_code == 404
    unknown = await counter.http.request(method, await people.at(dossier, path))
    assert unknown.status_code == 401
    if method == "GET":
        other = await people.asks("officer", method, await people.at(dossier, path), None, {"agency": OTHER_AGENCY})
        assert other.status_code == 404


@pytest.mark.parametrize("path", ["/checkout", "/checkout/cancel", "/refresh"])
async def test_only_a_citizen_pays_by_a_page(people: People, counter: Counter, path: str) -> None:
    dossier = await counter.filed()
    assert (await people.officer(dossier, "POST", path)).status_code == 403
    assert (await people.operator("POST", await people.at(dossier, path))).status_code == 403


async def test_a_page_that_can_be_closed_and_that_nobody_answers_for_is_given_up_once_that_is_known(
    people: People, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The silent gateway's page may have been made, and may be paid."""
    wait_for_no_answer(monkeypatch)
    dossier = await counter.filed()
    await counter.arm("storm_500", times=100, match="POST /v1/checkout/sessions")
    await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"})
    cancelled = await people.citizen(dossier, "POST", "/checkout/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "closing")
    blocked = await people.citizen(dossier, "POST", "/checkout")
    assert (blocked.status_code, blocked.json()["code"]) == (409, "page_closing")
    await counter.all_is_well()
    async with counter.without_pauses():
        await counter.comes_to(dossier, "open")


async def test_a_page_that_never_closes_and_that_nobody_answers_for_gives_way_at_once(
    people: People, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes on the silent platform's page all the same is known as that page's."""
    wait_for_no_answer(monkeypatch)
    dossier = await counter.filed()
    await people.citizen(dossier, "POST", "/checkout", {"gateway": "national", "payer": PAYER})
    cancelled = await people.citizen(dossier, "POST", "/checkout/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "open")
    other = await people.citizen(dossier, "POST", "/checkout", {"gateway": "vietqr"})
    assert (other.status_code, other.json()["gateway"]) == (201, "vietqr")


async def test_an_ailing_gateway_is_tried_last(
    people: People, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_no_answer(monkeypatch)
    ailing = await counter.filed()
    await counter.arm("storm_500", times=10_000)
    answer = await people.citizen(ailing, "POST", "/checkout", {"gateway": "stripe"})
    assert answer.status_code == 202

    async def noticed() -> bool:
        ways = (await people.citizen(ailing, "GET", "/gateways")).json()
        return not next(way["healthy"] for way in ways if way["gateway"] == "stripe")

    async with counter.without_pauses():
        await eventually(noticed)
    other = await counter.filed()
    assert (await people.citizen(other, "POST", "/checkout")).json()["gateway"] == "vietqr"
    await counter.all_is_well()
    async with counter.without_pauses():
        await counter.settled(ailing)
