"""What went wrong in the one open-source system that was built for this, each as a claim about the real parts here.

Their order is that of the list in the design: payments, codes, double submission, outgoing work, notices, who has it, ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from chassis.calls import Calling
from chassis.clock import utc_now
from chassis.decider import Message
from chassis.errors import Unanswered
from chassis.identifiers import new_id
from contracts import dossiers, payments
from contracts.registry import EVENTS
from tests.counters import COUNTERS, Answer, Ask, Question, counting
from tests.database import Server as Postgres
from tests.integration.counters_desk import calls, left, until, wakes, work
from tests.integration.intake_desk import OFFICER, Desk, open_desk
from tests.integration.notifications_office import SECRET as RECEIPTS
from tests.integration.notifications_office import Office, eventually, settings_for, working
from tests.integration.payments_counter import AMOUNT, PAID, SECRET, Counter, open_counter
from tests.integration.sandbox_process import Server, free_port, running
from tests.integration.status_desk import running as status_running
from tests.issuer import Issuer, issuing
from tests.records import example

PORT = free_port()
REASON = "Giấy phép lái xe không thuộc tỉnh cấp."
MARKED = {"items": [{"path": "details.reason", "reason": "Không khớp với giấy phép"}]}
SUPPLIED = {"fields": {"details.reason": "hỏng"}}


@pytest.fixture
async def intake(shared_desk: Desk) -> Desk:
    await shared_desk.forgets()
    return shared_desk


@pytest.fixture
async def counter(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with open_counter(postgres_server, tmp_path_factory.mktemp("gateway")) as counter:
        yield counter


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
async def office(
    postgres_server: Postgres, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    told = {"SMS_TOKEN": "token", "SMS_RECEIPT_SECRET": RECEIPTS, "SMS_DELIVERY_SECONDS": "0.05"}
    told |= {"SMS_RECEIPT_URL": f"http://127.0.0.1:{PORT}/receipts/sms"}
    with running(Server("sms", tmp_path_factory.mktemp("sms"), told)) as carrier:
        settings = settings_for(await postgres_server.fresh("notifications"), issuer, PORT, sms_url=carrier.url)
        async with working(settings, issuer, utc_now) as office:
            yield office


async def _steps(intake: Desk, code: str) -> list[tuple[str, dict[str, Any]]]:
    """What was told of a dossier: the kind of each event and where it stood after it."""
    rows = [
        row for row in await intake.outbox() if (row["aggregatetype"], row["aggregateid"]) == (dossiers.TOPIC, code)
    ]
    return [(EVENTS[row["type"]].__name__, json.loads(row["payload"])["step"]) for row in rows]


async def test_1_a_callback_with_a_forged_signature_is_refused_and_settles_nothing(counter: Counter) -> None:
    dossier = await counter.filed()
    await counter.page(dossier)
    thing = {"object": "checkout.session", "id": "cs_forged", "metadata": {"dossier_code": dossier.code}}
    at, answers = int(time.time()), []
    told = {"id": "evt_forged", "created": at, "type": "checkout.session.completed", "data": {"object": thing}}
    body = json.dumps(told).encode()
    for secret in ("whsec_guessed", SECRET[:-1], ""):
        digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={at},v1={digest}"}
        answers.append(await counter.http.post("/webhooks/stripe", content=body, headers=headers))
    answers.append(await counter.http.post("/webhooks/stripe", content=body))
    assert [answer.status_code for answer in answers] == [400] * 4
    assert {answer.json()["code"] for answer in answers} == {"bad_signature"}
    assert (await counter.bill(dossier))["state"] == "in_checkout"
    assert await counter.names(dossier) == ["opened", "started"]


async def test_1_money_of_another_amount_settles_nothing_and_is_told_apart(counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("wrong_amount")
    await counter.pays(url)
    told = await counter.tells(dossier, "discrepancy-found")
    assert (told["expected"], told["found"], await counter.fired("wrong_amount")) == (AMOUNT, AMOUNT // 10, 1)
    assert "succeeded" not in await counter.names(dossier)


async def test_2_a_callback_that_comes_again_and_again_pays_once(counter: Counter) -> None:
    dossier = await counter.filed()
    url = await counter.page(dossier)
    await counter.arm("webhook_duplicated", times=3)
    await counter.pays(url)
    await counter.tells(dossier, "receipt-issued")
    copies = await counter.oddities("duplicate")
    await counter.settled(dossier)
    assert len(copies) == 3
    assert await counter.names(dossier) == ["opened", "started", "succeeded", "receipt-issued"]
    assert await counter.balances(dossier) == PAID


async def test_2_what_is_paid_is_not_stuck_however_often_that_is_told(intake: Desk) -> None:
    code = await intake.filed()
    for _ in range(3):
        await intake.hears(example(payments.Succeeded), code)
    assert await intake.count("parked") == 0
    assert [kind for kind, _ in await _steps(intake, code)] == ["Submitted", "FeesRequested", "FeesSettled"]
    accepted = await intake.decides(code, "accept")
    assert (accepted.status_code, accepted.json()["status"]) == (200, 2)


async def test_3_fifty_that_file_at_once_in_two_processes_get_fifty_numbers(intake: Desk) -> None:
    async with open_desk(intake.database, intake.provider) as other:
        answers = await asyncio.gather(*(desk.submits() for _ in range(25) for desk in (intake, other)))
    assert {answer.status_code for answer in answers} == {201}
    codes = [answer.json()["code"] for answer in answers]
    assert sorted(int(code.rsplit("-", 1)[1]) for code in codes) == list(range(1, 51))


async def test_4_a_code_neither_changes_nor_vanishes_with_a_supplement(intake: Desk) -> None:
    code = await intake.filed(paid=True)
    for what, body, who in (("request-supplement", MARKED, OFFICER), ("supplement", SUPPLIED, "anh")):
        answer = await intake.post(f"/dossiers/{code}/{what}", who, body)
        assert (answer.status_code, answer.json().get("code")) == (200, code), answer.text
    assert [row["code"] for row in await intake.pool.fetch("select code from dossier")] == [code]
    assert (await intake.get(f"/dossiers/{code}", "anh")).json()["form"]["details"]["reason"] == "hỏng"
    assert (await _steps(intake, code))[-1][0] == "Supplemented"
    assert (await intake.decides(code, "accept")).status_code == 200


async def test_5_a_form_that_is_sent_again_is_filed_once(intake: Desk) -> None:
    key = str(uuid4())
    answers = [await intake.submits(key=key), *await asyncio.gather(*(intake.submits(key=key) for _ in range(9)))]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (201, answers[0].json()["code"])
    ] * 10
    assert await intake.count("dossier") == 1


async def test_6_one_that_fails_is_tried_later_and_later_holds_up_no_other_and_nothing_is_sent_again(
    postgres_server: Postgres,
) -> None:
    """Outgoing work: ten are answered while one never is; it is asked again after pauses that grow, under its own id."""
    asked, begun = Tally[str](), list[float]()

    async def one_never_answers(question: Question, calling: Calling) -> Message:
        asked[question.counter] += 1
        if question.counter == "bad":
            begun.append(time.monotonic())
            raise Unanswered("the other side is away")
        return Answer(counter=question.counter, amount=1)

    names = ["bad", *(f"good {number}" for number in range(10))]
    async with counting(postgres_server, connections=16) as desk:
        for name in names:
            await work(desk).send(COUNTERS, name, Ask(counter=name, call=new_id()))
        worker = asyncio.create_task(calls(desk, one_never_answers).forever(wakes()))

        async def tried_thrice() -> bool:
            return bool(await desk.pool.fetchval("select tries >= 3 from call"))

        async def only_it_is_left() -> bool:
            return await left(desk, "call") == 1

        await until(only_it_is_left)
        await until(tried_thrice)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        pauses = [after - before for before, after in pairwise(begun)]
        assert (pauses[0] >= 0.5, pauses[1] >= 1.0) == (True, True), "half a second, one, two: later and later"
        assert {name: number for name, number in asked.items() if name != "bad"} == dict.fromkeys(names[1:], 1)
        assert await desk.totals() == {name: name != "bad" for name in names}


async def test_7_a_notice_that_was_sent_stays_with_what_became_of_it(office: Office) -> None:
    person, code = new_id(), "G09.20-20260609-0000071"
    await office.knows(person, phone="+84900000701")
    await office.filed(code, person)

    async def kept() -> dict[str, Any]:
        notices = await office.pool.fetch("select * from notice where dossier_code = $1 and channel = 'sms'", code)
        return {row["state"]: dict(row) for row in notices}

    async def told() -> bool:
        return "delivered" in [name for name, _ in await office.told(code, "notifications.v1")]

    await eventually(told)
    assert set(await kept()) == {"delivered"}, "it is there, with its end"
    notice = (await kept())["delivered"]
    assert notice["sent_at"] is not None
    assert notice["settled_at"] >= notice["sent_at"]
    tries = await office.pool.fetchval("select tries from sending where notice_id = $1", notice["notice_id"])
    assert tries == 1, "and each attempt is counted"


async def test_7_a_citizen_is_never_told_of_a_supplement_and_of_a_refusal_together(intake: Desk) -> None:
    """Once a supplement was asked for, the desk cannot refuse the dossier: one of the two is said, and said once."""
    code = await intake.filed(paid=True)
    mark = {"items": [{"path": "details.licence_number", "reason": "Không khớp với ảnh chụp giấy phép"}]}
    asked = await intake.post(f"/dossiers/{code}/request-supplement", OFFICER, mark)
    assert asked.status_code == 200, asked.text
    refused = await intake.decides(code, "refuse")
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    kinds = [kind for kind, _ in await _steps(intake, code)]
    assert (kinds.count("SupplementRequested"), kinds.count("Refused")) == (1, 0)


async def test_8_at_every_step_it_is_told_who_has_the_dossier_and_since_when(intake: Desk) -> None:
    code = await intake.journey()
    steps = await _steps(intake, code)
    assert len(steps) == 8
    for kind, step in steps:
        assert step["agency"], kind
        assert step["agency_name"], kind
        assert step["department"], kind
        assert step["since"], kind
        assert step["due"] or step["status"] in (9, 10), kind
        assert step["officer"] or kind in ("Submitted", "FeesRequested", "FeesSettled", "HandedOn"), kind
    since = [step["since"] for _, step in steps]
    assert since == sorted(since)
    assert len(set(since)) == 7, "each decision anew; filing and its fees are one"


async def test_9_a_refused_dossier_is_shown_closed_and_takes_nothing_more(
    intake: Desk, postgres_server: Postgres, issuer: Issuer
) -> None:
    code = await intake.filed(paid=True)
    assert (await intake.post(f"/dossiers/{code}/refuse", OFFICER, {"grounds": REASON})).status_code == 200
    for what in ("accept", "process", "complete", "return", "refuse"):
        answer = await intake.decides(code, what)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move"), what
    withdrawn = await intake.post(f"/dossiers/{code}/withdraw", "anh", {})
    assert withdrawn.status_code == 409
    shown = (await intake.get(f"/dossiers/{code}", "anh")).json()
    assert (shown["status"], shown["due"], shown["grounds"]) == (3, None, REASON)
    person = new_id()
    async with status_running(await postgres_server.fresh("status"), issuer) as public:
        rows = [row for row in await intake.outbox() if row["aggregatetype"] == dossiers.TOPIC]
        for number, row in enumerate(rows, 1):
            data = EVENTS[row["type"]].model_validate_json(row["payload"])
            if isinstance(data, dossiers.Submitted):
                data = data.model_copy(update={"person_id": person})
            await public.hears(data, number, code)
        seen = (await public.get(f"/dossiers/{code}", "citizen", person_id=str(person))).json()
        assert (seen["status"], seen["status_vi"], seen["due"]) == (3, "Không được tiếp nhận", None)
