"""The register of what an agency received, and what operators see of all that officers look at and do."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pypdf import PdfReader

from chassis.clock import VIETNAM
from tests.forms import filled
from tests.integration.desk_counter import COLLEAGUE, files, sent
from tests.integration.desk_rows import copied
from tests.integration.intake_desk import OFFICER, OPERATOR, OTHER_AGENCY, Desk


async def test_the_register_has_what_the_agency_received_in_these_days(desk: Desk) -> None:
    today = datetime.now(VIETNAM).date()
    code = await desk.filed()
    tomorrow = today + timedelta(days=1)  # which midnight may have made of today
    answer = await desk.get(f"/desk/register.pdf?from={today}&to={tomorrow}", OFFICER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    text = "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert code in text
    assert "NguyễnThịÁnh" in text
    before = await desk.get(f"/desk/register.pdf?from=2020-01-01&to={today - timedelta(days=1)}", OFFICER)
    assert code not in "".join(
        "".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(before.content)).pages
    )
    assert (await desk.get(f"/desk/register.pdf?from={today}&to=2020-01-01", OFFICER)).json()["code"] == "bad_period"
    assert (await desk.get(f"/desk/register.pdf?from={today}&to={today}", OPERATOR)).status_code == 403


async def test_a_register_of_too_many_is_refused_with_what_to_do(desk: Desk) -> None:
    today = datetime.now(VIETNAM).date()
    first = await desk.filed()
    await copied(desk, first, [{"code": f"C-{number}"} for number in range(2_000)])
    answer = await desk.get(f"/desk/register.pdf?from={today}&to={today + timedelta(days=1)}", OFFICER)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_dossiers")


SINCE = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _audit(desk: Desk, asked: str = "") -> list[dict[str, Any]]:
    found, cursor = list[dict[str, Any]](), ""
    while True:
        answer = await desk.get(f"/desk/audit?since={SINCE}&limit=3{asked}{cursor}", OPERATOR)
        assert answer.status_code == 200, answer.text
        found += [each for each in answer.json()["items"] if each["what"] != "audit"]
        if answer.json()["cursor"] is None:
            return found
        cursor = f"&cursor={answer.json()['cursor']}"


async def test_every_look_and_move_of_officers_is_in_the_audit_and_no_form_is(desk: Desk) -> None:
    code = await desk.filed(paid=True)
    for path in (f"/dossiers/{code}", "/dossiers", "/desk/dossiers?q=ánh", "/desk/workload", "/documents"):
        assert (await desk.get(path, OFFICER)).status_code == 200
        await desk.get(path, "anh")
    await sent(desk, "accept", {"items": [{"code": code}]}, COLLEAGUE)
    traces = await _audit(desk)
    assert [(each["kind"], each["what"], each["code"]) for each in traces] == [
        ("move", "accepted", code), ("look", "documents", None), ("look", "workload", None),
        ("look", "search", None), ("look", "list", None), ("look", "dossier", code),
    ]  # fmt: skip
    assert traces[3]["asked"]["q"] == "…"
    assert [each["what"] for each in await _audit(desk, "&officer=Hoàng Văn Sơn")] == ["accepted"]
    assert len(await _audit(desk, "&agency=G09.20")) == 6
    assert await _audit(desk, "&agency=H55.31") == []
    assert "019190012345" not in str(traces)


async def test_filing_at_the_counter_and_messages_are_moves_of_the_agency(desk: Desk) -> None:
    code = (await files(desk, filled())).json()["code"]
    assert (
        await desk.post(
            f"/dossiers/{code}/posts", OFFICER, {"text": "Mời ông bà đến quầy"}, **{"Idempotency-Key": str(uuid4())}
        )
    ).status_code == 201
    moves = [each["what"] for each in await _audit(desk, "&agency=G09.20") if each["kind"] == "move"]
    assert moves == ["message", "submitted"]


async def test_a_look_at_what_is_not_the_agencys_shows_nothing_and_lists_are_noted_all_the_same(desk: Desk) -> None:
    code = await desk.filed()
    assert (await desk.get(f"/dossiers/{code}", OTHER_AGENCY)).status_code == 404
    await desk.get(f"/desk/dossiers?q={code}", OTHER_AGENCY)
    assert [each["what"] for each in await _audit(desk, "&agency=H55.31")] == ["search"]


async def test_looks_at_an_audit_and_at_documents_and_their_deletion_are_in_the_audit_too(desk: Desk) -> None:
    code, document = await desk.filed(paid=True), await desk.uploaded(OFFICER)
    for who in (OPERATOR, OFFICER):
        assert (await desk.get(f"/dossiers/{code}/audit", who)).status_code == 200
    path = f"/documents/{document}"
    assert (await desk.get(path, OFFICER)).status_code == 200
    assert (await desk.http.delete(path, headers=desk.bearer(OFFICER))).status_code == 204
    rows = await desk.pool.fetch("select role, what, code from look order by number")
    assert [tuple(row) for row in rows] == [
        ("operator", "audit", code),
        ("officer", "audit", code),
        ("officer", f"document {document}", None),
        ("officer", f"delete document {document}", None),
    ]


async def test_only_operators_read_the_audit(desk: Desk) -> None:
    for who in ("anh", OFFICER):
        assert (await desk.get(f"/desk/audit?since={SINCE}", who)).status_code == 403
    assert (await desk.get("/desk/audit?since=2026-01-01", OPERATOR)).status_code == 422
    assert (await desk.get(f"/desk/audit?since={SINCE}&cursor=x", OPERATOR)).json()["code"] == "bad_cursor"
