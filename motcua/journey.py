"""One dossier's way, walked as a citizen, an officer and the gateway's page would; each step checks what it got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motcua.actors import DECLINED, GOOD, Actor, Browser, licence_form, new_key, result_file
from motcua.kept import messages, one_trace, papers, timeline
from motcua.walk import FEE, Journey, dong, local, must, until_status, until_told


def full_journey(journey: Journey) -> None:
    """From a wrong form to the returned result: declined once, paid, accepted, photographed, supplemented, returned."""
    citizen, officer, handler = map(journey.actor, ("anh", "lan.motcua", "son.banglai"))
    wrong_form(journey, citizen)
    file(journey, citizen, "anh")
    pay(journey, citizen, cards=(DECLINED, GOOD))
    decide(journey, officer, "accept", {}, 2)
    appointment(journey, citizen, officer)
    decide(journey, handler, "process", {}, 4)
    supplement(journey, citizen, handler)
    decide(journey, handler, "hand-on", {"note": "Dữ liệu đã xác minh, ảnh đã chụp."}, 4)
    complete(journey, handler)
    decide(journey, officer, "return", {"delivery": "tại quầy"}, 10)
    papers(journey, citizen)
    messages(journey, citizen)
    timeline(journey, citizen, 10)
    one_trace(journey)


def refused_journey(journey: Journey) -> None:
    """A paid dossier that the officer does not take in: the fee goes back."""
    citizen, officer = map(journey.actor, ("khoi", "lan.motcua"))
    file(journey, citizen, "khoi")
    pay(journey, citizen, cards=(GOOD,))
    grounds = "Giấy phép lái xe do tỉnh khác quản lý, đề nghị nộp tại nơi quản lý."
    decide(journey, officer, "refuse", {"grounds": grounds}, 3)
    path = f"/dossiers/{journey.code}/bill"

    def refunded() -> Any | None:
        bill = citizen.find("payments", path)
        return bill if bill and bill["state"] == "refunded" else None

    bill = journey.http.until("hoàn phí · the refund", refunded)
    must(bill["refunded_amount"] == FEE, "số tiền hoàn không đúng", "the wrong amount was refunded")
    timeline(journey, citizen, 3)
    must(journey.view["grounds"] == grounds, "thiếu lý do không tiếp nhận", "the grounds are missing")
    journey.say(f"↩ {journey.code}: không tiếp nhận, hoàn {dong(FEE)} · refused and refunded")


def wrong_form(journey: Journey, citizen: Actor) -> None:
    """Every error of a wrong form comes at once."""
    form = licence_form("anh")
    form["applicant"] |= {"citizen_id": "019085004217", "birth_date": "2090-02-31", "phone": "0123"}
    form["details"] = {"licence_number": "12", "licence_class": "Z", "colour": "red"}
    answer = citizen.send("POST", "intake", "/dossiers", json=form, headers={"Idempotency-Key": new_key()})
    must(answer.status_code == 422, "biểu mẫu sai mà không bị từ chối", "a wrong form was not refused")
    journey.form_errors = answer.json()["errors"]
    places = {error["path"] for error in journey.form_errors}
    expected = {"applicant.birth_date", "applicant.phone", "details.licence_number", "details.reason"}
    must(expected <= places, "thiếu lỗi của biểu mẫu", f"errors are missing: {expected - places}")
    journey.say(f"✗ biểu mẫu sai: {len(places)} lỗi được báo cùng lúc · every error at once")


def file(journey: Journey, citizen: Actor, username: str) -> None:
    """File the form, twice with one key as an impatient citizen does: one dossier."""
    key, form = {"Idempotency-Key": new_key()}, licence_form(username)
    first = citizen.ask("POST", "intake", "/dossiers", json=form, headers=key)
    again = citizen.ask("POST", "intake", "/dossiers", json=form, headers=key)
    must(first == again, "gửi lại thành hai hồ sơ", "the same request made two dossiers")
    must(first["fee_total"] == FEE, "phí không đúng", f"the fee is {first['fee_total']}")
    journey.code = first["code"]
    journey.say(f"✓ hồ sơ {journey.code}, phí {dong(FEE)} · filed")


def pay(journey: Journey, citizen: Actor, cards: Sequence[str]) -> None:
    """Pay on the gateway's page with one card after the other, until the money is in and the receipt numbered."""
    path = f"/dossiers/{journey.code}/bill"
    bill = journey.http.until("khoản phí · the bill", lambda: citizen.find("payments", path))
    payment = f"/payments/{bill['bill_id']}"

    def page() -> str | None:
        url: str | None = citizen.ask("POST", "payments", f"{payment}/checkout")["url"]
        return url

    url = journey.http.until("trang thanh toán · the gateway's page", page)
    for card in cards:
        outcome = Browser(journey.http).pay(url, card)
        wanted = "declined" if card == DECLINED else "paid"
        must(outcome == wanted, "thẻ không được xử lý đúng", f"card {card[-4:]} was {outcome}")
        text = "thẻ bị từ chối · declined" if outcome == "declined" else "đã trả tiền · paid"
        journey.say(f"{'✗' if outcome == 'declined' else '✓'} thẻ …{card[-4:]}: {text}")
        if outcome == "declined":
            until_told(journey, citizen, "vn.motcua.payment.failed.v1")
    citizen.ask("POST", "payments", f"{payment}/refresh")
    journey.receipt = journey.http.until(
        "biên lai · the receipt", lambda: citizen.find("payments", f"{payment}/receipt")
    )
    must(journey.receipt["amount"] == FEE, "biên lai sai số tiền", "the receipt's amount is wrong")
    journey.say(f"✓ biên lai {journey.receipt['number']} · receipt")
    until_status(journey, citizen, 1)


