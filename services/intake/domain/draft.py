"""A draft: a form that its citizen has begun and not filed. Nothing is asked of it but that it can be kept."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.errors import NotFound, Refusal
from services.intake.domain.clean import clean
from services.intake.domain.problem import Problems

MOST = 20
MOST_BYTES = 64 * 1024
KEPT = timedelta(days=90)


class Draft(BaseModel):
    """What somebody has typed so far. `version` counts how often it was saved (ETag)."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    person_id: UUID
    version: int = 1
    form: dict[str, Any]
    created_at: datetime
    changed_at: datetime

    @property
    def procedure(self) -> str | None:
        """What the form is for, once that was chosen."""
        code = self.form.get("procedure")
        return code if isinstance(code, str) else None

    @property
    def kept_until(self) -> datetime:
        """When it is forgotten, unless somebody touches it before."""
        return self.changed_at + KEPT


def kept(form: dict[str, Any]) -> dict[str, Any]:
    """The form as it is kept, right or wrong. Raises Refusal 422 for what cannot be kept, 413 for too much."""
    wrong = Problems()
    cleaned: dict[str, Any] = clean(form, wrong)
    try:
        size = len(json.dumps(cleaned, allow_nan=False, ensure_ascii=False).encode())
    except ValueError:
        wrong.add("form", "number", "Có số không hợp lệ.", "A number that JSON does not have.")
        size = 0
    wrong.raise_any()
    if size > MOST_BYTES:
        raise Refusal(
            "draft_too_large",
            f"Bản nháp dài quá {MOST_BYTES // 1024} KiB; hãy rút gọn nội dung, giấy tờ thì tải lên riêng.",
            f"A draft may have at most {MOST_BYTES // 1024} KiB; make it shorter, and upload documents by themselves.",
            413,
        )
    return cleaned


def too_many() -> Refusal:
    return Refusal(
        "too_many_drafts",
        f"Mỗi người có nhiều nhất {MOST} bản nháp; hãy nộp hoặc xóa bớt.",
        f"A person may have at most {MOST} drafts; file or delete some.",
    )


def nothing() -> NotFound:
    return NotFound("Không tìm thấy bản nháp này.", "There is no such draft.")


def stale() -> Refusal:
    return Refusal(
        "stale",
        "Bản nháp đã được lưu ở nơi khác. Hãy tải lại rồi sửa tiếp.",
        "The draft was saved elsewhere meanwhile. Load it again first.",
        412,
    )
