"""The wordings of notices in Vietnamese, but of those about fees (vietnamese_fees.py). SMS lose their accents when they are composed; letters keep them."""

from __future__ import annotations

from collections.abc import Mapping

from services.notifications.domain.wording import Wording

_FOLLOW = "Theo dõi hồ sơ tại {link}"

WORDINGS: Mapping[str, Wording] = {
    "submitted": Wording(
        "Hồ sơ {code} ({procedure}) đã được gửi. Theo dõi: {link}",
        "Đã nhận được hồ sơ {code}",
        ("Chúng tôi đã nhận được hồ sơ {code}: {procedure}. Thủ tục này không thu phí.", _FOLLOW),
    ),
    "submitted-with-fee": Wording(
        "Hồ sơ {code} đã được gửi. Phí, lệ phí: {amount}, hạn nộp {due}. Nộp tại {link}",
        "Đã nhận được hồ sơ {code}, xin nộp {amount}",
        (
            "Chúng tôi đã nhận được hồ sơ {code}: {procedure}.",
            "Phí, lệ phí phải nộp: {amount}. Hạn nộp: {due}.",
            "Nộp trực tuyến và theo dõi hồ sơ tại {link}",
        ),
    ),
    "accepted": Wording(
        "Hồ sơ {code} đã được tiếp nhận. Hẹn trả kết quả: {due}. {link}",
        "Hồ sơ {code} đã được tiếp nhận",
        ("Hồ sơ {code} đã được tiếp nhận. Thời hạn trả kết quả: {due}.", _FOLLOW),
    ),
    "appointment-booked": Wording(
        "Mời đến {place}, {address}, lúc {starts_at}: {purpose}. Hồ sơ {code}.",
        "Lịch hẹn {starts_at}, hồ sơ {code}",
        (
            "Mời Ông/Bà đến làm thủ tục: {purpose} (hồ sơ {code}).",
            "Thời gian: {starts_at}.",
            "Địa điểm: {place}, {address}.",
            "Tệp đính kèm đưa lịch hẹn này vào điện thoại hoặc máy tính của Ông/Bà.",
            _FOLLOW,
        ),
    ),
    "refused": Wording(
        "Hồ sơ {code} không được tiếp nhận: {grounds}\nXem {link}",
        "Hồ sơ {code} không được tiếp nhận",
        ("Rất tiếc, hồ sơ {code} không được tiếp nhận. Lý do: {grounds}", "Xem chi tiết tại {link}"),
    ),
    "stopped": Wording(
        "Hồ sơ {code} đã dừng xử lý. Lý do: {reason}. {link}",
        "Hồ sơ {code} đã dừng xử lý",
        ("Hồ sơ {code} đã dừng xử lý. Lý do: {reason}.", "Ông/Bà có thể nộp hồ sơ mới bất cứ lúc nào.", _FOLLOW),
    ),
    "completed": Wording(
        "Hồ sơ {code} đã xử lý xong. {result} số {result_number}, nhận tại {department}.",
        "Hồ sơ {code} đã có kết quả",
        ("Hồ sơ {code} đã xử lý xong. Kết quả: {result} số {result_number}.", "Nơi trả: {department}.", _FOLLOW),
    ),
    "returned": Wording(
        "Kết quả hồ sơ {code} đã được trả ({delivery}). Xin cảm ơn.",
        "Đã trả kết quả hồ sơ {code}",
        ("Kết quả của hồ sơ {code} đã được trả ({delivery}).", "Xin cảm ơn Ông/Bà đã sử dụng dịch vụ."),
    ),
    "supplement-requested": Wording(
        "Hồ sơ {code} cần bổ sung trước {until}: {items}. Bổ sung tại {link}",
        "Hồ sơ {code} cần bổ sung trước {until}",
        (
            "Hồ sơ {code} cần bổ sung: {items}.",
            "Hạn bổ sung: {until}. Quá hạn, hồ sơ sẽ dừng xử lý. Thời hạn giải quyết tạm dừng đến khi Ông/Bà bổ sung xong.",
            "Cơ quan chỉ yêu cầu bổ sung một lần. Bổ sung tại {link}",
        ),
    ),
    "withdrawal-declined": Wording(
        "Yêu cầu rút hồ sơ {code} không được đồng ý: {reason}\nXem {link}",
        "Yêu cầu rút hồ sơ {code} không được đồng ý",
        ("Yêu cầu rút hồ sơ {code} không được đồng ý. Lý do: {reason}", "Hồ sơ được giải quyết tiếp.", _FOLLOW),
    ),
    "rescheduled": Wording(
        "Xin lỗi Ông/Bà: hồ sơ {code} không kịp trả vào {was}, xin hẹn lại {due}. Lý do: {reason}\n{link}",
        "Xin lỗi và hẹn lại ngày trả kết quả hồ sơ {code}",
        (
            "Chúng tôi xin lỗi Ông/Bà: kết quả hồ sơ {code} không kịp trả vào {was} như đã hẹn.",
            "Lý do: {reason}",
            "Ngày hẹn trả mới: {due}.",
            _FOLLOW,
        ),
    ),
    "due-changed-calendar": Wording(
        "Ngày hẹn trả hồ sơ {code} chuyển từ {was} sang {due} do lịch làm việc thay đổi. {link}",
        "Ngày hẹn trả hồ sơ {code} thay đổi",
        (
            "Lịch làm việc thay đổi nên ngày hẹn trả kết quả hồ sơ {code} chuyển từ {was} sang {due}.",
            "Lý do: {reason}",
            _FOLLOW,
        ),
    ),
    "due-changed-verification": Wording(
        "Hồ sơ {code} cần xác minh, ngày hẹn trả chuyển từ {was} sang {due}. Lý do: {reason}\n{link}",
        "Hồ sơ {code} cần xác minh, ngày hẹn trả thay đổi",
        (
            "Hồ sơ {code} cần xác minh theo quy định của thủ tục. Lý do: {reason}",
            "Ngày hẹn trả kết quả chuyển từ {was} sang {due}.",
            _FOLLOW,
        ),
    ),
    "result-dispatched": Wording(
        "Kết quả hồ sơ {code} đã gửi qua {carrier}, mã vận đơn {tracking_number}.",
        "Kết quả hồ sơ {code} đã được gửi",
        ("Kết quả hồ sơ {code} đã được gửi qua {carrier}. Mã vận đơn: {tracking_number}.", _FOLLOW),
    ),
    "message-posted": Wording(
        "Cán bộ gửi lời nhắn trong hồ sơ {code} lúc {at}. Đọc tại {link}",
        "Lời nhắn mới trong hồ sơ {code}",
        ("Cán bộ đã gửi Ông/Bà một lời nhắn trong hồ sơ {code} lúc {at}.", "Đọc và trả lời tại {link}"),
    ),
    "corrected": Wording(
        "Cán bộ đã sửa {count} mục trong hồ sơ {code} lúc {at}. Xem trước và sau khi sửa: {link}",
        "Thông tin trong hồ sơ {code} đã được sửa",
        (
            "Cán bộ đã sửa {count} mục trong hồ sơ {code} lúc {at}. Lý do: {reason}",
            "Xem từng mục trước và sau khi sửa tại {link}. Nếu không đúng, xin nhắn cho cán bộ ngay trong hồ sơ.",
        ),
    ),
    "stopped-unpaid": Wording(
        "Hồ sơ {code} đã dừng xử lý vì quá hạn nộp phí, lệ phí. {link}",
        "Hồ sơ {code} đã dừng xử lý",
        (
            "Hồ sơ {code} đã dừng xử lý vì quá hạn nộp phí, lệ phí.",
            "Ông/Bà có thể nộp hồ sơ mới bất cứ lúc nào.",
            _FOLLOW,
        ),
    ),
    "stopped-withdrawn": Wording(
        "Hồ sơ {code} đã dừng xử lý theo yêu cầu rút của Ông/Bà. {link}",
        "Hồ sơ {code} đã được rút",
        (
            "Hồ sơ {code} đã dừng xử lý theo yêu cầu rút của Ông/Bà.",
            "Phí, lệ phí được hoàn (nếu có) sẽ được báo riêng. Ông/Bà có thể nộp hồ sơ mới bất cứ lúc nào.",
            _FOLLOW,
        ),
    ),
    "stopped-not-supplemented": Wording(
        "Hồ sơ {code} đã dừng xử lý vì quá hạn bổ sung. {link}",
        "Hồ sơ {code} đã dừng xử lý",
        ("Hồ sơ {code} đã dừng xử lý vì quá hạn bổ sung.", "Ông/Bà có thể nộp hồ sơ mới bất cứ lúc nào.", _FOLLOW),
    ),
    "completed-by-post": Wording(
        "Hồ sơ {code} đã xử lý xong. {result} số {result_number} sẽ được gửi qua bưu chính.",
        "Hồ sơ {code} đã có kết quả",
        (
            "Hồ sơ {code} đã xử lý xong. Kết quả: {result} số {result_number}.",
            "Kết quả sẽ được gửi qua bưu chính; mã vận đơn được báo khi gửi.",
            _FOLLOW,
        ),
    ),
    "completed-online": Wording(
        "Hồ sơ {code} đã xử lý xong. Nhận {result} số {result_number} tại {link}",
        "Hồ sơ {code} đã có kết quả",
        ("Hồ sơ {code} đã xử lý xong. Kết quả: {result} số {result_number}.", "Nhận kết quả trực tuyến tại {link}"),
    ),
}
