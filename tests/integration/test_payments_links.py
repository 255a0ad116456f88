"""A link with which anybody pays: it says nothing of a person, nobody finds one by trying, and a phone shows it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from contracts import dossiers
from services.payments.links import Links
from tests.integration.payments_counter import AGENCY, AMOUNT, FEE, PHOTO, Counter, Dossier, eventually
from tests.integration.payments_people import ACCOUNT, BROWSER, PUBLIC, People
from tests.records import example


@pytest.fixture(scope="module")
def shared_counter(people: People) -> Counter:
    return people.counter


class Read(HTMLParser):
    """A page as a browser without scripts takes it: its words, its forms, its pictures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def link(people: People, dossier: Dossier) -> str:
    answer = await people.citizen(dossier, "POST", "/link")
    assert answer.status_code == 200, answer.text
    assert answer.json()["url"] == PUBLIC + answer.json()["path"]
    path: str = answer.json()["path"]
    return path


async def seen(counter: Counter, path: str) -> Read:
    answer = await counter.http.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), answer.text
    return Read(answer.text)


async def pressed(counter: Counter, path: str, **form: str) -> httpx.Response:
    return await counter.http.post(path, data=form, headers=BROWSER)


async def test_a_page_says_what_to_pay_until_when_and_where(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    page = await seen(counter, await link(people, dossier))
    for said in (
        dossier.code,
        "135.000 đồng",
        "115.000 đồng",
        "Lệ phí cấp đổi giấy phép lái xe",
        "Hạn nộp",
        "Chưa nộp",
    ):
        assert said in page.words
    offered = [each["value"] for each in page.all("input") if each.get("name") == "gateway"]
    assert offered == ["stripe", "vietqr", "national"]
    assert all(form["method"] == "post" for form in page.all("form"))


async def test_a_page_needs_no_script_and_loads_nothing_from_elsewhere(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    await pressed(counter, f"{path}/checkout", gateway="vietqr")
    answer = await counter.http.get(path, headers=BROWSER)
    page, policy = Read(answer.text), answer.headers["content-security-policy"]
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    assert all(str(picture["src"]).startswith("data:image/png") for picture in page.all("img"))
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"script-src|unsafe-eval|form-action[^;]* http:", policy)
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    assert any(each.get("name") == "viewport" for each in page.all("meta")), "a phone shows it at its own width"


async def test_a_link_says_nothing_of_whom_the_dossier_is(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    for accept in (BROWSER["Accept"], "application/json"):
        answer = await counter.http.get(path, headers={"Accept": accept})
        assert str(dossier.person) not in answer.text
        assert str(await people.bill_id(dossier)) not in answer.text
    assert {"person_id", "bill_id"}.isdisjoint(answer.json())


async def test_whoever_has_a_link_pays_by_card(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    sent = await pressed(counter, f"{path}/checkout", gateway="stripe")
    assert sent.status_code == 303
    assert await counter.pays(sent.headers["location"]) == 303
    await counter.comes_to(dossier, "paid")
    page = await seen(counter, path)
    assert "Đã nộp đủ" in page.words
    assert page.all("form") == []


async def test_no_gateway_and_no_officer_reads_the_link(people: People, counter: Counter) -> None:
    """Whoever has a link may pay with it: browsers come back to a page that is for everybody."""
    dossier = await counter.filed()
    path = await link(people, dossier)
    await pressed(counter, f"{path}/checkout", gateway="stripe")
    (session,) = await counter.sessions(dossier)
    assert session["success_url"].startswith(f"{PUBLIC}/return/{dossier.code}?")
    token = path.removeprefix("/pay/")
    assert token not in str(session)
    assert token not in (await people.officer(dossier, "GET", "")).text
    assert token not in (await people.operator("GET", f"/payments?dossier_code={dossier.code}")).text


async def test_why_a_fee_is_lower_is_told_by_no_link(people: People, counter: Counter) -> None:
    told = {"reason": "Hộ nghèo, con liệt sĩ", "rule_vi": "8.000 đồng một bản", "quantity": 3}
    dossier = await counter.filed(lines=(FEE | told, PHOTO))
    path = await link(people, dossier)
    view, page = await counter.http.get(path), await counter.http.get(path, headers=BROWSER)
    for answer in (view, page):
        assert "nghèo" not in answer.text
        assert "8.000 đồng một bản" not in answer.text
    assert {name for line in view.json()["fee_lines"] for name in line} == {
        "code", "kind", "name", "amount", "legal_basis",
    }  # fmt: skip


async def test_a_page_of_the_citizen_is_not_given_to_whoever_has_the_link(people: People, counter: Counter) -> None:
    """It may show who he is; whoever has the link may close it, and pay in another way."""
    dossier = await counter.filed()
    path = await link(people, dossier)
    begun = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"})
    url = begun.json()["url"]
    view, page = (await counter.http.get(path)).json(), await counter.http.get(path, headers=BROWSER)
    assert (view["state"], view["url"]) == ("in_checkout", None)
    assert url not in page.text
    assert "Một người khác" in page.text
    sent = await pressed(counter, f"{path}/checkout", gateway="stripe")
    assert (sent.status_code, url in sent.text) == (409, False)
    told = await counter.http.post(f"{path}/checkout", json={"gateway": "stripe"})
    assert (told.status_code, told.json()["code"], url in told.text) == (409, "page_of_another", False)
    assert (await pressed(counter, f"{path}/cancel")).status_code == 303
    await counter.comes_to(dossier, "open")
    assert (await pressed(counter, f"{path}/checkout", gateway="stripe")).status_code == 303


async def test_a_page_of_the_link_is_not_given_to_the_citizen_nor_to_officers(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    url = (await counter.http.post(f"{path}/checkout", json={"gateway": "stripe"})).json()["url"]
    assert (await counter.http.get(path)).json()["url"] == url
    assert (await people.citizen(dossier, "GET", "")).json()["checkout_url"] is None
    told = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"})
    assert (told.status_code, told.json()["code"], url in told.text) == (409, "page_of_another", False)
    assert (await people.citizen(dossier, "POST", "/checkout/cancel")).status_code in (200, 202)
    await counter.comes_to(dossier, "open")
    begun = await people.citizen(dossier, "POST", "/checkout", {"gateway": "stripe"})
    mine = (await people.citizen(dossier, "GET", "")).json()["checkout_url"]
    assert mine == begun.json()["url"] != url
    assert (await people.officer(dossier, "GET", "")).json()["checkout_url"] is None
    (found,) = (await people.operator("GET", f"/payments?dossier_code={dossier.code}")).json()["items"]
    assert found["bill"]["checkout_url"] is None


async def test_a_transfer_can_be_typed_from_the_page_where_no_picture_can_be_scanned(
    people: People, counter: Counter
) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    await pressed(counter, f"{path}/checkout", gateway="vietqr")
    page = await seen(counter, path)
    for said in (ACCOUNT["BANK_ACCOUNT"], "Ngân hàng thử nghiệm", "KHO BẠC NHÀ NƯỚC", str(AMOUNT), "phút"):
        assert said in page.words, said
    assert await people.code(dossier) in page.words


@pytest.mark.parametrize("kind", ["Application/JSON", "APPLICATION/json; charset=utf-8"])
async def test_a_media_type_is_the_same_in_any_case(people: People, counter: Counter, kind: str) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    answer = await counter.http.post(
        f"{path}/checkout", content=b'{"gateway": "vietqr"}', headers={"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["gateway"]) == (201, "vietqr")


@pytest.mark.parametrize("kind", ["text/json", "application/vnd.api+json", "multipart/form-data; boundary=x", ""])
async def test_another_media_type_begins_nothing(people: People, counter: Counter, kind: str) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    answer = await counter.http.post(
        f"{path}/checkout", content=b'{"gateway": "stripe"}', headers={"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert (await counter.bill(dossier))["state"] == "open"


@pytest.mark.parametrize("key", ["short", "k" * 256])
async def test_a_key_is_as_long_here_as_everywhere(people: People, counter: Counter, key: str) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    answer = await counter.http.post(f"{path}/checkout", json={"gateway": "stripe"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert (await counter.bill(dossier))["state"] == "open"


async def test_browsers_get_a_page_for_whatever_is_wrong(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    for wrong, status in (({"gateway": "x" * 200}, 422), ({"gateway": "\0"}, 422), ({"gateway": "paypal"}, 422)):
        answer = await pressed(counter, f"{path}/checkout", **wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), wrong
        assert any(each.get("role") == "alert" for each in Read(answer.text).all("div"))
    unread = await counter.http.post(
        f"{path}/checkout", content=b"\xff", headers=BROWSER | {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (unread.status_code, unread.headers["content-type"]) == (400, "text/html; charset=utf-8")
    longest = await counter.http.get(f"/pay/{'A' * 500}", headers=BROWSER)
    assert (longest.status_code, "Không tìm thấy" in longest.text) == (404, True)


async def test_whether_a_link_is_there_is_asked_without_reading_it(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    answer = await counter.http.head(await link(people, dossier))
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_picture_to_scan_stands_on_the_page_itself(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    sent = await pressed(counter, f"{path}/checkout", gateway="vietqr")
    assert (sent.status_code, sent.headers["location"]) == (303, path)
    page = await seen(counter, path)
    assert len(page.all("img")) == 1
    assert await people.code(dossier) in page.words
    (reloaded,) = (str(each["content"]) for each in page.all("meta") if each.get("http-equiv") == "refresh")
    assert int(reloaded.partition(";")[0]) >= 60, "it sees the payment by itself, and leaves time to scan and to copy"
    assert path in [each["href"] for each in page.all("a")], "whoever has paid looks again at once"


async def test_another_way_is_chosen_on_the_page(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    await pressed(counter, f"{path}/checkout", gateway="vietqr")
    assert (await pressed(counter, f"{path}/cancel")).status_code == 303
    page = await seen(counter, path)
    assert [each["value"] for each in page.all("input") if each.get("name") == "gateway"] != []


async def test_what_was_typed_wrong_is_told_on_the_page_and_an_id_is_never_sent_back(
    people: People, counter: Counter
) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    typed = {"gateway": "national", "name": "Nguyễn Văn An", "paper": "123", "address": "Thái Nguyên"}
    answer = await pressed(counter, f"{path}/checkout", **typed)
    page = Read(answer.text)
    assert answer.status_code == 422
    assert "12 chữ số" in page.words
    assert {each.get("value") for each in page.all("input")} >= {"Nguyễn Văn An", "Thái Nguyên"}
    assert "123" not in {each.get("value") for each in page.all("input")}
    nobody = (await pressed(counter, f"{path}/checkout", gateway="national")).text
    missing = re.findall(r"<li><strong>([^<]*)</strong>: Hãy điền mục này", nobody)
    assert missing == ["Họ và tên người nộp tiền", "Số định danh cá nhân (12 chữ số)", "Địa chỉ"]


async def test_programs_get_json(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    told = (await counter.http.get(path, headers={"Accept": "application/json"})).json()
    assert (told["state"], told["outstanding"], told["payable"]) == ("open", AMOUNT, True)
    key = {"Idempotency-Key": "key-of-a-program"}
    first = await counter.http.post(f"{path}/checkout", json={"gateway": "stripe"}, headers=key)
    again = await counter.http.post(f"{path}/checkout", json={"gateway": "stripe"}, headers=key)
    assert (first.status_code, first.json()) == (201, again.json())
    wrong = await counter.http.post(f"{path}/checkout", json={"gateway": "stripe", "amount": 1})
    assert wrong.status_code == 422


async def test_an_expired_and_a_void_bill_say_so(people: People, counter: Counter) -> None:
    expired, void = await counter.filed(days=1), await counter.filed()
    await counter.hears(example(dossiers.Stopped, step={"agency": AGENCY}), void.code, 2)
    counter.passes(days=1, minutes=1)
    await counter.comes_to(expired, "expired")
    assert "Đã hết hạn nộp" in (await seen(counter, await link(people, expired))).words
    assert "đã hủy" in (await seen(counter, await link(people, void))).words
    answer = await pressed(counter, f"{await link(people, void)}/checkout", gateway="stripe")
    assert (answer.status_code, Read(answer.text).all("form")) == (409, [])


async def test_money_that_does_not_fit_asks_nobody_to_pay_again(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    url = (await pressed(counter, f"{path}/checkout", gateway="stripe")).headers["location"]
    await counter.arm("wrong_amount")
    await counter.pays(url)
    await counter.comes_to(dossier, "discrepancy")
    assert "xin chưa nộp lại" in (await seen(counter, path)).words
    assert await counter.fired("wrong_amount") == 1


async def test_while_it_is_being_confirmed_the_page_says_so_and_reloads(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    await pressed(counter, f"{path}/checkout", gateway="stripe")
    page = await seen(counter, path)
    assert "đang được xác nhận" in page.words
    assert any(each.get("http-equiv") == "refresh" for each in page.all("meta"))


async def test_a_link_that_is_none_of_ours_is_unknown(people: People, counter: Counter) -> None:
    dossier, other = await counter.filed(), await counter.filed()
    token = (await link(people, dossier)).removeprefix("/pay/")
    stolen = Links("another-key-of-links", PUBLIC).to_pay(await people.bill_id(dossier))
    nobody = Links("key-of-links-in-tests", PUBLIC).to_pay(other.person)
    for wrong in (stolen, nobody, token[:-1], token + "A", token + "=", token.swapcase(), "x", "é" * 43, "A" * 43):
        for method, path in (("GET", ""), ("POST", "/checkout"), ("POST", "/cancel")):
            page = await counter.http.request(method, f"/pay/{wrong}{path}", headers=BROWSER)
            assert (page.status_code, "Không tìm thấy" in page.text) == (404, True), wrong
            told = await counter.http.request(method, f"/pay/{wrong}{path}")
            assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")
    assert (await counter.bill(dossier))["attempt"] is None


async def test_a_payment_at_the_last_moment_through_a_link_is_shown(people: People, counter: Counter) -> None:
    dossier = await counter.filed()
    path = await link(people, dossier)
    url = (await pressed(counter, f"{path}/checkout", gateway="stripe")).headers["location"]
    await counter.pays(url)

    async def shown() -> bool:
        return "Đã nộp đủ" in (await seen(counter, path)).words

    assert await eventually(shown)
