"""Receipts: as JSON, on paper, and checked by anybody who holds the paper; replaced and cancelled ones are kept."""

from __future__ import annotations

import asyncio
import io
import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

import pytest
from pypdf import PdfReader

from contracts import dossiers
from tests.integration.payments_counter import AGENCY, AMOUNT, FEE, PHOTO, RETURNED, Counter, Dossier
from tests.integration.payments_people import BROWSER, PUBLIC, People
from tests.records import example

FREE = FEE | {"code": "mien", "name": "Lệ phí được miễn", "amount": 0}


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


async def by_card(people: People, lines: tuple[dict[str, Any], ...] = (FEE, PHOTO)) -> Dossier:
    dossier = await people.counter.filed(lines=lines)
    await people.counter.pays(await people.counter.page(dossier))
    await people.counter.comes_to(dossier, "paid")
    return dossier


async def receipt(people: People, dossier: Dossier) -> dict[str, Any]:
    answer = await people.citizen(dossier, "GET", "/receipt")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def words(people: People, dossier: Dossier, query: str = "") -> str:
    answer = await people.citizen(dossier, "GET", f"/receipt.pdf{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    read = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    return " ".join(unicodedata.normalize("NFC", read).split())


def local(page: str) -> str:
    """The path and query of a public address: the same service answers there."""
    assert page.startswith(PUBLIC)
    parts = urlsplit(page)
    return f"{parts.path}?{parts.query}"


async def test_a_receipt_says_what_was_paid_for_what_and_how(people: People, counter: Counter) -> None:
    dossier = await by_card(people, (FEE, PHOTO, FREE))
    told, bill = await receipt(people, dossier), await counter.bill(dossier)
    assert re.fullmatch(r"2\d{3}/\d{8}", told["number"])
    assert (told["amount"], told["dossier_code"], told["ended"]) == (AMOUNT, dossier.code, None)
    assert [line["code"] for line in told["fee_lines"]] == ["gplx-doi", "chup-anh"], "what was free is on no receipt"
    assert told["gateway_reference"] == bill["captures"][0]["reference"]


async def test_its_paper_has_every_fact_and_leads_to_the_public_page(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    told, said = await receipt(people, dossier), await words(people, dossier)
    for fact in (
        told["number"], dossier.code, "Lệ phí cấp đổi giấy phép lái xe", "Thông tư 37/2023/TT-BTC", "115.000 đồng",
        "20.000 đồng", "135.000 đồng", "Một trăm ba mươi lăm nghìn đồng", told["gateway_reference"], "lệ phí", "phí",
    ):  # fmt: skip
        assert fact in said, fact
    assert str(dossier.person) not in said
    assert "KHÔNG CÒN GIÁ TRỊ" not in said


async def test_whoever_holds_the_paper_sees_that_it_holds(people: People, counter: Counter) -> None:
    dossier = await by_card(people)
    told = await receipt(people, dossier)
    page = await counter.http.get(local(told["page"]), headers=BROWSER)
    assert (page.status_code, "có giá trị" in page.text, "135.000 đồng" in page.text) == (200, True, True)
    checked = (await counter.http.get(local(told["page"]))).json()
    assert (checked["holds"], checked["number"], checked["amount"]) == (True, told["number"], AMOUNT)
    assert {"person_id", "bill_id", "fee_lines"}.isdisjoint(checked)


async def test_a_wrong_code_shows_nothing_not_even_that_there_is_one(people: People, counter: Counter) -> None:
    first, second = await by_card(people), await by_card(people)
    one, two = [local((await receipt(people, each))["page"]) for each in (first, second)]
    path, key = one.split("?k=")
    stolen = two.split("?k=")[1]
    for wrong in (
        path,
        f"{path}?k=",
        f"{path}?k={stolen}",
        f"{path}?k={key[:-1]}",
        f"{path}?k=é",
        f"/receipts/2026/99999999?k={key}",
    ):
        assert (await counter.http.get(wrong)).status_code == 404, wrong
        page = await counter.http.get(wrong, headers=BROWSER)
        assert (page.status_code, "Không tìm thấy" in page.text) == (404, True)
    for none in (
        "/receipts/1/1?k=x",
        "/receipts/abc/1",
        "/receipts/２０２６/1",
        "/receipts/2026/-1",
        "/receipts/2026/1.0",
    ):
        assert (await counter.http.get(none)).headers["content-type"] == "application/problem+json"
        page = await counter.http.get(none, headers=BROWSER)
        assert (page.status_code, "Không tìm thấy" in page.text) == (404, True), none


async def test_after_a_partial_refund_the_new_receipt_holds_and_the_old_one_is_kept(
    people: People, counter: Counter
) -> None:
    dossier = await by_card(people)
    old = await receipt(people, dossier)
    order = {"available": RETURNED, "reason": "Không chụp ảnh"}
    assert (await people.officer(dossier, "POST", "/refunds", order)).status_code == 201
    await counter.refunds_come_to(dossier, "done")
    new = await receipt(people, dossier)
    assert (new["amount"], new["replaces"]) == (AMOUNT - RETURNED, old["number"])
    checked = (await counter.http.get(local(old["page"]))).json()
    assert (checked["holds"], checked["ended"], checked["replaced_by"]) == (False, "replaced", new["number"])
    page = await counter.http.get(local(old["page"]), headers=BROWSER)
    assert f"thay bằng biên lai số {new['number']}" in page.text
    kept = (await people.citizen(dossier, "GET", "/receipts")).json()
    assert [(each["number"], each["ended"]) for each in kept] == [(new["number"], None), (old["number"], "replaced")]
    said = await words(people, dossier, f"?number={old['number']}")
    assert f"KHÔNG CÒN GIÁ TRỊ: đã được thay bằng biên lai số {new['number']}" in said
    assert "135.000 đồng" in said, "as it was issued"
    assert f"Thay thế biên lai số {old['number']}" in await words(people, dossier)


async def test_a_receipt_whose_fees_all_went_back_is_cancelled(people: People, counter: Counter) -> None:
    dossier = await by_card(people, (PHOTO,))
    old = await receipt(people, dossier)
    await counter.hears(example(dossiers.Stopped, step={"agency": AGENCY}, accepted=False), dossier.code, 2)
    await counter.refunds_come_to(dossier, "done")
    assert (await people.citizen(dossier, "GET", "/receipt")).status_code == 404
    checked = (await counter.http.get(local(old["page"]))).json()
    assert (checked["holds"], checked["ended"]) == (False, "cancelled")
    assert "bị hủy" in (await counter.http.get(local(old["page"]), headers=BROWSER)).text


async def test_there_is_no_receipt_before_it_is_paid(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    for path in ("/receipt", "/receipt.pdf", "/receipt?number=2026/00000001"):
        assert (await people.citizen(dossier, "GET", path)).status_code == 404
    assert (await people.citizen(dossier, "GET", "/receipts")).json() == []


async def test_papers_that_are_drawn_at_once_are_all_right(people: People, counter: Counter) -> None:
    """They are drawn in threads, and cut letters are shared by all."""
    dossiers_paid = [await counter.filed() for _ in range(4)]
    for dossier in dossiers_paid:
        await people.paid(dossier)
    read = await asyncio.gather(*(words(people, dossier) for dossier in dossiers_paid))
    assert [dossier.code in said for dossier, said in zip(dossiers_paid, read, strict=True)] == [True] * 4
    assert all("Nộp tại quầy" in said for said in read)


async def test_the_page_that_gateways_send_browsers_back_to_says_nothing(people: People, counter: Counter) -> None:
    page = await counter.http.get("/return/G09.20-20260609-0000001")
    assert (page.status_code, "Cảm ơn bạn" in page.text) == (200, True)
    assert "G09.20" not in page.text
