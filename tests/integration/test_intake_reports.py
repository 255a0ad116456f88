"""Agencies' own systems report to intake, by Kafka's records and over HTTP, on a real database."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic_core import from_json

from chassis.consumer import Consumer
from chassis.envelope import headers_of
from chassis.identifiers import new_id
from chassis.parking import Record
from contracts import agency_answers
from contracts import agency_reports as said
from contracts.agency_reports import Report
from services.intake.domain.signature import HEADER, sign
from services.intake.reporting import AnswerForgetter
from tests.consuming import consumer_of, drainer_of
from tests.database import Server as Postgres
from tests.integration.intake_desk import AGENCY_SYSTEM, OFFICER, OTHER_SYSTEM, Desk, open_desk
from tests.integration.sandbox_process import Server
from tests.records import raw
from tests.waiting import kept_open

AGENCY, SECRET, NEW_SECRET = "G09.20", "s" * 40, "n" * 40
OTHER, OTHER_SECRET = "H55.31", "o" * 40
SOURCE = "https://gplx.example.vn"
_OFFSETS = itertools.count(1_000_000)


@pytest.fixture(scope="module")
async def shared_desk(postgres_server: Postgres, provider: Server) -> AsyncIterator[Desk]:
    keys = {AGENCY: [SECRET, NEW_SECRET], OTHER: [OTHER_SECRET]}
    async with open_desk(await postgres_server.fresh("intake"), provider, agency_keys=keys) as desk:
        yield desk


def report(kind: type[Report], number: str | None = None, agency: str = AGENCY, **more: Any) -> Any:
    usual: dict[type[Report], dict[str, Any]] = {
        said.SupplementRequested: {
            "items": [{"kind": "field", "path": "details.reason", "name": "?", "reason": "Không đúng lý do"}]
        },
        said.Completed: {"result_number": "010190012345", "document_id": str(uuid4())},
        said.ResultReturned: {"delivery": "desk"},
    }
    told = {"agency": agency, "report_id": number or str(uuid4()), "at": datetime.now(UTC).isoformat()}
    return kind.model_validate(told | usual.get(kind, {}) | more)


def record(
    sent: Report,
    code: str,
    secret: str | None = SECRET,
    event_id: UUID | None = None,
    source: str = SOURCE,
    value: bytes | None = None,
) -> Record:
    """As the agency's system would write it; without a secret it is not signed."""
    headers = headers_of(event_id or new_id(), sent.TYPE, source, code, 1, datetime.now(UTC), None, False)
    content = value if value is not None else sent.model_dump_json().encode()
    if secret is not None:
        headers[HEADER] = sign(secret.encode(), headers, content)
    coded = [(name, each.encode()) for name, each in headers.items()]
    return raw(said.TOPIC, next(_OFFSETS), code.encode(), content, coded)


def consumer(desk: Desk) -> Consumer:
    (fold,) = (fold for fold in desk.service.consumes if fold.topic == said.TOPIC)
    return consumer_of(fold, desk.pool)


async def heard(desk: Desk, *records: Record) -> list[dict[str, Any]]:
    """The answers on agency-answers.v1 to these records, in order; none of them is parked."""
    before = await desk.count("outbox")
    await consumer(desk).take(records)
    assert await desk.count("parked") == 0
    rows = (await desk.outbox())[before:]
    return [_answer(row) for row in rows if row["aggregatetype"] == agency_answers.TOPIC]


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return dict(from_json(row["payload"])) | {"taken": row["type"] == agency_answers.ReportTaken.TYPE}


async def told(
    desk: Desk, sent: Report, dossier: str, who: str = AGENCY_SYSTEM, key: str | None = None, **more: Any
) -> httpx.Response:
    """The same over HTTP."""
    body = {"type": sent.TYPE.split(".")[-2], "dossier": dossier, **sent.model_dump(mode="json"), **more}
    return await desk.post("/agency-reports", who, body, **{"Idempotency-Key": key or str(uuid4())})


async def answers(desk: Desk, who: str = AGENCY_SYSTEM, query: str = "") -> dict[str, Any]:
    found = await desk.get(f"/agency-reports{query}", who)
    assert found.status_code == 200, found.text
    return dict(found.json())


async def status_of(desk: Desk, code: str) -> int:
    return int((await desk.get(f"/dossiers/{code}", "anh")).json()["status"])


# By Kafka


