"""What a broken promise is called, for people: what changed, whom it breaks, what to do instead."""

from __future__ import annotations

import json
import re
from typing import Any

from deploy.kafka.certificates import Certificate
from motcua.promises import WORDS, Altered
from motcua.released import Fault, News

_KEYWORDS = {
    "type": ("kiểu", "type"),
    "enum": ("các giá trị được phép", "allowed values"),
    "minimum": ("giá trị nhỏ nhất", "minimum"),
    "maximum": ("giá trị lớn nhất", "maximum"),
    "exclusiveMinimum": ("cận dưới (không kể)", "exclusive minimum"),
    "exclusiveMaximum": ("cận trên (không kể)", "exclusive maximum"),
    "multipleOf": ("bội số", "multiple"),
    "minLength": ("độ dài ít nhất", "minimum length"),
    "maxLength": ("độ dài nhiều nhất", "maximum length"),
    "minItems": ("số phần tử ít nhất", "minimum number of items"),
    "maxItems": ("số phần tử nhiều nhất", "maximum number of items"),
    "pattern": ("mẫu", "pattern"),
    "format": ("định dạng", "format"),
    "default": ("giá trị mặc định", "default"),
}
_KEEP = ("Hãy để trường như cũ", "Leave the field as it was")
_ADVICE = {
    "new": ("Hãy cho trường một giá trị mặc định", "Give the field a default"),
    "required": ("Hãy để trường vẫn không bắt buộc", "Leave the field optional"),
    "renamed": ("Hãy giữ cả hai tên", "Keep both names"),
}


def broken(fault: Fault) -> tuple[str, str]:
    """The sentences on one fault, Vietnamese and English."""
    if fault.found.what == "gone":
        return _gone(fault)
    was, now = _change(fault)
    place = fault.found.field
    readers = ", ".join(fault.readers)
    backward = fault.direction == "backward"
    whom_vi = f"bản mới của {readers or 'người đọc'}" if backward else f"{readers or 'người đọc'} bản hiện nay"
    whom_en = f"new releases of {readers or 'readers'}" if backward else f"{readers or 'readers'} as they are now"
    what_vi, what_en = ("sự kiện cũ", "old events") if backward else ("sự kiện mới", "new events")
    keep_vi, keep_en = _ADVICE.get(fault.found.what, _KEEP) if backward else _KEEP
    beside = _next_version(fault.type)
    return (
        f"{fault.type}, {f'trường {place}' if place else 'toàn bộ'}: {was}; {whom_vi} không đọc đúng {what_vi} trên "
        f"{fault.topic} ({fault.direction}, so với bản phát hành {fault.release}). {keep_vi}, hoặc thêm {beside} "
        "bên cạnh phiên bản này.",
        f"{fault.type}, {f'field {place}' if place else 'the whole'}: {now}; {whom_en} do not read {what_en} on "
        f"{fault.topic} right ({fault.direction}, compared with release {fault.release}). {keep_en}, or add {beside} "
        "beside this version.",
    )


def announced(news: News) -> tuple[str, str]:
    """Whom to tell, and in which order to go, before what is new may be written."""
    readers = ", ".join(news.readers)
    vi, en = ("loại mới", "a new type") if news.first else ("lược đồ đã thay đổi", "its schema has changed")
    return (
        f"{news.type}: {vi}; nâng cấp người đọc trước ({readers or 'chưa có ai'}), nơi ghi sau.",
        f"{news.type}: {en}; upgrade its readers first ({readers or 'nobody yet'}), the writer last.",
    )


def altered(found: Altered) -> tuple[str, str]:
    """The sentences on a certificate that says something else than what its topic promised."""
    readers = ", ".join(found.readers)
    beside = _next_version(found.topic)
    return (
        f"{found.topic}: {found.word} đổi từ {found.was or 'không có'} thành {found.now}; lời hứa của một chủ đề được giữ, vì "
        f"bản ghi và người đọc ({readers or 'chưa có ai'}) dựa vào nó. Hãy để giấy khai sinh như cũ, hoặc lập {beside}.",
        f"{found.topic}: {found.word} changed from {found.was or 'none'} to {found.now}; a topic's promise is kept, for its "
        f"records and its readers ({readers or 'nobody yet'}) rest on it. Leave the certificate as it was, or make {beside}.",
    )


def promising(certificate: Certificate) -> tuple[str, str]:
    """What a topic is about to promise for good."""
    said = ", ".join(f"{word}: {getattr(certificate, word)}" for word in WORDS)
    return (
        f"{certificate.topic}: chủ đề mới; từ khi phát hành sẽ giữ mãi ({said}).",
        f"{certificate.topic}: a new topic; once released it keeps for good ({said}).",
    )


def _change(fault: Fault) -> tuple[str, str]:
    """What changed between the release and today, in both languages."""
    found, backward = fault.found, fault.direction == "backward"
    before, after = (found.written, found.read) if backward else (found.read, found.written)
    if found.what == "new":
        absent = (
            ("có thêm và bắt buộc", "is new and required"),
            ("bắt buộc mà nay không còn", "was required and is gone"),
        )
        return absent[0] if backward else absent[1]
    if found.what == "required":
        asked = ("nay bắt buộc", "is required now"), ("không còn bắt buộc", "is no longer required")
        return asked[0] if backward else asked[1]
    if found.what == "renamed":
        return f"{before} đổi tên thành {after}", f"{before} was renamed to {after}"
    if found.what == "refused":
        return "bị từ chối ở phía đọc", "is refused by readers"
    if found.what == "whole":
        return "jsoncompat thấy không tương thích", "jsoncompat finds it incompatible"
    vi, en = _KEYWORDS.get(found.what, (found.what, found.what))
    was, now = (_shown(found.what, value) for value in (before, after))
    return (
        f"{vi} đổi từ {was or 'không có'} thành {now or 'không có'}",
        f"{en} changed from {was or 'none'} to {now or 'none'}",
    )


def _gone(fault: Fault) -> tuple[str, str]:
    place = f"contracts/released/{fault.topic}/{fault.type}"
    return (
        f"{fault.type}: không còn trên {fault.topic}, mà bản ghi cũ vẫn còn ở đó và sẽ bị giữ lại. Hãy để lớp và giấy "
        f"khai sinh như cũ; khi chủ đề không còn bản ghi nào của loại này, xóa {place} cùng với chúng.",
        f"{fault.type}: is gone from {fault.topic}, and its records that are still there would be parked. Keep the class "
        f"and its certificate; once the topic holds no record of this type, delete {place} together with them.",
    )


def _next_version(kind: str) -> str:
    return re.sub(r"\d+$", lambda number: str(int(number[0]) + 1), kind)


def _shown(keyword: str, value: Any) -> str:
    """A keyword's value as it stands in the schema, but without quotes where it can only be text."""
    if value is None:
        return ""
    return str(value) if keyword in {"type", "pattern", "format"} else json.dumps(value, ensure_ascii=False)
