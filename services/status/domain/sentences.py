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
        "Hồ sơ chờ nộp phí, lệ phí rồi mới được giải quyết tiếp.", "The dossier waits for its fees before it goes on."
    ),
    dossiers.FeesWithdrawn: Text(
        "Cơ quan đã rút yêu cầu nộp phí, lệ phí; người nộp không phải nộp khoản này nữa.",
        "The agency took back its request for fees; nobody has to pay it any more.",
    ),
    dossiers.FeesSettled: Text(
        "Phí, lệ phí đã nộp đủ; hồ sơ được giải quyết tiếp.",
        "The fees are paid; the dossier goes on.",
    ),
    dossiers.Accepted: Text(
        "Hồ sơ được tiếp nhận; thời hạn giải quyết bắt đầu tính.",
        "The dossier was accepted; the processing clock runs.",
    ),
    dossiers.Refused: Text("Hồ sơ không được tiếp nhận.", "The dossier was not accepted."),
    dossiers.ProcessingStarted: Text("Hồ sơ đang được xử lý.", "The dossier is being processed."),
    dossiers.SupplementRequested: Text(
        "Hồ sơ cần bổ sung; thời hạn giải quyết tạm dừng đến khi bổ sung xong.",
        "The dossier needs a supplement; the processing clock stands until it has come.",
    ),
    dossiers.Supplemented: Text(
        "Người nộp đã bổ sung đủ hồ sơ; thời hạn giải quyết được tính tiếp.",
        "The citizen supplied all that was asked for; the processing clock runs on.",
    ),
    dossiers.WithdrawalRequested: Text("Người nộp yêu cầu rút hồ sơ.", "The citizen asked for the dossier back."),
    dossiers.WithdrawalDeclined: Text(
        "Yêu cầu rút hồ sơ không được đồng ý; hồ sơ được giải quyết tiếp.",
        "The withdrawal was declined; the dossier goes on.",
    ),
    dossiers.Assigned: Text("Hồ sơ đã được giao cho cán bộ xử lý.", "The dossier was given to an officer."),
    dossiers.HandedOn: Text("Hồ sơ đã chuyển sang bước tiếp theo.", "The dossier was handed on to the next step."),
    dossiers.SentBack: Text("Hồ sơ được trả lại bước trước.", "The dossier was sent back to the step before."),
    dossiers.Rescheduled: Text(
        "Cơ quan xin lỗi và hẹn lại ngày trả kết quả.", "The agency apologised and promised another date."
    ),
    dossiers.DueChanged: Text("Thời hạn của hồ sơ đã thay đổi.", "A date of the dossier was changed."),
    dossiers.DueSoon: Text("Hồ sơ sắp đến ngày hẹn trả kết quả.", "The promised date is near."),
    dossiers.Overdue: Text(
        "Hồ sơ đã quá ngày hẹn trả kết quả.", "The promised date has passed and the dossier is not done."
    ),
    dossiers.Corrected: Text(
        "Cán bộ đã sửa thông tin trong hồ sơ; người nộp xem được trước và sau khi sửa.",
        "An officer corrected the form; the citizen sees it before and after.",
    ),
    dossiers.MessagePosted: Text("Có lời nhắn mới trong hồ sơ.", "There is a new message in the dossier."),
    dossiers.Stopped: Text("Hồ sơ đã dừng xử lý.", "The dossier was stopped."),
    dossiers.Completed: Text("Hồ sơ đã xử lý xong; kết quả chờ trao.", "The dossier is done; the result waits."),
    dossiers.ResultDispatched: Text("Kết quả đã được gửi qua bưu chính.", "The result was given to the post."),
    dossiers.Returned: Text("Đã trả kết quả.", "The result was handed over."),
    payments.Opened: Text("Đã lập khoản phí, lệ phí phải nộp.", "A bill was opened for the fees."),
    payments.Started: Text("Người nộp đã mở trang thanh toán.", "The citizen was sent to the payment page."),
    payments.Succeeded: Text("Đã nộp phí, lệ phí thành công.", "The fees were paid."),
    payments.PartlyPaid: Text(
        "Đã nhận một phần phí, lệ phí; còn phải nộp phần thiếu.",
        "Part of the fees came in; the rest is still due.",
    ),
    payments.ExpiresSoon: Text("Sắp hết hạn nộp phí, lệ phí.", "The time for payment is nearly over."),
    payments.ReceiptCancelled: Text(
        "Biên lai đã hủy vì phí, lệ phí đã được hoàn trả.", "The receipt is void because the fees went back."
    ),
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
        "Tiền hoàn không về được nơi đã nộp; người nộp đến bộ phận một cửa để nhận.",
        "The money could not go back the way it was paid; the citizen collects it at the one-stop desk.",
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
