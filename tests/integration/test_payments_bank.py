"""Payers' own banks ask what is due and say what they have taken: signed, once, and never both kept and given back."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts import dossiers
from services.payments import store
from tests.integration.payments_counter import AGENCY, AMOUNT, Counter, Dossier
from tests.integration.payments_people import BANK, PLATFORM_KEY, People, wait_for_no_answer
from tests.records import example


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


async def notice(people: People, dossier: Dossier, **changes: Any) -> dict[str, Any]:
    """What the bank says of money that it took for the dossier's bill."""
    usual = {
        "payment_code": await people.code(dossier),
        "transaction_reference": f"FT{uuid4().hex[:12]}",
        "amount": AMOUNT,
        "paid_at": people.counter.clock().isoformat(),
    }
    return usual | changes


async def result(people: People, **inquiry: str) -> str:
    answer = await people.bank("/bank/inquiries", inquiry)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["result"]
    return found


async def test_what_is_due_is_told_by_dossier_and_by_payment_code(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    code = await people.code(dossier)
    for inquiry in (
        {"dossier_code": dossier.code},
        {"dossier_code": dossier.code.lower()},
        {"payment_code": code.lower()},
    ):
        answer = (await people.bank("/bank/inquiries", inquiry)).json()
        (bill,) = answer["bills"]
        assert (answer["result"], bill["amount"], bill["payment_code"]) == ("found", AMOUNT, code)
        assert dossier.code in bill["description"]
        assert str(dossier.person) not in str(answer)


async def test_what_is_not_due_any_more_is_told_as_what_it_is(people: People, counter: Counter) -> None:
    paid, void, expired, odd = [await counter.filed(days=days) for days in (30, 30, 1, 30)]
    await people.paid(paid)
    await counter.hears(example(dossiers.Stopped, step={"agency": AGENCY}), void.code, 2)
    url = await counter.page(odd)
    await counter.arm("wrong_amount")
    await counter.pays(url)
    await counter.comes_to(odd, "discrepancy")
    counter.passes(days=1, minutes=1)
    assert [await result(people, dossier_code=each.code) for each in (paid, void, expired, odd)] == [
        "paid", "expired", "expired", "held",
    ]  # fmt: skip
    assert await result(people, dossier_code="G09.20-20260609-9999999") == "unknown"
    assert await result(people, payment_code="MC000000000000") == "unknown"


async def test_a_notice_is_accepted_once_and_then_a_duplicate(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    body, key = await notice(people, dossier), str(uuid4())
    answers = [await people.bank("/bank/notices", body, each) for each in (key, key, str(uuid4()))]
    assert [answer.json()["result"] for answer in answers] == ["accepted", "accepted", "duplicate"]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert await counter.balances(dossier) == {"fee:3511.0.1054321": -AMOUNT, "gateway:bank": AMOUNT}
    entry = await counter.pool.fetchrow(
        "select reference from ledger_entry where dossier_code = $1 and account = 'gateway:bank'", dossier.code
    )
    assert entry is not None
    assert entry["reference"] == f"{BANK} {body['transaction_reference']}"


async def test_copies_that_come_at_once_take_the_money_once(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    body = await notice(people, dossier)
    answers = await asyncio.gather(*(people.bank("/bank/notices", body) for _ in range(5)))
    results = sorted(answer.json()["result"] for answer in answers)
    assert results == ["accepted", *["duplicate"] * 4]
    assert (await counter.names(dossier)).count("succeeded") == 1


async def test_of_two_banks_payments_at_once_one_is_given_back(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    bodies = [await notice(people, dossier) for _ in range(2)]
    answers = await asyncio.gather(*(people.bank("/bank/notices", body) for body in bodies))
    assert sorted(answer.json()["result"] for answer in answers) == ["accepted", "refused"]
    assert (await counter.balances(dossier))["gateway:bank"] == AMOUNT


@pytest.mark.parametrize(
    ("changes", "code"), [({"amount": AMOUNT - 1}, "other_amount"), ({"amount": AMOUNT + 1}, "other_amount")]
)
async def test_another_amount_is_refused(people: People, counter: Counter, changes: dict[str, Any], code: str) -> None:
    dossier = await counter.filed()
    answer = await people.bank("/bank/notices", await notice(people, dossier, **changes))
    assert (answer.json()["result"], answer.json()["why"]["code"]) == ("refused", code)
    assert (await counter.bill(dossier))["state"] == "open"


async def test_what_was_refused_stays_refused_though_the_bill_can_be_paid_later(
    people: People, counter: Counter
) -> None:
    """The bank has given that money back: to take it then would be to take what is not there."""
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("wrong_amount")
    await counter.pays(url)
    await counter.comes_to(dossier, "discrepancy")
    body = await notice(people, dossier)
    first = await people.bank("/bank/notices", body)
    assert (first.json()["result"], first.json()["why"]["code"]) == ("refused", "not_payable")
    path = await people.at(dossier, "/settle")
    await people.operator("POST", path, {"action": "return", "reason": "sai số tiền"})
    await counter.comes_to(dossier, "open")
    again = await people.bank("/bank/notices", body)
    assert again.json() == first.json()
    other = await people.bank("/bank/notices", await notice(people, dossier))
    assert other.json()["result"] == "accepted"


async def test_an_unknown_code_is_refused(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    answer = await people.bank("/bank/notices", await notice(people, dossier, payment_code="MC000000000000"))
    assert (answer.json()["result"], answer.json()["why"]["code"]) == ("refused", "unknown_code")


async def test_one_transaction_with_another_content_is_a_conflict(people: People, counter: Counter) -> None:
    dossier, other = await counter.filed(), await counter.filed()
    body = await notice(people, dossier)
    await people.bank("/bank/notices", body)
    for changed in ({"payment_code": await people.code(other)}, {"amount": 1}):
        answer = await people.bank("/bank/notices", body | changed)
        assert (answer.status_code, answer.json()["code"]) == (409, "reference_reused")
    key = "key-of-a-notice"
    await people.bank("/bank/notices", await notice(people, other), key)
    answer = await people.bank("/bank/notices", await notice(people, other), key)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_notice_waits_for_a_page_that_is_being_closed(
    people: People, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_no_answer(monkeypatch)
    dossier, key = await counter.filed(), str(uuid4())
    url = await counter.page(dossier)
    await counter.arm("storm_500", times=100, match="/expire")
    body = await notice(people, dossier)
    deferred = await people.bank("/bank/notices", body, key)
    assert (deferred.status_code, deferred.json()["result"]) == (202, "deferred")
    await counter.fires("storm_500")
    monkeypatch.undo()
    await counter.all_is_well()
    async with counter.without_pauses():
        await counter.comes_to(dossier, "open")
    assert (await people.bank("/bank/notices", body, key)).json()["result"] == "accepted"
    assert await counter.pays(url) == 410


async def test_a_bank_that_does_not_sign_is_not_heard(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    body = await notice(people, dossier)
    content = json.dumps(body).encode()
    key = {"Idempotency-Key": "key-of-a-stranger", "Content-Type": "application/json"}
    good = {"X-Bank": BANK, "X-Signature": people.signature(content)}
    other = {"X-Bank": "ACB", "X-Signature": people.signature(content, secret="")}
    national = {"X-Bank": "national", "X-Signature": people.signature(content, secret=PLATFORM_KEY)}
    for headers in (other, national, good | {"X-Signature": "t=1,v1=00"}, good | {"X-Signature": "é"}):
        said = [(name.encode(), value.encode()) for name, value in (headers | key).items()]
        answer = await counter.http.post("/bank/notices", content=content, headers=said)
        assert answer.status_code == 401, headers
    dearer = content.replace(b"135000", b"1")
    assert (await counter.http.post("/bank/notices", content=dearer, headers=good | key)).status_code == 401
    assert (await people.bank("/bank/notices", body, ago=600)).status_code == 401
    assert (await people.bank("/bank/notices", body, ago=-600)).status_code == 401
    assert (await people.bank("/bank/notices", body, secret="stolen")).status_code == 401
    assert (await counter.http.post("/bank/notices", content=content, headers=key)).status_code in (401, 422)
    assert (await counter.bill(dossier))["state"] == "open"


async def test_a_signature_is_good_once(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    content = json.dumps(await notice(people, dossier)).encode()
    headers = {"X-Bank": BANK, "X-Signature": people.signature(content), "Content-Type": "application/json"}
    headers |= {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(
        *(counter.http.post("/bank/notices", content=content, headers=headers) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    spaced = headers | {"X-Signature": headers["X-Signature"].replace(",", ", v1=00, ")}
    answer = await counter.http.post("/bank/notices", content=content, headers=spaced)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_used")
    assert answer.headers["www-authenticate"].startswith("Signature ")
    assert (answer.json()["title"], answer.json()["title_en"]) == (
        "Chữ ký không được chấp nhận",
        "Signature not accepted",
    )
    # Stamped five minutes ahead it is accepted for ten; behind these it is too old, and need not be known any more.
    await heard_before(counter, minutes=11)
    again = await counter.http.post("/bank/notices", content=content, headers=headers)
    assert (again.status_code, again.json()["code"]) == (401, "signature_used")
    await heard_before(counter, minutes=5)
    assert await counter.pool.fetchval("select count(*) from bank_request") == 0


async def heard_before(counter: Counter, minutes: int) -> None:
    """So much time passes for the signatures that were used, and the chore comes round."""
    later = "update bank_request set heard_at = heard_at - make_interval(mins => $1)"
    await counter.pool.execute(later, minutes)
    await store.banks.forget(counter.pool)


async def test_the_same_inquiry_may_come_twice_in_a_second(people: People, counter: Counter) -> None:
    """It changes nothing, and two clerks may ask about one dossier: their bank's signatures are the same then."""
    dossier = await counter.filed()
    content = json.dumps({"dossier_code": dossier.code}).encode()
    headers = {"X-Bank": BANK, "X-Signature": people.signature(content), "Content-Type": "application/json"}
    answers = await asyncio.gather(
        *(counter.http.post("/bank/inquiries", content=content, headers=headers) for _ in range(3))
    )
    assert [answer.status_code for answer in answers] == [200] * 3
    stolen = headers | {"X-Signature": people.signature(content, secret="stolen")}
    refused = await counter.http.post("/bank/inquiries", content=content, headers=stolen)
    assert (refused.status_code, refused.json()["code"]) == (401, "bad_signature")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dossier_code": "a", "payment_code": "b"},
        {"dossier_code": "a\x00"},
        {"dossier_code": 1},
        {"dossier_code": "a", "extra": 1},
    ],
)
async def test_an_inquiry_that_cannot_be_read_is_told(people: People, counter: Counter, body: dict[str, Any]) -> None:
    answer = await people.bank("/bank/inquiries", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_money_from_the_future_is_not_believed(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    later = (counter.clock() + timedelta(hours=1)).isoformat()
    answer = await people.bank("/bank/notices", await notice(people, dossier, paid_at=later))
    assert (answer.status_code, answer.json()["code"]) == (422, "paid_in_future")


async def test_money_from_before_there_was_a_bill_is_not_believed(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    for ago in (timedelta(days=365 * 20), timedelta(minutes=6)):
        before = (counter.clock() - ago).isoformat()
        answer = await people.bank("/bank/notices", await notice(people, dossier, paid_at=before))
        assert (answer.status_code, answer.json()["code"]) == (422, "paid_before_bill")
    assert (await counter.bill(dossier))["state"] == "open"
    almost = (counter.clock() - timedelta(minutes=4)).isoformat()
    answer = await people.bank("/bank/notices", await notice(people, dossier, paid_at=almost))
    assert answer.json()["result"] == "accepted"
