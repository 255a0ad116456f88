"""Who applies."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Applicant(BaseModel):
    """Who applies, in the one form in which we keep it: names in NFC, phones in E.164."""

    model_config = ConfigDict(frozen=True)

    name: str
    citizen_id: str
    birth_date: date
    sex: Literal["nam", "nữ"]
    phone: str | None = None
    email: str | None = None
    language: Literal["vi", "en"] = "vi"
