"""Agencies' own systems over HTTP: reporting without Kafka, and reading what became of reports by either way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from chassis import problem
from chassis.access import Caller
from chassis.answering import To
from chassis.decider import Remark
from chassis.errors import Refusal
from chassis.http import CallerOf, OnceOf, WorkOf, allowed
from chassis.postgres import Connection
from contracts import agency_reports
from contracts.agency_reports import Report
from services.intake import store
from services.intake.api.common import Moment
from services.intake.domain.dossier import Dossier
from services.intake.reporting import Reporting

_CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_UNPROCESSABLE = {"invalid", "unknown_document", "not_of_this_procedure", "marked_twice"}

_Dossier = Annotated[
    str, Field(min_length=1, max_length=100, description="Mã hồ sơ của hệ thống, hoặc mã của cơ quan đã báo trước đó")
]


class Accepted(agency_reports.Accepted):
    """Tiếp nhận."""

    type: Literal["accepted"]
    dossier: _Dossier


class Processing(agency_reports.Processing):
    """Đang xử lý; phòng, cán bộ nào."""

    type: Literal["processing"]
    dossier: _Dossier


class SupplementRequested(agency_reports.SupplementRequested):
    """Yêu cầu bổ sung, một lần và đầy đủ."""

    type: Literal["supplement-requested"]
    dossier: _Dossier


class Completed(agency_reports.Completed):
    """Đã có kết quả; văn bản đã tải lên trước."""

    type: Literal["completed"]
    dossier: _Dossier


class ResultReturned(agency_reports.ResultReturned):
    """Đã trả kết quả."""

    type: Literal["result-returned"]
    dossier: _Dossier


AnyReport = Annotated[
    Accepted | Processing | SupplementRequested | Completed | ResultReturned, Field(discriminator="type"), Body()
]
_OF: dict[str, type[Report]] = {
    "accepted": agency_reports.Accepted,
    "processing": agency_reports.Processing,
    "supplement-requested": agency_reports.SupplementRequested,
    "completed": agency_reports.Completed,
    "result-returned": agency_reports.ResultReturned,
}


class Taken(BaseModel):
    """The report had its effect."""

    report_id: str
    dossier: str
    status: int = Field(description="Mã trạng thái quốc gia của hồ sơ sau báo cáo")


class ReportAnswer(BaseModel):
    """What became of one report; `problem` has code, vi and en when it was rejected."""

    at: datetime
    type: str
    report_id: str
    dossier: str
    external_id: str | None
    taken: bool
    status: int | None
    problem: dict[str, str] | None


class ReportAnswers(BaseModel):
    """Answers, oldest first; `cursor` leads on from the last one, also when later ones have come."""

    items: list[ReportAnswer]
    cursor: str | None


def routes_of(reporting: Reporting) -> APIRouter:
    """What agencies' own systems say and read."""
    routes = APIRouter(tags=["agency-reports"], prefix="/agency-reports")

    @routes.post("", response_model=Taken)
    async def report(body: AnyReport, caller: CallerOf, once: OnceOf, work: WorkOf) -> Any:
        """Say what the agency did to a dossier, as on agency-reports.v1. A rejection is a problem with the same code."""
        if body.agency != _agency_of(caller):
            raise Refusal(
                "foreign_agency",
                "Chỉ được báo cáo thay cho cơ quan của mình.",
                "A system reports for its own agency only.",
                403,
            )
        said = _OF[body.type].model_validate(body.model_dump(exclude={"type", "dossier"}))

        sent: list[To] = []

        async def prepare(connection: Connection) -> Sequence[To]:
            sent[:] = await reporting.told(connection, body.dossier, said)
            return sent

        answer = await work.send_once(once, prepare, lambda answers: _answer(said.report_id, sent[0].key, answers[0]))
        rejected = answer.get("problem")
        return answer if rejected is None else _problem(rejected)

    @routes.get("", response_model=ReportAnswers)
    async def answers(
        caller: CallerOf,
        work: WorkOf,
        since: Annotated[Moment, Query(description="Từ thời điểm này")] = _LONG_AGO,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> ReportAnswers:
        """What became of the agency's reports, by Kafka and over HTTP; ask again with `cursor` for what came later."""
        rows = await store.reports.page(work.pool, _agency_of(caller), since, _behind(cursor), limit)
        items = [ReportAnswer(type=row["kind"], dossier=row["code"], **_same(row)) for row in rows]
        last = rows[-1] if rows else None
        return ReportAnswers(items=items, cursor=f"{last['tx']}-{last['number']}" if last else cursor)

    return routes


def _agency_of(caller: Caller) -> str:
    """Whose system it is. Raises Refusal 403 for others, and for a system without an agency."""
    allowed(caller, "agency-system")
    if caller.agency is None:
        raise Refusal("no_agency", "Tài khoản chưa thuộc cơ quan nào.", "The account belongs to no agency.", 403)
    return caller.agency


def _answer(report_id: str, code: str, answer: Any) -> Any:
    """What is kept of the answer under the Idempotency-Key."""
    if isinstance(answer, Dossier):
        return {"report_id": report_id, "dossier": code, "status": answer.status}
    if not isinstance(answer, Remark):
        raise AssertionError("a report is always answered")
    (said,) = answer.events
    told = said.model_dump(mode="json")
    if "code" in told:
        return {"problem": {name: told[name] for name in ("code", "vi", "en")}}
    return {"report_id": report_id, "dossier": code, "status": told["status"]}


def _problem(told: dict[str, str]) -> Response:
    status = 422 if told["code"] in _UNPROCESSABLE else 409
    return problem.response(status, told["code"], told["vi"], told["en"])


def _same(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ReportAnswer.model_fields if name in row}


def _behind(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return (0, 0)
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of ours.", 400)
    return int(found[1]), int(found[2])
