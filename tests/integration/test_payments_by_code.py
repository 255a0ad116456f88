"""The national platform asks what is due for a dossier's code, and says what was paid by it, in its own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.national.dues import wrong_with_bill
from deploy.sandbox.national.signature import signed
from tests.integration.payments_counter import AMOUNT, FEE, PHOTO, Counter, Dossier
from tests.integration.payments_people import PARTNER, PARTNER_SECRET, PLATFORM_KEY, People


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


async def due(counter: Counter, code: str, key: str = PLATFORM_KEY) -> dict[str, Any]:
    answer = await counter.http.post(f"/national/{key}/dptracuuthanhtoanhs", json={"MaHoSo": code})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def confirms(people: People, dossier: Dossier, secret: str = PARTNER_SECRET, **changes: Any) -> str:
    """The platform says that a bill was paid by its dossier's code; our MaLoi."""
    confirm = {
        "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": PARTNER, "MaThamChieu": await people.code(dossier),
        "SoTien": AMOUNT, "MaTienTe": "VND", "MaGiaoDich": f"GD{dossier.code[-7:]}", "MaNganHang": "VCB",
        "ThoiGianGD": (people.counter.clock() + timedelta(hours=7)).strftime("%Y%m%d%H%M%S"),
        "ThongTinGiaoDich": "nộp phí",
    }  # fmt: skip
    body = signed(confirm | changes, secret)
    answer = await people.counter.http.post("/national/dpnhankqthanhtoanhs", json=body)
    assert answer.status_code == 200, answer.text
    said: str = answer.json()["MaLoi"]
    return said


async def test_the_platform_is_told_what_is_due_with_all_that_it_prints(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    told = await due(counter, dossier.code)
    assert told["error_code"] == 1
    assert wrong_with_bill(told["message"], dossier.code) == [], "as the platform itself judges it"
    assert told["message"]["MaTraCuuTT"] == await people.code(dossier)
    assert (told["message"]["HoTenNguoiNop"], told["message"]["SoCMNDNguoiNop"]) == ("", "")


async def test_nothing_due_and_an_unknown_dossier_are_told_apart(people: People, counter: Counter) -> None:
    paid = await counter.filed()
    await people.paid(paid)
    two = await counter.filed(lines=(FEE, PHOTO | {"beneficiary": "3511.0.9999999"}))
    assert await due(counter, paid.code) == {"error_code": 0, "message": []}
    assert await due(counter, two.code) == {"error_code": 0, "message": []}, "it pays one account only"
    assert await due(counter, "G09.20-20260609-8888888") == {"error_code": -1, "message": []}


async def test_only_the_platform_may_ask(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    for key in ("x", "é", PLATFORM_KEY + "x"):
        answer = await counter.http.post(f"/national/{key}/dptracuuthanhtoanhs", json={"MaHoSo": dossier.code})
        assert answer.status_code == 404


async def test_what_was_paid_by_a_dossiers_code_is_taken_once(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    assert [await confirms(people, dossier) for _ in range(2)] == ["00", "00"]
    assert (await counter.bill(dossier))["state"] == "paid"
    assert await counter.balances(dossier) == {"fee:3511.0.1054321": -AMOUNT, "gateway:national": AMOUNT}
    assert (await counter.names(dossier)).count("succeeded") == 1


async def test_a_second_payment_by_code_waits_for_an_officers_hand(people: People, counter: Counter) -> None:
    """The platform sends nothing back."""
    dossier = await counter.filed()
    await people.paid(dossier)
    assert await confirms(people, dossier) == "00"
    await counter.refunds_come_to(dossier, "by_hand")


async def test_a_result_that_is_forged_or_unknown_is_not_taken(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    assert await confirms(people, dossier, secret="stolen") == "99"
    assert await confirms(people, dossier, MaDoiTac="KHAC") == "99"
    assert await confirms(people, dossier, MaThamChieu="MC000000000000") == "99"
    assert (await counter.bill(dossier))["state"] == "open"
    assert await confirms(people, dossier, SoTien=1) == "00"
    assert (await counter.bill(dossier))["state"] == "discrepancy"


@pytest.mark.parametrize(
    "changes",
    [
        {"SoTien": "nhiều"},
        {"MaLoi": "77"},
        {"MaTienTe": "VN"},
        {"MaTienTe": "<b>"},
        {"MaGiaoDich": ""},
        {"MaGiaoDich": "GD\0"},
        {"ThoiGianGD": "hôm qua"},
    ],
)
async def test_a_result_that_cannot_be_read_is_kept_and_not_taken(
    people: People, counter: Counter, changes: dict[str, Any]
) -> None:
    """It is signed, so something was paid: whoever answers for the money sees it among the webhooks that wait."""
    dossier, before = await counter.filed(), await waiting(people)
    same = {"ThoiGianGD": "20260609083000"} | changes
    assert [await confirms(people, dossier, **same) for _ in range(2)] == ["99", "99"]
    (kept,) = [each for each in await waiting(people) if each not in before]
    assert kept[0] == "national"
    assert (await counter.bill(dossier))["state"] == "open"


async def waiting(people: People) -> list[tuple[str, str]]:
    """Webhooks that wait."""
    rows = (await people.operator("GET", "/rings?limit=500")).json()
    return [(row["gateway"], row["event_id"]) for row in rows]


async def test_a_result_whose_signature_is_half_a_character_is_not_taken(counter: Counter) -> None:
    body = b'{"LoaiBanTin":"CONFIRM","MaDoiTac":"%s","MaXacThuc":"\\ud800"}' % PARTNER.encode()
    for path in ("/national/dpnhankqthanhtoanhs", "/webhooks/national"):
        answer = await counter.http.post(path, content=body)
        assert (answer.status_code, answer.json()["MaLoi"]) == (200, "99")
