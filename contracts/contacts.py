"""contacts.v1: how a person is reached. Owned by intake, keyed by person id, compacted; the value is sealed.

The only topic with personal data. Its values are JWE (RFC 7516, `dir` with A256GCM); a tombstone erases a person.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.event import Data, events

TOPIC = "contacts.v1"


class Updated(Data):
    """The person's latest name and addresses, as given with the latest dossier."""

    name: str = Field(description="Họ và tên, chuẩn NFC", examples=["Nguyễn Thị Ánh"])
    phone: str | None = Field(default=None, description="E.164", examples=["+84900000001"])
    email: str | None = None
    language: Literal["vi", "en"] = "vi"


EVENTS = events(TOPIC, "vn.motcua.contact", {"updated": Updated})
