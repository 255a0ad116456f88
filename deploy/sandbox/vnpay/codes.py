"""VNPAY's codes as data: [V] published in its documentation of version 2.1.0, [M] from memory, or this sandbox's own.

The tables are what the server answers with: a code that stands in none is never sent, but by the fault `unknown_code`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Code(NamedTuple):
    """What a code says, in VNPAY's words, and how sure that is."""

    vi: str
    source: Literal["V", "M"]


RESPONSES = {
    "00": Code("Giao dịch thành công", "V"),
    "07": Code("Trừ tiền thành công. Giao dịch bị nghi ngờ", "V"),
    "09": Code("Thẻ/Tài khoản chưa đăng ký dịch vụ InternetBanking tại ngân hàng", "V"),
    "10": Code("Xác thực thông tin thẻ/tài khoản không đúng quá 3 lần", "V"),
    "11": Code("Đã hết hạn chờ thanh toán", "V"),
    "12": Code("Thẻ/Tài khoản bị khóa", "V"),
    "13": Code("Nhập sai mật khẩu xác thực giao dịch (OTP)", "V"),
    "24": Code("Khách hàng hủy giao dịch", "V"),
    "51": Code("Tài khoản không đủ số dư", "V"),
    "65": Code("Tài khoản đã vượt quá hạn mức giao dịch trong ngày", "V"),
    "75": Code("Ngân hàng thanh toán đang bảo trì", "V"),
    "79": Code("Nhập sai mật khẩu thanh toán quá số lần quy định", "V"),
    "99": Code("Các lỗi khác", "V"),
}
"""vnp_ResponseCode of a payment, in the IPN and on the way back."""

STATUSES = {
    "00": Code("Giao dịch thành công", "V"),
    "01": Code("Giao dịch chưa hoàn tất", "V"),
    "02": Code("Giao dịch bị lỗi", "V"),
    "04": Code("Giao dịch đảo (đã trừ tiền tại ngân hàng, chưa thành công ở VNPAY)", "V"),
    "05": Code("VNPAY đang xử lý giao dịch này (hoàn tiền)", "V"),
    "06": Code("VNPAY đã gửi yêu cầu hoàn tiền sang ngân hàng", "V"),
    "07": Code("Giao dịch bị nghi ngờ gian lận", "V"),
    "09": Code("Hoàn trả bị từ chối", "V"),
}
"""vnp_TransactionStatus."""

QUERY = {
    "00": Code("Yêu cầu thành công", "V"),
    "02": Code("Mã định danh kết nối không hợp lệ", "V"),
    "03": Code("Dữ liệu gửi sang không đúng định dạng", "V"),
    "91": Code("Không tìm thấy giao dịch yêu cầu", "V"),
    "94": Code("Yêu cầu trùng lặp trong thời gian giới hạn của API", "V"),
    "97": Code("Checksum không hợp lệ", "V"),
    "98": Code("Hết thời gian chờ", "M"),
    "99": Code("Các lỗi khác", "V"),
}
"""vnp_ResponseCode of querydr."""

REFUND = {
    **QUERY,
    "91": Code("Không tìm thấy giao dịch yêu cầu hoàn trả", "V"),
    "93": Code("Số tiền hoàn trả không hợp lệ", "M"),
    "94": Code("Giao dịch đã được gửi yêu cầu hoàn tiền trước đó. VNPAY đang xử lý", "V"),
    "95": Code("Giao dịch này không thành công bên VNPAY. VNPAY từ chối xử lý yêu cầu", "V"),
}
"""vnp_ResponseCode of refund."""

PAGE_ERRORS = {
    "01": Code("Giao dịch đã tồn tại", "M"),
    "03": Code("Dữ liệu gửi sang không đúng định dạng", "M"),
    "15": Code("Giao dịch đã quá thời gian chờ thanh toán", "M"),
    "70": Code("Sai chữ ký", "M"),
    "72": Code("Không tìm thấy website", "M"),
    "76": Code("Ngân hàng thanh toán không được hỗ trợ", "M"),
    "99": Code("Có lỗi xảy ra trong quá trình xử lý", "M"),
}
"""The code on the page that says why nothing can be paid."""

PAYMENT, WHOLE, PART = "01", "02", "03"
"""vnp_TransactionType [V]."""

ENDED = frozenset({"00", "02"})
"""RspCode after which an IPN is not sent again [V]; 01, 04, 97, 99 and silence bring it again."""
