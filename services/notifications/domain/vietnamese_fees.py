"""The wordings of notices about fees, in Vietnamese."""

from __future__ import annotations

from collections.abc import Mapping

from services.notifications.domain.wording import Wording

_FOLLOW = "Theo dõi hồ sơ tại {link}"

WORDINGS: Mapping[str, Wording] = {
    "paid": Wording(
        "Đã thu {amount} cho hồ sơ {code}. Biên lai số {receipt_number}.",
        "Đã thu {amount} cho hồ sơ {code}",
        ("Chúng tôi đã thu {amount} cho hồ sơ {code}. Biên lai số {receipt_number}.", _FOLLOW),
    ),
    "partly-paid": Wording(
        "Đã nhận {amount} cho hồ sơ {code}, còn thiếu {outstanding}. Xin nộp tiếp tại {link}",
        "Hồ sơ {code}: còn phải nộp {outstanding}",
        ("Chúng tôi đã nhận {amount} cho hồ sơ {code}; còn phải nộp {outstanding}.", "Nộp phần còn thiếu tại {link}"),
    ),
    "discrepancy": Wording(
        "Hồ sơ {code}: đã nhận một khoản tiền không khớp với khoản phải nộp. Cán bộ đang xử lý, xin chưa nộp lại. {link}",
        "Hồ sơ {code}: khoản tiền đã nhận không khớp, xin chưa nộp lại",
        (
            "Chúng tôi đã nhận một khoản tiền cho hồ sơ {code}, nhưng không khớp với khoản phải nộp.",
            "Cán bộ đang xử lý. Xin Ông/Bà chưa nộp lại; kết quả (biên lai, hoặc tiền được hoàn) sẽ được báo riêng.",
            _FOLLOW,
        ),
    ),
    "expires-soon": Wording(
        "Hồ sơ {code} còn phải nộp {amount} trước {due}. Nộp tại {link}",
        "Hồ sơ {code}: sắp hết hạn nộp {amount}",
        (
            "Hồ sơ {code} còn phải nộp {amount}. Hạn nộp: {due}. Quá hạn, hồ sơ sẽ dừng xử lý.",
            "Nộp trực tuyến tại {link}",
        ),
    ),
    "fees-requested": Wording(
        "Hồ sơ {code} phát sinh phí, lệ phí: {amount}, hạn nộp {due}. Nộp tại {link}",
        "Hồ sơ {code} phát sinh phí, xin nộp {amount}",
        (
            "Hồ sơ {code} phát sinh phí, lệ phí phải nộp: {amount}. Khoản phải nộp: {items}.",
            "Hạn nộp: {due}. Quá hạn, hồ sơ sẽ dừng xử lý.",
            "Nộp trực tuyến tại {link}",
        ),
    ),
    "fees-withdrawn": Wording(
        "Hồ sơ {code}: cơ quan đã rút yêu cầu nộp {amount}, không phải nộp nữa; tiền đã nộp sẽ được hoàn. Lý do: {reason}\n{link}",
        "Hồ sơ {code}: không phải nộp {amount} nữa",
        (
            "Cơ quan đã rút yêu cầu nộp {amount} của hồ sơ {code}. Ông/Bà không phải nộp khoản này nữa.",
            "Lý do: {reason}",
            "Nếu đã nộp cho yêu cầu này, Ông/Bà được hoàn lại toàn bộ số tiền; việc hoàn tiền sẽ được báo riêng.",
            _FOLLOW,
        ),
    ),
    "refund-by-hand": Wording(
        "Hồ sơ {code}: Ông/Bà được hoàn {amount}. Xin đến bộ phận một cửa để nhận.",
        "Hồ sơ {code}: được hoàn {amount}, nhận tại bộ phận một cửa",
        (
            "Ông/Bà được hoàn {amount} của hồ sơ {code}.",
            "Khoản này không trả lại được qua nơi đã nộp: xin mang giấy tờ tùy thân đến bộ phận một cửa để nhận.",
        ),
    ),
    "refund-by-hand-without-amount": Wording(
        "Hồ sơ {code}: Ông/Bà được hoàn tiền. Xin mang giấy tờ tùy thân đến bộ phận một cửa để nhận.",
        "Hồ sơ {code}: được hoàn tiền, nhận tại bộ phận một cửa",
        (
            "Ông/Bà được hoàn một khoản tiền của hồ sơ {code}.",
            "Khoản này không trả lại được qua nơi đã nộp: xin mang giấy tờ tùy thân đến bộ phận một cửa để nhận.",
        ),
    ),
    "refund-failed": Wording(
        "Hồ sơ {code}: tiền hoàn không về được nơi đã nộp. Xin mang giấy tờ tùy thân đến bộ phận một cửa để nhận.",
        "Hồ sơ {code}: xin đến bộ phận một cửa nhận tiền hoàn",
        (
            "Tiền hoàn của hồ sơ {code} không về được nơi Ông/Bà đã dùng để nộp, kể cả khi trước đó đã có tin báo đã hoàn.",
            "Xin mang giấy tờ tùy thân và mã hồ sơ này đến bộ phận một cửa nơi nhận hồ sơ để nhận tiền.",
            "Nếu tiền đã về tài khoản hoặc thẻ của Ông/Bà thì không cần đến. Xem số tiền tại {link}",
        ),
    ),
    "refund-failed-with-amount": Wording(
        "Hồ sơ {code}: {amount} tiền hoàn không về được nơi đã nộp. Xin mang giấy tờ tùy thân đến bộ phận một cửa để nhận.",
        "Hồ sơ {code}: xin đến bộ phận một cửa nhận {amount} tiền hoàn",
        (
            "{amount} tiền hoàn của hồ sơ {code} không về được nơi Ông/Bà đã dùng để nộp, kể cả khi trước đó đã có tin báo đã hoàn.",
            "Xin mang giấy tờ tùy thân và mã hồ sơ này đến bộ phận một cửa nơi nhận hồ sơ để nhận tiền.",
            "Nếu tiền đã về tài khoản hoặc thẻ của Ông/Bà thì không cần đến. Theo dõi tại {link}",
        ),
    ),
    "refunded": Wording(
        "Đã hoàn {amount} của hồ sơ {code} theo cách Ông/Bà đã nộp.",
        "Đã hoàn {amount} của hồ sơ {code}",
        ("Chúng tôi đã hoàn {amount} của hồ sơ {code} về nơi Ông/Bà đã dùng để nộp.", _FOLLOW),
    ),
    "refunded-without-amount": Wording(
        "Đã hoàn khoản tiền của hồ sơ {code} theo cách Ông/Bà đã nộp.",
        "Đã hoàn tiền của hồ sơ {code}",
        ("Chúng tôi đã hoàn khoản tiền của hồ sơ {code} về nơi Ông/Bà đã dùng để nộp.", _FOLLOW),
    ),
    "refunded-by-hand": Wording(
        "Ông/Bà đã nhận {amount} hoàn trả của hồ sơ {code} tại bộ phận một cửa.",
        "Đã chi trả {amount} của hồ sơ {code}",
        ("Ông/Bà đã nhận {amount} hoàn trả của hồ sơ {code} tại bộ phận một cửa.", _FOLLOW),
    ),
    "refunded-by-hand-without-amount": Wording(
        "Ông/Bà đã nhận tiền hoàn trả của hồ sơ {code} tại bộ phận một cửa.",
        "Đã chi trả tiền hoàn của hồ sơ {code}",
        ("Ông/Bà đã nhận tiền hoàn trả của hồ sơ {code} tại bộ phận một cửa.", _FOLLOW),
    ),
}
