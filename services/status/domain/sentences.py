"""What each event and each state means, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from contracts import appointments, dossiers, notifications, payments
from contracts.dossiers import Status
from contracts.event import Data, versions_of


class Text(NamedTuple):
    """One meaning in both languages."""

    vi: str
    en: str


_EVENTS: Mapping[type[Data], Text] = {
    dossiers.Submitted: Text("Hồ sơ đã được nộp và cấp mã.", "The dossier was filed and got its code."),
    dossiers.FeesRequested: Text(
        "Hồ sơ chờ nộp phí, lệ phí trước khi được xem xét.", "The dossier waits for its fees before it is looked at."
    ),
    dossiers.FeesSettled: Text(
        "Phí, lệ phí đã nộp đủ; hồ sơ đã chuyển đến cán bộ tiếp nhận.",
        "The fees are paid; the dossier is on the officer's desk.",
    ),
    dossiers.Accepted: Text(
        "Hồ sơ được tiếp nhận; thời hạn giải quyết bắt đầu tính.",
        "The dossier was accepted; the processing clock runs.",
    ),
    dossiers.Refused: Text("Hồ sơ không được tiếp nhận.", "The dossier was not accepted."),
    dossiers.ProcessingStarted: Text("Hồ sơ đang được xử lý.", "The dossier is being processed."),
    dossiers.Stopped: Text("Hồ sơ đã dừng xử lý.", "The dossier was stopped."),
    dossiers.Completed: Text("Hồ sơ đã xử lý xong; kết quả chờ trao.", "The dossier is done; the result waits."),
    dossiers.Returned: Text("Đã trả kết quả.", "The result was handed over."),
    payments.Opened: Text("Đã lập khoản phí, lệ phí phải nộp.", "A bill was opened for the fees."),
    payments.Started: Text("Người nộp đã mở trang thanh toán.", "The citizen was sent to the payment page."),
    payments.Succeeded: Text("Đã nộp phí, lệ phí thành công.", "The fees were paid."),
    payments.Failed: Text(
        "Một lần thanh toán không thành công; có thể thanh toán lại.",
        "One payment was declined; the citizen may try again.",
    ),
    payments.ReceiptIssued: Text("Đã cấp biên lai thu phí, lệ phí.", "The receipt was issued."),
    payments.Expired: Text("Đã hết hạn nộp phí, lệ phí.", "The time for payment is over."),
    payments.Cancelled: Text("Khoản phí, lệ phí đã được hủy.", "The bill was cancelled."),
    payments.RefundStarted: Text("Đang hoàn trả phí, lệ phí.", "Money is on its way back to the citizen."),
    payments.Refunded: Text("Đã hoàn trả phí, lệ phí.", "The money was refunded."),
    payments.RefundFailed: Text(
        "Chưa hoàn trả được qua cổng thanh toán; cán bộ sẽ hoàn trả bằng cách khác.",
        "The gateway refused the refund; an officer will return the money another way.",
    ),
    payments.DiscrepancyFound: Text(
        "Số tiền nhận được không khớp; cán bộ đang kiểm tra.",
        "The money received does not match the bill; an officer is looking.",
    ),
    appointments.Booked: Text("Đã đặt lịch hẹn.", "An appointment was booked."),
    appointments.Attended: Text("Người nộp đã đến theo lịch hẹn.", "The citizen came to the appointment."),
    appointments.Missed: Text("Người nộp không đến theo lịch hẹn.", "The citizen missed the appointment."),
    appointments.Cancelled: Text("Lịch hẹn đã được hủy.", "The appointment was cancelled."),
    notifications.Sent: Text("Đã gửi thông báo cho người nộp.", "A notice was sent to the citizen."),
    notifications.Delivered: Text("Thông báo đã đến người nộp.", "A notice reached the citizen."),
    notifications.Failed: Text("Có thông báo không đến được người nộp.", "A notice could not reach the citizen."),
}

EVENTS: Mapping[str, Text] = {version.TYPE: text for data, text in _EVENTS.items() for version in versions_of(data)}
"""By type; entries written before an event had a newer version keep the older type."""

STATUSES: Mapping[int, Text] = {
    Status.REGISTERED: Text("Mới đăng ký", "Registered"),
    Status.ACCEPTED: Text("Được tiếp nhận", "Accepted"),
    Status.NOT_ACCEPTED: Text("Không được tiếp nhận", "Not accepted"),
    Status.PROCESSING: Text("Đang xử lý", "Processing"),
    Status.SUPPLEMENT_ASKED: Text("Yêu cầu bổ sung giấy tờ", "Supplement asked for"),
    Status.FINANCIAL_DUTY: Text("Yêu cầu thực hiện nghĩa vụ tài chính", "Fees to be paid"),
    Status.WITHDRAWAL_ASKED: Text("Công dân yêu cầu rút hồ sơ", "Withdrawal asked for"),
    Status.STOPPED: Text("Dừng xử lý", "Stopped"),
    Status.COMPLETED: Text("Đã xử lý xong", "Completed"),
    Status.RETURNED: Text("Đã trả kết quả", "Result returned"),
}
