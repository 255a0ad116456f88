"""What may be wrong with an agency's report, each with a code for its programs and sentences for its people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.clock import VIETNAM
from chassis.errors import Refusal
from contracts import agency_reports
from contracts.agency_reports import Report
from services.intake.domain.dossier import Dossier
from services.intake.domain.moves import NAMES
from services.intake.domain.report import Reported, digest

WAYS = {"desk": "tại quầy", "post": "qua bưu chính", "online": "trực tuyến"}

_REASON = range(3, 1001)


def check_identity(message: Reported) -> None:
    """Whether its agency sent the report, whether it can be read, and whether it names what is its own. Raises Refusal."""
    report = message.report
    if message.proof == "unknown_agency":
        raise Refusal(
            "unknown_agency",
            "Cơ quan này chưa được cấp khóa gửi báo cáo; hãy liên hệ đơn vị vận hành.",
            "This agency has no key to send reports with; ask the operators for one.",
            403,
        )
    if message.proof == "bad_signature":
        raise Refusal(
            "bad_signature",
            "Chữ ký của báo cáo thiếu hoặc không khớp; hãy ký lại bằng khóa của cơ quan.",
            "The report's signature is missing or does not fit; sign it with the agency's key.",
            403,
        )
    _check_words(report)
    if message.earlier is not None and message.earlier.digest != digest(message.code, report):
        raise Refusal(
            "report_id_reused",
            "Mã báo cáo này đã dùng cho một báo cáo khác; hãy dùng mã mới.",
            "This report id was used for another report; use a new one.",
        )
    if message.earlier is None and message.named not in (None, message.code):
        raise Refusal(
            "external_id_taken",
            f"Mã hồ sơ {report.external_id} của cơ quan đã gắn với hồ sơ {message.named}.",
            f"The agency's id {report.external_id} belongs to dossier {message.named}.",
        )


def _check_words(report: Report) -> None:
    """Raises Refusal 422 for what is empty once it is cleaned, and for reasons that are no reasons."""
    wrong = [name for name in ("agency", "report_id") if not getattr(report, name)]
    if isinstance(report, agency_reports.Completed) and not report.result_number:
        wrong.append("result_number")
    if isinstance(report, agency_reports.SupplementRequested):
        wrong += [f"items.{place}.reason" for place, item in enumerate(report.items) if len(item.reason) not in _REASON]
    if wrong:
        raise Refusal(
            "invalid",
            f"Nội dung trống, quá ngắn hoặc quá dài: {', '.join(wrong)}.",
            f"Empty, too short or too long: {', '.join(wrong)}.",
            422,
        )


def check_agency(dossier: Dossier, agency: str) -> None:
    """Raises Refusal for an agency that has nothing to do with the dossier."""
    if agency not in (dossier.agency, dossier.handler):
        raise Refusal(
            "wrong_agency",
            "Cơ quan không tiếp nhận và không đang giữ hồ sơ này.",
            "The agency neither received this dossier nor has it now.",
        )


def check_open(dossier: Dossier) -> None:
    """Raises Refusal for a dossier to which nothing more happens."""
    if dossier.is_closed:
        raise Refusal(
            "closed_dossier",
            f"Hồ sơ đã đóng ({NAMES[dossier.status]}), không nhận thêm báo cáo.",
            f"The dossier is closed ({dossier.status.name.lower()}) and takes no more reports.",
        )


def check_time(dossier: Dossier, report: Report, now: datetime, ahead: timedelta) -> None:
    """Raises Refusal for a time that cannot be, and for a report that another one of the same agency has overtaken."""
    if report.at > now + ahead:
        raise Refusal(
            "in_the_future",
            f"Thời điểm của báo cáo ở tương lai; giờ của chúng tôi là {_shown(now)}.",
            f"The report's time is in the future; our time is {now.isoformat()}.",
        )
    if report.at < dossier.submitted_at:
        raise Refusal(
            "before_filing",
            f"Thời điểm của báo cáo sớm hơn lúc nộp hồ sơ ({_shown(dossier.submitted_at)}).",
            f"The report's time is before the dossier was filed ({dossier.submitted_at.isoformat()}).",
        )
    last = dossier.reported.get(report.agency)
    if last is not None and report.at < last:
        raise Refusal(
            "out_of_order",
            f"Báo cáo sau (lúc {_shown(last)}) của cơ quan đã được ghi nhận; báo cáo này đến muộn.",
            f"A later report of the agency (of {last.isoformat()}) was taken; this one comes out of order.",
        )


def unknown_dossier() -> Refusal:
    return Refusal("unknown_dossier", "Không có hồ sơ này.", "There is no such dossier.")


def no_document() -> Refusal:
    return Refusal(
        "unknown_document",
        "Cơ quan chưa tải lên văn bản kết quả này: hãy tải lên trước, rồi báo cáo lại.",
        "The agency has uploaded no such result document: upload it, then report again.",
        422,
    )


def not_marked(paths: Sequence[str]) -> Refusal:
    """For places that the procedure of the dossier does not have."""
    named = ", ".join(path[:100] for path in paths[:10])
    return Refusal(
        "not_of_this_procedure",
        f"Thủ tục của hồ sơ không có: {named}.",
        f"The dossier's procedure has no: {named}.",
        422,
    )


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
