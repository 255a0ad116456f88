"""What is wrong with a field of a request, in words that say what to write instead: Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import PydanticCustomError

_SHORT = ("Nội dung quá ngắn (ít nhất {min_length} ký tự).", "Too short (at least {min_length} characters).")
_LONG = ("Nội dung quá dài (nhiều nhất {max_length} ký tự).", "Too long (at most {max_length} characters).")
_WHOLE = ("Phải là số nguyên.", "Must be a whole number.")
_YES_OR_NO = ("Phải là true hoặc false.", "Must be true or false.")
_LIST = ("Phải là một danh sách, viết trong [ ].", "Must be a list, written in [ ].")
_GROUP = ("Phải là một nhóm trường, viết trong { }.", "Must be an object, written in { }.")
_MOMENT = (
    "Thời điểm không đọc được; hãy viết như 2026-06-09T08:00:00+07:00.",
    "Not a time; write it like 2026-06-09T08:00:00+07:00.",
)
_DATE = ("Ngày không có trong lịch (viết NĂM-THÁNG-NGÀY).", "Not a date (write YYYY-MM-DD).")
_UUID = ("Không phải là một mã UUID.", "Not a UUID.")
_CHOICE = ("Không thuộc các lựa chọn cho phép.", "Not one of the choices.")
# pydantic's error types in our words, with the bound that was passed; whatever is not named here is told by the last line.
_FIELD = {
    "missing": ("Thiếu thông tin này.", "This field is missing."),
    "extra_forbidden": ("Trường này không có trong biểu mẫu.", "This field is not part of the form."),
    "string_too_short": _SHORT,
    "string_too_long": _LONG,
    "string_type": ("Phải là chữ.", "Must be text."),
    "string_unicode": ("Có ký tự không đọc được.", "It has characters that cannot be read."),
    "string_pattern_mismatch": ("Có ký tự không được dùng ở đây.", "It has characters that are not used here."),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": ("Phải là số nguyên, không có phần lẻ.", "Must be a whole number, without a fraction."),
    "int_parsing_size": ("Số này quá lớn.", "This number is too large."),
    "finite_number": ("Phải là một số hữu hạn.", "Must be a finite number."),
    "greater_than": ("Phải lớn hơn {gt}.", "Must be more than {gt}."),
    "greater_than_equal": ("Nhỏ nhất là {ge}.", "At least {ge}."),
    "less_than": ("Phải nhỏ hơn {lt}.", "Must be less than {lt}."),
    "less_than_equal": ("Lớn nhất là {le}.", "At most {le}."),
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "too_short": ("Có ít nhất {min_length} mục.", "At least {min_length} entries."),
    "too_long": ("Có nhiều nhất {max_length} mục.", "At most {max_length} entries."),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _GROUP,
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "timezone_aware": (
        "Thời điểm phải kèm múi giờ, ví dụ 2026-06-09T08:00:00+07:00.",
        "A time names its zone, like 2026-06-09T08:00:00+07:00.",
    ),
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": (
        "Chỉ ghi ngày, không ghi giờ (viết NĂM-THÁNG-NGÀY).",
        "A date only, without a time (write YYYY-MM-DD).",
    ),
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "literal_error": _CHOICE,
    "enum": _CHOICE,
    "union_tag_invalid": ("Không thuộc các loại cho phép.", "Not one of the kinds."),
    "union_tag_not_found": (
        "Thiếu trường cho biết đây là loại nào.",
        "The field that says of which kind it is is missing.",
    ),
    "json_invalid": ("Nội dung không phải là JSON.", "The body is not JSON."),
}
# A text that is measured after another validator has seen it is "a value" to pydantic, with no length of its own kind.
_OF_TEXT = {"too_short": _SHORT, "too_long": _LONG}
_BOUNDS = frozenset(("gt", "ge", "lt", "le", "min_length", "max_length"))
_OTHER = ("Giá trị không đúng dạng.", "The value does not have the right form.")


def mistake(code: str, vi: str, en: str) -> PydanticCustomError:
    """What a validator of a request raises where the form alone does not say what is wrong; with words of its own."""
    return PydanticCustomError(code, "{en}", {"vi": vi, "en": en})


def field_errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """pydantic's errors as {"path", "code", "vi", "en"}; the typed value itself is never repeated."""
    told = []
    for error in errors:
        context = error.get("ctx", {})
        vi, en = _words(error["type"], context)
        # FastAPI names the part of the request first, and of a body that is no JSON the position of the mistake.
        within = error["loc"][1:] if error["loc"][:1] == ("body",) else error["loc"]
        place = [] if error["type"] == "json_invalid" else [str(part) for part in within]
        for name in _BOUNDS & context.keys():
            bound = str(context[name])
            vi, en = vi.replace(f"{{{name}}}", bound), en.replace(f"{{{name}}}", bound)
        told.append({"path": ".".join(place) or "body", "code": error["type"], "vi": vi, "en": en})
    return told


def _words(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    if "vi" in context:
        return context["vi"], context["en"]
    if context.get("field_type") == "Value":
        return _OF_TEXT.get(kind, _OTHER)
    return _FIELD.get(kind, _OTHER)
