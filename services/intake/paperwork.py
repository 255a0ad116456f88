"""The papers of a dossier: their facts, from the dossier and the journal's line that made each due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.clock import VIETNAM
from chassis.errors import NotFound
from contracts.dossiers import Status
from services.intake.domain.dossier import Dossier
from services.intake.domain.fact import Duration
from services.intake.domain.procedure import Procedure
from services.intake.papers.facts import (
    About,
    Apology,
    ControlSlip,
    FeePosition,
    Handed,
    HandOver,
    Head,
    Mark,
    Meeting,
    Paper,
    Receipt,
    Refusal,
    StopNotice,
    SupplementRequest,
)

DELIVERY = {"desk": "Tại quầy", "post": "Qua bưu chính công ích", "online": "Trực tuyến"}
_UNITS = {"working_days": "ngày làm việc", "working_hours": "giờ làm việc"}
_WORKED = {
    "submitted": "Nộp hồ sơ",
    "accepted": "Tiếp nhận",
    "processing_started": "Chuyển xử lý",
    "assigned": "Giao cán bộ",
    "handed_on": "Chuyển bước tiếp theo",
    "sent_back": "Trả lại bước trước",
    "supplement_requested": "Yêu cầu bổ sung",
    "supplemented": "Đã bổ sung",
    "fees_requested": "Yêu cầu nộp phí",
    "fees_withdrawn": "Rút yêu cầu nộp phí",
    "fees_settled": "Đã nộp phí",
    "rescheduled": "Xin lỗi và hẹn lại",
    "withdrawal_requested": "Yêu cầu rút hồ sơ",
    "withdrawal_declined": "Không đồng ý cho rút",
    "refused": "Từ chối tiếp nhận",
    "stopped": "Dừng xử lý",
    "completed": "Có kết quả",
    "returned": "Đã trả kết quả",
}


@dataclass(frozen=True)
class Paperwork:
    """What the papers of one dossier are made of; `journal` has all of its lines in order."""

    dossier: Dossier
    procedure: Procedure
    journal: Sequence[Any]
    status_url: str

    def paper(self, line: Any) -> Paper:
        """The paper that a line made due, as it was issued. Raises NotFound for a line that made none."""
        if line["paper"] is None:
            raise NotFound("Không có giấy tờ này.", "There is no such paper.")
        then = Dossier.model_validate({**self.dossier.model_dump(), **line["body"]["issued"]})
        return replace(self, dossier=then)._issued(line)

    def _issued(self, line: Any) -> Paper:
        body: Mapping[str, Any] = line["body"]
        match line["paper"]:
            case "01":
                return self._receipt(line)
            case "02":
                marks = tuple(Mark(what=item["name"], reason=item["reason"]) for item in body["items"])
                until = _moment(body["until"]).astimezone(VIETNAM).date()
                return SupplementRequest(
                    head=self._head(line), about=self._about(), marks=marks, until=until, legal_bases=self._bases()
                )
            case "03":
                return Refusal(
                    head=self._head(line), about=self._about(), grounds=body["grounds"], legal_bases=self._bases()
                )
            case "04":
                return Apology(
                    head=self._head(line),
                    about=self._about(),
                    received_at=self.dossier.submitted_at,
                    promised=_moment(body["was"]),
                    reason=body["reason"],
                    new_due=_moment(body["due"]),
                    legal_bases=self._bases(),
                )
            case "05":
                return StopNotice(
                    head=self._head(line),
                    about=self._about(),
                    received_at=self.dossier.submitted_at,
                    stopped_at=line["at"],
                    reason=body["reason"],
                    legal_bases=self._bases(),
                )
        raise AssertionError(f"no paper {line['paper']} is issued with a line of the journal")

    def control_slip(self, now: datetime) -> ControlSlip:
        """06, as it is now: who had the dossier from when to when."""
        worked = [line for line in self.journal if line["kind"] in _WORKED]
        ends: list[datetime | None] = [line["at"] for line in worked[1:]]
        ended = self.dossier.status in (Status.NOT_ACCEPTED, Status.STOPPED, Status.RETURNED)
        ends.append(worked[-1]["at"] if ended else None)
        slips = tuple(self._hand_over(line, until) for line, until in zip(worked, ends, strict=True))
        head = self._head(worked[-1], issued_at=now)
        return ControlSlip(
            head=head,
            about=self._about(),
            received_at=self.dossier.submitted_at,
            due_at=self.dossier.result_due,
            hand_overs=slips,
        )

    def _receipt(self, line: Any) -> Receipt:
        names = {paper.key: paper for paper in self.procedure.documents}
        uploaded = [each for each in self.dossier.documents if not each.replaced]
        documents = [
            Handed(name=names[each.slot].name if each.slot in names else each.slot, copies=1, note=each.name)
            for each in uploaded
        ]
        documents += [
            Handed(name=names[key].name, originals=names[key].originals, copies=names[key].copies, note="nộp tại quầy")
            for key in self.dossier.at_desk
            if key in names
        ]
        meeting = self.dossier.appointment
        return Receipt(
            head=self._head(line),
            about=self._about(),
            documents=tuple(documents),
            received_at=self.dossier.submitted_at,
            processing=_in_words(self.dossier.processing),
            due_at=_moment(line["body"]["due"]),
            delivery=DELIVERY[self.dossier.delivery.method],
            fees=tuple(
                FeePosition(name=fee.name, legal_basis=fee.legal_basis, amount=fee.amount, note=fee.reason or "")
                for fee in self.dossier.fee_lines
            ),
            # A dossier with fees is accepted only once they are paid.
            paid=bool(self.dossier.fee_lines),
            meeting=meeting and Meeting(purpose=meeting.purpose, place=meeting.place, address=meeting.address),
        )

    def _hand_over(self, line: Any, until: datetime | None) -> HandOver:
        body = line["body"]
        names = {stage.agency: stage.agency_name for stage in self.dossier.stages}
        return HandOver(
            agency=names.get(body.get("to_agency") or body.get("agency") or "", self.dossier.agency_name),
            department=body.get("to_department") or body.get("department") or self.dossier.desk,
            officer=body.get("to_officer") or line["by"],
            since=line["at"],
            until=until,
            due=_moment(body["due"]) if body.get("due") else None,
            result=_WORKED[line["kind"]],
        )

    def _head(self, line: Any, issued_at: datetime | None = None) -> Head:
        return Head(
            agency=self.dossier.agency_name,
            desk=self.dossier.desk,
            number=f"{line['number']}/{self.dossier.code}",
            issued_at=issued_at or line["at"],
            officer=line["by"] or self.dossier.officer or self.dossier.desk,
        )

    def _about(self) -> About:
        applicant = self.dossier.form.get("applicant", {})
        return About(
            code=self.dossier.code,
            procedure_code=self.dossier.procedure,
            procedure=self.dossier.procedure_name,
            applicant=applicant.get("name", ""),
            address=self.dossier.delivery.address,
            phone=applicant.get("phone"),
            email=applicant.get("email"),
            status_url=self.status_url,
        )

    def _bases(self) -> tuple[str, ...]:
        return tuple(basis.name for basis in self.procedure.legal_bases)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _in_words(time: Duration) -> str:
    return f"{time.amount} {_UNITS[time.unit]}" if time.amount else "Trong ngày làm việc"
