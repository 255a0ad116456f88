"""One dossier's way, walked as a citizen, an officer and the gateway's page would; each step checks what it got."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from deploy.local.layout import Layout
from motcua import trace
from motcua.actors import DECLINED, GOOD, Actor, Browser, licence_form, new_key
from motcua.patient import JourneyError, Patient

FEE = 135_000
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
SETTLED = {"sms": "delivered", "email": "sent"}
SERVICES = {"intake", "payments", "notifications", "status"}

Say = Callable[[str], None]


def dong(amount: int) -> str:
    """An amount as people in Vietnam write it."""
    return f"{amount:,} ₫".replace(",", ".")


def local(moment: str) -> str:
    """A moment of the API as people in Vietnam read it."""
    return f"{datetime.fromisoformat(moment).astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def must(true: object, vi: str, en: str) -> None:
    """Raises JourneyError when something is not as it must be."""
    if not true:
        raise JourneyError(f"{vi} · {en}")


@dataclass
class Journey:
    """What a walk has brought so far."""

    layout: Layout
    http: Patient
    say: Say
    code: str = ""
    form_errors: list[dict[str, str]] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    view: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calendar: str = ""
    spans: Sequence[trace.Span] = ()

    def actor(self, username: str) -> Actor:
        return Actor(self.layout, self.http, username)


def full_journey(journey: Journey) -> None:
    """From a wrong form to the returned result: declined once, paid, accepted, photographed, completed, returned."""
    citizen, officer, handler = map(journey.actor, ("anh", "lan.motcua", "son.banglai"))
    wrong_form(journey, citizen)
    file(journey, citizen, "anh")
    pay(journey, citizen, cards=(DECLINED, GOOD))
    decide(journey, officer, "accept", {}, 2)
    appointment(journey, citizen, officer)
    decide(journey, handler, "process", {}, 4)
    decide(journey, handler, "complete", {"result_number": "010190012345"}, 9)
    decide(journey, officer, "return", {"delivery": "tại quầy"}, 10)
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
            _until_told(journey, citizen, "vn.motcua.payment.failed.v1")
    citizen.ask("POST", "payments", f"{payment}/refresh")
    journey.receipt = journey.http.until(
        "biên lai · the receipt", lambda: citizen.find("payments", f"{payment}/receipt")
    )
    must(journey.receipt["amount"] == FEE, "biên lai sai số tiền", "the receipt's amount is wrong")
    journey.say(f"✓ biên lai {journey.receipt['number']} · receipt")
    _until_status(journey, citizen, 1)


def decide(journey: Journey, officer: Actor, what: str, body: dict[str, Any], status: int) -> None:
    """An officer's decision; when its answer was lost, the dossier itself tells that it was made."""
    path = f"/dossiers/{journey.code}"
    answer = officer.send("POST", "intake", f"{path}/{what}", json=body)
    found = officer.ask("GET", "intake", path)
    must(found["status"] == status, f"{what} không được", f"{what}: {answer.status_code} {answer.text[:200]}")
    journey.say(f"✓ {found['status_name']} · {what}: {found['department']}, {found['officer']}")


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


def timeline(journey: Journey, citizen: Actor, status: int) -> None:
    """The projection has caught up, also with the notices, and says at every step who has the dossier."""
    told = {each["channel"]: 0 for each in journey.messages}
    for each in journey.messages:
        told[each["channel"]] += 1

    def whole() -> dict[str, Any] | None:
        view = _until_status(journey, citizen, status)
        settled = [each["channel"] for each in view["delivery"]["notices"] if each["state"] == SETTLED[each["channel"]]]
        return view if all(settled.count(channel) >= count for channel, count in told.items()) else None

    journey.view = journey.http.until("dòng thời gian đầy đủ · the whole timeline", whole)
    lines = journey.view["timeline"]
    must(
        all(line["officer"] or line["department"] for line in lines if line["status"]),
        "thiếu người xử lý",
        "nobody has it",
    )
    journey.say(f"✓ {len(lines)} bước trên dòng thời gian · steps in the timeline")


def messages(journey: Journey, citizen: Actor) -> None:
    """Every notice reached the citizen, and the carrier and the mail box show the same texts."""
    path = f"/dossiers/{journey.code}/messages"

    def delivered() -> list[dict[str, Any]] | None:
        found = citizen.ask("GET", "notifications", path)["messages"]
        wanted = {"returned", "completed", "accepted"}
        here = {each["step"] for each in found}
        ready = found and all(each["state"] == SETTLED[each["channel"]] for each in found)
        return found if ready and any(word in step for word in wanted for step in here) else None

    journey.messages = journey.http.until("tin nhắn · the notices", delivered)
    steps = [(each["step"], each["channel"]) for each in journey.messages]
    must(len(steps) == len(set(steps)), "có thông báo bị gửi hai lần", "a notice was sent twice")
    on_phone = journey.http.send("GET", f"{journey.layout.url('sms')}/_control/messages").json()["messages"]
    texts = [each["text"] for each in on_phone]
    ours = [each for each in journey.messages if each["channel"] == "sms"]
    must(ours, "không có tin nhắn SMS nào", "there is no SMS")
    must(all(texts.count(each["text"]) == 1 for each in ours), "điện thoại nhận sai", "the phone shows something else")
    journey.say(f"✓ {len(ours)} SMS, {len(journey.messages) - len(ours)} thư · notices")


def one_trace(journey: Journey) -> None:
    """One tree, with spans of all services, from the form's POST on."""
    store = journey.layout.url("traces")

    def whole() -> Sequence[trace.Span] | None:
        before = journey.spans
        try:
            journey.spans = trace.fetch(store, journey.code)[0]
        except trace.TraceError:
            return None
        # Spans arrive in batches: it is whole when nothing more has come for a moment.
        time.sleep(0.5)
        complete = {span.service for span in journey.spans} >= SERVICES and len(before) == len(journey.spans)
        return journey.spans if complete else None

    journey.spans = journey.http.until("dấu vết của cả bốn dịch vụ · spans of all four services", whole)
    roots = [span for span in journey.spans if span.parent_id is None]
    must(len(roots) == 1, "dấu vết không có đúng một gốc", f"the trace has {len(roots)} roots")
    journey.say(f"✓ một dấu vết, {len(journey.spans)} chặng · one trace")


def _until_status(journey: Journey, citizen: Actor, status: int) -> dict[str, Any]:
    def there() -> dict[str, Any] | None:
        view: dict[str, Any] | None = citizen.find("status", f"/dossiers/{journey.code}")
        return view if view and view["status"] == status else None

    return journey.http.until(f"trạng thái {status} · status {status}", there)


def _until_told(journey: Journey, citizen: Actor, event: str) -> None:
    """The timeline tells of this event."""

    def there() -> bool | None:
        view = citizen.find("status", f"/dossiers/{journey.code}")
        return True if view and any(line["type"] == event for line in view["timeline"]) else None

    journey.http.until(event, there)