async def test_one_batch_brings_a_dossier_from_the_desk_to_its_returned_result(desk: Desk) -> None:
    """With the document that the agency's system has uploaded, which is kept from then on."""
    code, document = await desk.filed(paid=True), await desk.uploaded(AGENCY_SYSTEM)
    sent = [
        report(said.Accepted, external_id="GPLX-1"),
        report(said.Processing, department="Phòng CSGT", officer="Lê Thị Hồng Nhung"),
        report(said.Completed, document_id=document),
        report(said.ResultReturned),
    ]
    found = await heard(desk, *(record(each, code) for each in sent))
    assert [(each["taken"], each["status"]) for each in found] == [(True, 2), (True, 4), (True, 9), (True, 10)]
    assert [each["report_id"] for each in found] == [each.report_id for each in sent]
    assert await desk.pool.fetchval("select attached from document where id = $1", UUID(document))
    lines = (await desk.get(f"/dossiers/{code}/journal", OFFICER)).json()["lines"]
    assert {line["role"] for line in lines if line["kind"] in ("accepted", "completed")} == {"agency-system"}


@pytest.mark.parametrize(
    ("secret", "agency", "source", "reason"),
    [
        (None, AGENCY, SOURCE, "bad_signature"),
        ("wrong" * 8, AGENCY, SOURCE, "bad_signature"),
        (OTHER_SECRET, AGENCY, SOURCE, "bad_signature"),
        (SECRET, AGENCY, "/motcua/intake", "bad_signature"),
        (SECRET, "G99.99", SOURCE, "unknown_agency"),
    ],
)
async def test_a_report_that_its_agency_did_not_sign_is_rejected(
    desk: Desk, secret: str | None, agency: str, source: str, reason: str
) -> None:
    code = await desk.filed(paid=True)
    forged = record(report(said.Accepted, agency=agency), code, secret, source=source)
    (answer,) = await heard(desk, forged)
    assert (answer["taken"], answer["code"]) == (False, reason)
    assert await status_of(desk, code) == 1


async def test_a_signature_holds_for_no_other_dossier_no_other_event_and_no_other_words(desk: Desk) -> None:
    code, other = await desk.filed(paid=True), await desk.filed(paid=True)
    good = record(report(said.Accepted), code)

    def with_header(name: str, value: str) -> Record:
        told = [(each, value.encode() if each == name else was) for each, was in good.headers]
        return raw(said.TOPIC, next(_OFFSETS), good.key, good.value, told)

    # Another source would be another event to the inbox: so the source is signed too.
    copies = [with_header("ce_subject", other), with_header("ce_id", str(new_id()))]
    copies.append(with_header("ce_source", "https://replay.example"))
    copies.append(raw(said.TOPIC, next(_OFFSETS), good.key, (good.value or b"") + b" ", list(good.headers)))
    found = await heard(desk, *copies)
    assert [each["code"] for each in found] == ["bad_signature"] * 4
    assert (await answers(desk))["items"] == [], "what nobody has proven to be the agency's is not in its list"
    assert [each["taken"] for each in await heard(desk, good)] == [True]


async def test_a_report_that_names_no_dossier_is_parked_and_never_answered(desk: Desk) -> None:
    """An answer needs a key; one made of nothing could be read by nobody."""
    await consumer(desk).take([record(report(said.Accepted), "\u200b")])
    assert await desk.count("parked") == 1
    assert [row for row in await desk.outbox() if row["aggregatetype"] == agency_answers.TOPIC] == []
    await desk.forgets()


