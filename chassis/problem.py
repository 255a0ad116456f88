"""Errors as people and programs read them: RFC 9457 problem+json, Vietnamese first, every wrong field at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from chassis.backlog import RETRY_AFTER_SECONDS
from chassis.errors import NotSigned, Refusal
from chassis.mistakes import field_errors

MEDIA_TYPE = "application/problem+json"

_TITLES = {
    400: ("Yêu cầu không hợp lệ", "Bad request"),
    401: ("Chưa đăng nhập", "Not signed in"),
    403: ("Không được phép", "Not allowed"),
    404: ("Không tìm thấy", "Not found"),
    405: ("Phương thức không được hỗ trợ", "Method not allowed"),
    408: ("Gửi quá chậm", "Too slow"),
    409: ("Không thực hiện được ở trạng thái này", "Not possible in this state"),
    413: ("Nội dung quá lớn", "Too large"),
    415: ("Kiểu nội dung không được hỗ trợ", "Unsupported media type"),
    422: ("Dữ liệu chưa đúng", "Invalid data"),
    429: ("Quá nhiều yêu cầu", "Too many requests"),
    500: ("Lỗi hệ thống", "Internal error"),
    503: ("Tạm thời chưa phục vụ được", "Temporarily unavailable"),
}
_NOT_SIGNED = ("Chữ ký không được chấp nhận", "Signature not accepted")


class FieldError(BaseModel):
    """One wrong field."""

    path: str
    code: str
    vi: str
    en: str


class Problem(BaseModel):
    """RFC 9457, in Vietnamese and English."""

    type: str
    title: str
    title_en: str
    status: int
    code: str
    detail: str
    detail_en: str
    errors: list[FieldError] = []


_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER_SECONDS)}}

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": " · ".join(title)}
    for status, title in _TITLES.items()
    if status in (401, 403, 404, 409, 413, 422, 503)
}


def documented(openapi: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document whose errors have the media type that they are sent with."""
    for path in openapi["paths"].values():
        for operation in path.values():
            for status, told in operation["responses"].items():
                if status >= "400" and "application/json" in told.get("content", {}):
                    told["content"] = {MEDIA_TYPE: told["content"]["application/json"]}
    return openapi


def response(
    status: int,
    code: str,
    vi: str,
    en: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    title: tuple[str, str] | None = None,
) -> JSONResponse:
    """A problem; `detail` is Vietnamese, `detail_en` English, `errors` one entry for each wrong field."""
    title = title or _TITLES.get(status, _TITLES[400])
    body: dict[str, Any] = {
        "type": f"urn:motcua:problem:{code}",
        "title": title[0],
        "title_en": title[1],
        "status": status,
        "code": code,
        "detail": vi,
        "detail_en": en,
    }
    if errors:
        body["errors"] = [dict(error) for error in errors]
    return JSONResponse(body, status, dict(headers or {}), media_type=MEDIA_TYPE)


def of_refusal(refusal: Refusal) -> JSONResponse:
    if isinstance(refusal, NotSigned):
        told = refusal.code, refusal.vi, refusal.en
        return response(401, *told, headers={"WWW-Authenticate": refusal.scheme}, title=_NOT_SIGNED)
    return response(refusal.status, refusal.code, refusal.vi, refusal.en, refusal.errors, _HEADERS.get(refusal.status))


def of_validation(error: RequestValidationError) -> JSONResponse:
    return of_refusal(refusal_of(error.errors()))


def refusal_of(errors: Sequence[Any]) -> Refusal:
    """The Refusal 422 that tells pydantic's errors."""
    return invalid(field_errors(errors))


def invalid(errors: Sequence[dict[str, str]]) -> Refusal:
    """The Refusal 422 that tells these wrong fields, each {"path", "code", "vi", "en"}."""
    return Refusal(
        "invalid",
        "Có thông tin chưa đúng; xem từng mục dưới đây.",
        "Some fields are not right; see each below.",
        422,
        tuple(errors),
    )


def of_http(error: HTTPException) -> JSONResponse:
    vi, en = _TITLES.get(error.status_code, _TITLES[400])
    code = en.lower().replace(" ", "_")
    if error.status_code == 413:
        vi, en = f"{vi} (nhiều nhất {error.detail})", f"{en} (at most {error.detail})"
    return response(error.status_code, code, f"{vi}.", f"{en}.", (), error.headers)


def unavailable(reason: str) -> JSONResponse:
    """503, with what is awaited; nothing was changed."""
    return response(
        503,
        "unavailable",
        "Hệ thống tạm thời chưa phục vụ được. Xin thử lại sau ít giây.",
        f"Temporarily unavailable; try again in a few seconds. Waiting: {reason}",
        (),
        {"Retry-After": "2"},
    )
