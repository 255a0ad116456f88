"""What a dossier's way leaves behind: its papers, its notices, its timeline and its trace, each as it must be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from motcua import trace
from motcua.actors import Actor
from motcua.walk import SERVICES, Journey, must, until_status

SETTLED = {"sms": "delivered", "email": "sent"}


def papers(journey: Journey, citizen: Actor) -> None:
    """The citizen's folder has the receipt, the request for a supplement, the control slip and the result, as PDF."""
    journey.papers = citizen.ask("GET", "intake", f"/dossiers/{journey.code}/files")
    forms = {each["form"] for each in journey.papers if each["form"]}
    must({"01", "02", "06"} <= forms, "thiếu giấy tờ", f"papers are missing: there are {sorted(forms)}")
    for each in journey.papers:
        answer = citizen.send("GET", "intake", each["href"])
        must(
            answer.status_code == 200 and answer.content.startswith(b"%PDF"),
            f"không mở được {each['title']}",
            f"cannot be opened: {each['href']} {answer.status_code}",
        )
    journey.say(f"✓ {len(journey.papers)} tệp trong hồ sơ, mẫu {', '.join(sorted(forms))} · files and papers")


def timeline(journey: Journey, citizen: Actor, status: int) -> None:
    """The projection has caught up, also with the notices, and says at every step who has the dossier."""
    told = {each["channel"]: 0 for each in journey.messages}
    for each in journey.messages:
        told[each["channel"]] += 1

    def whole() -> dict[str, Any] | None:
        view = until_status(journey, citizen, status)
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
        wanted = {"returned", "completed", "accepted", "supplement-requested"}
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