def decide(journey: Journey, officer: Actor, what: str, body: dict[str, Any], status: int) -> None:
    """An officer's decision; when its answer was lost, the dossier itself tells that it was made."""
    path = f"/dossiers/{journey.code}"
    answer = officer.send("POST", "intake", f"{path}/{what}", json=body)
    found = officer.ask("GET", "intake", path)
    must(found["status"] == status, f"{what} không được", f"{what}: {answer.status_code} {answer.text[:200]}")
    journey.say(f"✓ {found['status_name']} · {what}: {found['department']}, {found['officer']}")


def supplement(journey: Journey, citizen: Actor, handler: Actor) -> None:
    """The officer marks what is wrong and the clock stands; the citizen puts it right and it runs on."""
    path = f"/dossiers/{journey.code}"
    promised = citizen.ask("GET", "intake", path)["result_due"]
    mark = {"path": "details.licence_number", "reason": "Không khớp với ảnh giấy phép."}
    decide(journey, handler, "request-supplement", {"items": [mark]}, 5)
    must(citizen.ask("GET", "intake", path)["result_due"] is None, "thời hạn vẫn chạy", "the clock did not stop")
    number = {"fields": {"details.licence_number": "010190012346"}}
    citizen.send("POST", "intake", f"{path}/supplement", json=number)
    found = citizen.ask("GET", "intake", path)
    must(found["status"] == 4, "bổ sung không được", f"the supplement was not taken: {found['status']}")
    typed = found["form"]["details"]["licence_number"]
    must(typed == number["fields"]["details.licence_number"], "số chưa được sửa", f"the number is still {typed}")
    must(found["result_due"] >= promised, "ngày hẹn sai", "the promised date came nearer")
    journey.say(f"✓ bổ sung {mark['path']}, hẹn trả {local(found['result_due'])} · supplemented, the clock runs on")


def complete(journey: Journey, handler: Actor) -> None:
    """The result's document first, then the result itself."""
    number = "010190012345"
    pdf = {"content": result_file(number), "headers": {"Content-Type": "application/pdf"}}
    document = handler.ask("POST", "intake", "/documents?name=ket-qua.pdf", **pdf)
    decide(journey, handler, "complete", {"result_number": number, "document_id": document["id"]}, 9)


def appointment(journey: Journey, citizen: Actor, officer: Actor) -> None:
    """The citizen gets a time and a calendar file; the officer sees them come."""
    path = f"/dossiers/{journey.code}/appointment"

    def booked() -> Any | None:
        found = citizen.find("notifications", path)
        return found if found and found["state"] in ("booked", "attended") else None

    found = journey.http.until("lịch hẹn · the appointment", booked)
    journey.calendar = citizen.ask("GET", "notifications", f"{path}.ics")
    must("BEGIN:VEVENT" in journey.calendar, "tệp lịch không đúng", "the calendar file is not one")
    journey.say(f"✓ lịch hẹn {local(found['starts_at'])} · {found['place']}")
    attended = officer.ask("POST", "notifications", f"{path}/attended")
    must(attended["state"] == "attended", "không ghi nhận được người đến", "attendance was not noted")
