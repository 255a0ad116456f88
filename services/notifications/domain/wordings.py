"""The wordings of all notices. SMS lose their accents when they are composed; letters keep them."""

from __future__ import annotations

from dataclasses import dataclass

from services.notifications.domain.contact import Language


@dataclass(frozen=True, slots=True)
class Wording:
    """Patterns with {facts}, and {code} and {link} of the dossier."""

    sms: str
    subject: str
    paragraphs: tuple[str, ...]


NO_TIME: dict[Language, str] = {"vi": "(sẽ báo sau)", "en": "(to be announced)"}

_FOLLOW_VI = "Theo dõi hồ sơ tại {link}"
_FOLLOW_EN = "Follow your dossier at {link}"

WORDINGS: dict[tuple[str, Language], Wording] = {
    ("submitted", "vi"): Wording(
        "Hồ sơ {code} ({procedure}) đã được gửi. Theo dõi: {link}",
        "Đã nhận được hồ sơ {code}",
        ("Chúng tôi đã nhận được hồ sơ {code}: {procedure}. Thủ tục này không thu phí.", _FOLLOW_VI),
    ),
    ("submitted", "en"): Wording(
        "Dossier {code} ({procedure}) was filed. Follow it: {link}",
        "Dossier {code} was received",
        ("We received your dossier {code}: {procedure}. There is no fee.", _FOLLOW_EN),
    ),
    ("submitted-with-fee", "vi"): Wording(
        "Hồ sơ {code} đã được gửi. Phí, lệ phí: {amount}, hạn nộp {due}. Nộp tại {link}",
        "Đã nhận được hồ sơ {code}, xin nộp {amount}",
        (
            "Chúng tôi đã nhận được hồ sơ {code}: {procedure}.",
            "Phí, lệ phí phải nộp: {amount}. Hạn nộp: {due}.",
            "Nộp trực tuyến và theo dõi hồ sơ tại {link}",
        ),
    ),
    ("submitted-with-fee", "en"): Wording(
        "Dossier {code} was filed. Fee: {amount}, due {due}. Pay at {link}",
        "Dossier {code} was received, please pay {amount}",
        (
            "We received your dossier {code}: {procedure}.",
            "Fee to be paid: {amount}. Due: {due}.",
            "Pay online and follow your dossier at {link}",
        ),
    ),
    ("paid", "vi"): Wording(
        "Đã thu {amount} cho hồ sơ {code}. Biên lai số {receipt_number}.",
        "Đã thu {amount} cho hồ sơ {code}",
        ("Chúng tôi đã thu {amount} cho hồ sơ {code}. Biên lai số {receipt_number}.", _FOLLOW_VI),
    ),
    ("paid", "en"): Wording(
        "{amount} received for dossier {code}. Receipt no. {receipt_number}.",
        "{amount} received for dossier {code}",
        ("We received {amount} for dossier {code}. Receipt number {receipt_number}.", _FOLLOW_EN),
    ),
    ("accepted", "vi"): Wording(
        "Hồ sơ {code} đã được tiếp nhận. Hẹn trả kết quả: {due}. {link}",
        "Hồ sơ {code} đã được tiếp nhận",
        ("Hồ sơ {code} đã được tiếp nhận. Thời hạn trả kết quả: {due}.", _FOLLOW_VI),
    ),
    ("accepted", "en"): Wording(
        "Dossier {code} was accepted. Result due: {due}. {link}",
        "Dossier {code} was accepted",
        ("Dossier {code} was accepted. The result is due: {due}.", _FOLLOW_EN),
    ),
    ("appointment-booked", "vi"): Wording(
        "Mời đến {place}, {address}, lúc {starts_at}: {purpose}. Hồ sơ {code}.",
        "Lịch hẹn {starts_at}, hồ sơ {code}",
        (
            "Mời Ông/Bà đến làm thủ tục: {purpose} (hồ sơ {code}).",
            "Thời gian: {starts_at}.",
            "Địa điểm: {place}, {address}.",
            "Tệp đính kèm đưa lịch hẹn này vào điện thoại hoặc máy tính của Ông/Bà.",
            _FOLLOW_VI,
        ),
    ),
    ("appointment-booked", "en"): Wording(
        "Please come to {place}, {address}, at {starts_at}: {purpose}. Dossier {code}.",
        "Appointment at {starts_at}, dossier {code}",
        (
            "Please come to the desk for: {purpose} (dossier {code}).",
            "When: {starts_at}.",
            "Where: {place}, {address}.",
            "The attached file puts the appointment into your calendar.",
            _FOLLOW_EN,
        ),
    ),
    ("refused", "vi"): Wording(
        "Hồ sơ {code} không được tiếp nhận: {grounds}\nXem {link}",
        "Hồ sơ {code} không được tiếp nhận",
        ("Rất tiếc, hồ sơ {code} không được tiếp nhận. Lý do: {grounds}", "Xem chi tiết tại {link}"),
    ),
    ("refused", "en"): Wording(
        "Dossier {code} was not accepted: {grounds}\nSee {link}",
        "Dossier {code} was not accepted",
        ("We are sorry: dossier {code} was not accepted. Grounds: {grounds}", "See the details at {link}"),
    ),
    ("stopped", "vi"): Wording(
        "Hồ sơ {code} đã dừng xử lý. Lý do: {reason}. {link}",
        "Hồ sơ {code} đã dừng xử lý",
        ("Hồ sơ {code} đã dừng xử lý. Lý do: {reason}.", "Ông/Bà có thể nộp hồ sơ mới bất cứ lúc nào.", _FOLLOW_VI),
    ),
    ("stopped", "en"): Wording(
        "Dossier {code} was stopped. Reason: {reason}. {link}",
        "Dossier {code} was stopped",
        ("Dossier {code} was stopped. Reason: {reason}.", "You may file a new one at any time.", _FOLLOW_EN),
    ),
    ("completed", "vi"): Wording(
        "Hồ sơ {code} đã xử lý xong. {result} số {result_number}, nhận tại {department}.",
        "Hồ sơ {code} đã có kết quả",
        ("Hồ sơ {code} đã xử lý xong. Kết quả: {result} số {result_number}.", "Nơi trả: {department}.", _FOLLOW_VI),
    ),
    ("completed", "en"): Wording(
        "Dossier {code} is done. {result} no. {result_number}, at {department}.",
        "The result of dossier {code} is ready",
        ("Dossier {code} is done. Result: {result} no. {result_number}.", "Collect at: {department}.", _FOLLOW_EN),
    ),
    ("returned", "vi"): Wording(
        "Kết quả hồ sơ {code} đã được trả ({delivery}). Xin cảm ơn.",
        "Đã trả kết quả hồ sơ {code}",
        ("Kết quả của hồ sơ {code} đã được trả ({delivery}).", "Xin cảm ơn Ông/Bà đã sử dụng dịch vụ."),
    ),
    ("returned", "en"): Wording(
        "The result of dossier {code} was handed over ({delivery}). Thank you.",
        "The result of dossier {code} was handed over",
        ("The result of dossier {code} was handed over ({delivery}).", "Thank you."),
    ),
    ("refunded", "vi"): Wording(
        "Đã hoàn {amount} của hồ sơ {code} theo cách Ông/Bà đã nộp.",
        "Đã hoàn {amount} của hồ sơ {code}",
        ("Chúng tôi đã hoàn {amount} của hồ sơ {code} về nơi Ông/Bà đã dùng để nộp.", _FOLLOW_VI),
    ),
    ("refunded", "en"): Wording(
        "{amount} of dossier {code} was refunded the way you paid it.",
        "{amount} of dossier {code} was refunded",
        ("We refunded {amount} of dossier {code} to where it was paid from.", _FOLLOW_EN),
    ),
}
