"""The bank as a process: what it keeps over kill -9, and its notices: signed, tried again, lost, doubled, out of order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.clock import utc_now
from chassis.errors import Refusal
from chassis.identifiers import new_id
from services.payments.adapters.vietqr import VietQr, client
from services.payments.adapters.vietqr_api import PAGE_LINES
from services.payments.domain.codes import payment_code, payment_codes_in
from tests.integration.sandbox_process import Server, Sink, eventually, running
from tests.unit.sandbox.bank_client import ACCOUNT, BIN, KEY, OWNER, SECRET

MANY = 100_000


@dataclass
class Bank:
    """The process, who hears its notices, and payers."""

    server: Server
    sink: Sink
    http: httpx.Client

    def transfer(self, http: httpx.Client | None = None, **changes: str) -> httpx.Response:
        typed = {"bin": BIN, "account": ACCOUNT, "amount": "135000", "purpose": "MC THU", "payer": "an"}
        return (http or self.http).post("/app/transfers", data=typed | changes)

    def lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/v1/statement?limit=1000")["lines"]
        return found

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path, headers=OWNER)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def told(self) -> list[dict[str, Any]]:
        """The notices received, every delivery, in the order of arrival."""
        return [json.loads(body) for _, body in list(self.sink.received)]

    def states(self) -> list[str]:
        return [notice["state"] for notice in self.get("/_control/notices")["notices"]]

    def settled(self) -> list[str]:
        """The states of all notices once none is pending."""
        return eventually(lambda: states if "pending" not in (states := self.states()) else [])


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    sink = Sink()
    with sink.listening() as url:
        told = {
            "BANK_KEY": KEY, "BANK_BIN": BIN, "BANK_ACCOUNT": ACCOUNT, "BANK_WEBHOOK_URL": url,
            "BANK_WEBHOOK_SECRET": SECRET, "BANK_RETRY_SECONDS": "0.1", "BANK_SETTLE_SECONDS": "0.3",
        }  # fmt: skip
        with (
            running(Server("bank", tmp_path, told)) as server,
            httpx.Client(base_url=server.url, verify=False, timeout=60) as http,
        ):
            yield Bank(server, sink, http)


def adapter(bank: Bank) -> VietQr:
    return VietQr(client(bank.server.url, KEY), [SECRET], BIN, ACCOUNT)


def genuine(headers: Any, body: bytes) -> bool:
    port = VietQr(client("http://127.0.0.1:9", KEY), [SECRET], BIN, ACCOUNT)
    try:
        port.hear(body, headers, utc_now())
    except Refusal:
        return False
    return True


def test_a_kill_in_the_middle_of_many_transfers_loses_none_that_was_answered(bank: Bank) -> None:
    answered: list[str] = []

    def pay(person: int) -> None:
        with httpx.Client(base_url=bank.server.url, verify=False, timeout=30) as http:
            try:
                for number in range(10_000):
                    token = f"{person:016x}{number:016x}"
                    if bank.transfer(http, token=token, purpose=token).status_code == 303:
                        answered.append(token)
            except httpx.TransportError:
                return

    people = [threading.Thread(target=pay, args=(each,)) for each in range(4)]
    for person in people:
        person.start()
    eventually(lambda: len(answered) > 100)
    bank.server.kill()
    for person in people:
        person.join()
    bank.server.start()
    transfers = {each["token"] for each in bank.get("/_control/transfers")["transfers"]}
    assert set(answered) <= transfers
    assert len(transfers) <= len(answered) + len(people)
    (total,) = bank.get("/_control/lines")["totals"]
    assert total["lines"] == len(transfers)
    bank.settled()
    assert {each["data"]["line"]["id"] for each in bank.told()} == {line["id"] for line in bank.lines()}


def test_notices_are_signed_anew_and_tried_until_accepted_over_a_kill(bank: Bank) -> None:
    bank.sink.status = 500
    bank.transfer()
    eventually(lambda: len(bank.sink.received) >= 3)
    bank.server.kill()
    bank.server.start()
    seen = len(bank.sink.received)
    eventually(lambda: len(bank.sink.received) > seen)
    bank.sink.status = 204
    assert bank.settled() == ["delivered"]
    assert all(genuine(*delivery) for delivery in bank.sink.received)
    assert len({notice["id"] for notice in bank.told()}) == 1


def test_a_return_that_was_taken_is_settled_after_a_kill(bank: Bank) -> None:
    bank.transfer()
    body = {"reference": "reference-1", "line": bank.lines()[0]["id"], "amount": "35000"}
    assert bank.http.post("/v1/returns", json=body, headers=OWNER).status_code == 201
    bank.server.kill()
    bank.server.start()
    eventually(lambda: bank.get("/v1/returns/reference-1")["status"] == "done")
    assert [line["amount"] for line in bank.lines()] == ["135000", "35000"]
    assert bank.http.post("/v1/returns", json=body, headers=OWNER).status_code == 200
    bank.settled()
    # What was under way when it was killed comes again, under the same id.
    told = {notice["id"]: notice["type"] for notice in bank.told()}
    assert sorted(told.values()) == ["line.credited", "return.done"]


def test_a_lost_notice_is_never_sent_and_a_doubled_one_is_the_same_event(bank: Bank) -> None:
    bank.server.arm("notice_lost")
    bank.transfer(amount="1")
    bank.server.arm("notice_duplicated")
    bank.transfer(amount="2")
    assert sorted(bank.settled()) == ["delivered", "delivered", "lost"]
    assert [notice["data"]["line"]["amount"] for notice in bank.told()] == ["2", "2"]
    assert len({notice["id"] for notice in bank.told()}) == 1
    assert (bank.server.fired("notice_lost"), bank.server.fired("notice_duplicated")) == (1, 1)


def test_copies_that_are_forged_unsigned_or_old_come_beside_the_true_notice(bank: Bank) -> None:
    for fault in ("notice_forged", "notice_unsigned", "notice_stale"):
        bank.server.arm(fault)
    bank.sink.status = 400
    bank.transfer()
    eventually(lambda: bank.states().count("refused") == 3)
    bank.sink.status = 200
    assert sorted(bank.settled()) == ["delivered", "refused", "refused", "refused"]
    good = [json.loads(body) for headers, body in bank.sink.received if genuine(headers, body)]
    bad = [json.loads(body) for headers, body in bank.sink.received if not genuine(headers, body)]
    assert {each["data"]["line"]["amount"] for each in good} == {"135000"}
    assert sorted(each["data"]["line"]["amount"] for each in bad) == ["135000", "135000", "1350000"]


def test_a_notice_may_come_before_the_answer_and_after_a_later_one(bank: Bank) -> None:
    bank.server.arm("notice_before_response")
    bank.transfer(amount="1")
    assert [notice["data"]["line"]["amount"] for notice in bank.told()] == ["1"]
    body = {"reference": "reference-1", "line": bank.lines()[0]["id"], "amount": "1"}
    bank.server.arm("notice_before_response")
    answer = bank.http.post("/v1/returns", json=body, headers=OWNER)
    assert (answer.status_code, answer.json()["status"]) == (201, "done")
    assert [notice["type"] for notice in bank.told()] == ["line.credited", "return.done"]
    bank.server.arm("notice_reordered")
    bank.transfer(amount="2")
    bank.transfer(amount="3")
    bank.settled()
    assert [notice["data"]["line"]["amount"] for notice in bank.told()[2:]] == ["3", "2"]


def test_an_event_that_nobody_knows_is_truly_signed(bank: Bank) -> None:
    bank.server.arm("unknown_event")
    bank.transfer()
    bank.settled()
    assert sorted(notice["type"] for notice in bank.told()) == ["line.credited", "sandbox.unheard_of"]
    assert all(genuine(*delivery) for delivery in bank.sink.received)


async def test_a_day_of_a_hundred_thousand_lines_is_read_whole_and_each_once(bank: Bank) -> None:
    day, code = datetime(2026, 11, 1, tzinfo=UTC), payment_code(new_id())
    asked = {"count": MANY, "amount": 135_000, "purpose": code, "at": day.isoformat(), "seconds": 86_400}
    assert bank.http.post("/_control/lines", json=asked).status_code == 201
    lines: set[str] = set()
    async for page in adapter(bank).movements(day, day + timedelta(days=1), ()):
        assert len(page) <= PAGE_LINES
        lines |= {each.line for each in page}
        assert {each.payment_code for each in page} == {code}
    assert len(lines) == MANY
    found = bank.get(f"/v1/transactions?purpose={code}")["lines"]
    assert payment_codes_in(found[0]["purpose"]) == [code]