async def test_while_an_agency_changes_its_secret_both_are_good(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    found = await heard(desk, record(report(said.Accepted), code), record(report(said.Processing), code, NEW_SECRET))
    assert [each["taken"] for each in found] == [True, True]


async def test_an_event_id_of_one_agency_hides_nobody_elses(desk: Desk) -> None:
    """Whatever id, source and key another writer takes first."""
    code, event_id = await desk.filed(paid=True), new_id()
    squatter = record(report(said.Accepted, agency=OTHER), code, OTHER_SECRET, event_id)
    accepted = record(report(said.Accepted), code, event_id=event_id)
    found = await heard(desk, squatter, accepted, accepted)
    assert [(each["agency"], each["taken"]) for each in found] == [(OTHER, False), (AGENCY, True)]
    assert found[0]["event_id"] == str(event_id), "the id that its sender knows it by"


async def test_a_copy_within_a_batch_and_ids_that_two_dossiers_claim_are_decided_one_after_the_other(
    desk: Desk,
) -> None:
    """Though the database is asked of a whole batch at once."""
    one, two = await desk.filed(paid=True), await desk.filed(paid=True)
    accepted = report(said.Accepted, "r-1", external_id="A")
    found = await heard(
        desk,
        record(accepted, one),
        record(accepted, one),
        record(report(said.Processing, "r-1"), one),
        record(report(said.Accepted, external_id="A"), two),
        record(report(said.Accepted, external_id="B"), two),
    )
    assert [each.get("code") or each["status"] for each in found] == [2, 2, "report_id_reused", "external_id_taken", 2]
    assert await desk.count("agency_dossier") == 2


async def test_the_same_report_in_two_processes_at_once_has_one_effect(desk: Desk) -> None:
    codes = [await desk.filed(paid=True) for _ in range(2)]
    sent = report(said.Accepted, "r-1", external_id="A")
    await asyncio.gather(*(consumer(desk).take([record(sent, code)]) for code in codes))
    assert await desk.count("parked") == 0
    assert sorted([await status_of(desk, code) for code in codes]) == [1, 2]


@pytest.mark.parametrize("hostile", ["\x00", "x" * 5_000, "' or 1=1 --", "\u202e", " "])
async def test_an_unknown_dossier_is_answered_whatever_it_is_called(desk: Desk, hostile: str) -> None:
    sent = report(said.Accepted, officer="\x00\u200b", external_id="\x07")
    (answer,) = await heard(desk, record(sent, f"G09.20{hostile}".replace("\x00", "\x01")))
    assert answer["code"] in ("unknown_dossier", "bad_signature")


async def test_what_cannot_be_read_at_all_is_parked_and_works_when_it_is_redriven(desk: Desk) -> None:
    """Readable again after a new release, say: the drainer prepares its message as the consumer would have."""
    code = await desk.filed(paid=True)
    await consumer(desk).take([record(report(said.Accepted), code, value=b"{"), record(report(said.Accepted), code)])
    states = [row["state"] for row in await desk.pool.fetch('select state from parked order by "offset"')]
    assert states == ["parked", "held"]
    (fold,) = (fold for fold in desk.service.consumes if fold.topic == said.TOPIC)
    await desk.pool.execute("update parked set state = 'discarded', open_key = null where state = 'parked'")
    assert await drainer_of(fold, desk.pool).drain() == 1
    assert await status_of(desk, code) == 2


# Over HTTP


async def test_an_agency_without_kafka_does_the_same(desk: Desk) -> None:
    """With its own id for the dossier, once it has named it."""
    code = await desk.filed(paid=True)
    assert (await told(desk, report(said.Accepted, external_id="GPLX-1"), code)).json()["status"] == 2
    assert (await told(desk, report(said.Processing), "GPLX-1")).json() | {"report_id": ""} == {
        "report_id": "",
        "dossier": code,
        "status": 4,
    }
    document = await desk.uploaded(AGENCY_SYSTEM)
    assert (await told(desk, report(said.Completed, document_id=document), "GPLX-1")).json()["status"] == 9
    assert (await desk.get(f"/dossiers/{code}", AGENCY_SYSTEM)).json()["external_id"] == "GPLX-1"
    assert (await desk.get(f"/dossiers/{code}", OTHER_SYSTEM)).status_code == 404


async def test_a_rejection_is_a_problem_with_the_same_code_and_is_kept(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    for sent, dossier, status, reason in (
        (report(said.Processing), code, 409, "illegal_move"),
        (report(said.Accepted), "G09.20-260609-9999", 409, "unknown_dossier"),
        (report(said.Completed), code, 409, "illegal_move"),
        (report(said.Accepted, at=datetime.now(UTC) + timedelta(hours=1)), code, 409, "in_the_future"),
    ):
        answer = await told(desk, sent, dossier)
        assert (answer.status_code, answer.json()["code"]) == (status, reason), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    kept = (await answers(desk))["items"]
    assert [each["problem"]["code"] for each in kept] == [
        "illegal_move",
        "unknown_dossier",
        "illegal_move",
        "in_the_future",
    ]
    assert len([row for row in await desk.outbox() if row["aggregatetype"] == agency_answers.TOPIC]) == 4


async def test_a_document_is_the_result_of_one_dossier_also_within_a_batch(desk: Desk) -> None:
    """By Kafka in one batch, then over HTTP: only the first one has it."""
    codes, document = [await desk.filed(paid=True) for _ in range(3)], await desk.uploaded(AGENCY_SYSTEM)
    for code in codes:
        for kind in (said.Accepted, said.Processing):
            assert (await told(desk, report(kind), code)).status_code == 200
    found = await heard(desk, *(record(report(said.Completed, document_id=document), code) for code in codes[:2]))
    assert [(each["taken"], each.get("code")) for each in found] == [(True, None), (False, "document_used")]
    answer = await told(desk, report(said.Completed, document_id=document), codes[2])
    assert (answer.status_code, answer.json()["code"]) == (409, "document_used")
    assert await desk.pool.fetchval("select count(*) from dossier where status = 9") == 1


async def test_a_document_that_is_another_agencys_is_none(desk: Desk) -> None:
    code, foreign = await desk.filed(paid=True), await desk.uploaded(OTHER_SYSTEM)
    await told(desk, report(said.Accepted), code)
    await told(desk, report(said.Processing), code)
    answer = await told(desk, report(said.Completed, document_id=foreign), code)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_document")


@pytest.mark.parametrize(
    ("who", "reason"), [(OTHER_SYSTEM, "foreign_agency"), (OFFICER, "forbidden"), ("anh", "forbidden")]
)
async def test_nobody_else_speaks_for_the_agency(desk: Desk, who: str, reason: str) -> None:
    code = await desk.filed(paid=True)
    answer = await told(desk, report(said.Accepted), code, who)
    assert (answer.status_code, answer.json()["code"]) == (403, reason)
    assert await status_of(desk, code) == 1


async def test_the_same_request_has_one_effect_and_one_answer(desk: Desk) -> None:
    """A rejection too; with a new key the report is looked at anew."""
    code, early = await desk.filed(paid=True), report(said.Processing)
    first, again = [await told(desk, early, code, key="the same key") for _ in range(2)]
    assert (first.status_code, first.content) == (again.status_code, again.content) == (409, first.content)
    await told(desk, report(said.Accepted, at=early.at - timedelta(microseconds=1)), code)
    assert (await told(desk, early, code, key="the same key")).content == first.content
    assert (await told(desk, early, code)).json()["status"] == 4


async def test_a_report_over_both_ways_has_one_effect(desk: Desk) -> None:
    code, sent = await desk.filed(paid=True), report(said.Accepted, external_id="GPLX-1")
    assert (await told(desk, sent, code)).json()["status"] == 2
    (answer,) = await heard(desk, record(sent, code))
    assert (answer["taken"], answer["status"]) == (True, 2)
    again = {"report_id": sent.report_id, "dossier": code, "status": 2}
    assert (await told(desk, sent, "GPLX-1")).json() == again
    assert len([row for row in await desk.outbox() if row["type"].endswith("dossier.accepted.v1")]) == 1
    assert len((await answers(desk))["items"]) == 1


async def test_what_became_of_reports_is_read_on_from_the_last_one_and_by_its_agency_only(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    await heard(desk, record(report(said.Accepted, "r-1"), code), record(report(said.Accepted, "r-2"), code))
    first = await answers(desk, query="?limit=1")
    rest = await answers(desk, query=f"?cursor={first['cursor']}")
    assert [(each["report_id"], each["taken"]) for each in first["items"] + rest["items"]] == [
        ("r-1", True),
        ("r-2", False),
    ]
    nothing = await answers(desk, query=f"?cursor={rest['cursor']}")
    assert nothing == {"items": [], "cursor": rest["cursor"]}
    await told(desk, report(said.Processing, "r-3"), code)
    assert [each["report_id"] for each in (await answers(desk, query=f"?cursor={rest['cursor']}"))["items"]] == ["r-3"]
    assert (await answers(desk, OTHER_SYSTEM))["items"] == []
    assert (await desk.get("/agency-reports", OFFICER)).status_code == 403
    late = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+", "%2B")
    assert (await answers(desk, query=f"?since={late}"))["items"] == []
    assert (await desk.get("/agency-reports?cursor=x", AGENCY_SYSTEM)).status_code == 400


async def test_an_answer_that_is_committed_late_is_not_missed(desk: Desk) -> None:
    """Whoever reads on from the last answer is given none while an older transaction may still write one."""
    code = await desk.filed(paid=True)
    async with kept_open(desk.pool) as slow:
        await slow.execute("insert into agency_dossier values ('X', 'slow', 'x')")
        await told(desk, report(said.Accepted, "r-1"), code)
        assert (await answers(desk))["items"] == []
    assert [each["report_id"] for each in (await answers(desk))["items"]] == ["r-1"]


async def test_rejections_are_forgotten_after_130_days_and_what_was_taken_never(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    await heard(desk, *(record(report(said.Accepted, number), code) for number in ("r-1", "r-2", "r-3")))
    forgetter = AnswerForgetter(lambda: datetime.now(UTC) + timedelta(days=129), most=1)
    await forgetter.run(desk.pool)
    assert len((await answers(desk))["items"]) == 3
    await replace(forgetter, clock=lambda: datetime.now(UTC) + timedelta(days=131)).run(desk.pool)
    assert [each["report_id"] for each in (await answers(desk))["items"]] == ["r-1"]


async def test_a_body_that_is_no_report_is_told_field_by_field(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    answer = await told(desk, report(said.SupplementRequested), code, items=[], at="2026-06-10T09:15:00")
    assert answer.status_code == 422
    assert {error["path"].split(".")[-1] for error in answer.json()["errors"]} == {"items", "at"}
    assert (await told(desk, report(said.Accepted), code, type="eaten")).status_code == 422
