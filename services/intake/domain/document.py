"""An uploaded document: immutable; a new version is a new document."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.errors import Refusal

LONGEST_NAME = 200
_MIB = 2**20

Scan = Literal["none", "clean"]
"""`none`: no virus scanner is set up."""


class Document(BaseModel):
    """What is known of a document; its content is in the object store, under its id.

    It belongs to a citizen (`person_id`) or to an agency, never to both. `size` in bytes; `sha256` in hexadecimal digits.
    `attached`: a dossier has it, so it is kept.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    person_id: UUID | None
    agency: str | None
    uploaded_by: str
    name: str
    media_type: str
    size: int
    sha256: str
    scan: Scan
    created_at: datetime
    attached: bool = False


def file_name(typed: str) -> str:
    """The name as it is kept: NFC, without spaces around it. Raises Refusal 422 for one that is no name of a file.

    Invisible characters are refused with the control characters: one of them lets `…fdp.exe` be read as `…exe.pdf`.
    """
    name = unicodedata.normalize("NFC", typed).strip()
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise _bad_name("Cần tên tệp, không kèm đường dẫn.", "Give the file's name, without its path.")
    if any(unicodedata.category(character).startswith("C") for character in name):
        raise _bad_name("Tên tệp có ký tự ẩn; hãy đổi tên tệp.", "The name has invisible characters; rename the file.")
    if len(name) > LONGEST_NAME:
        raise _bad_name(
            f"Tên tệp dài quá {LONGEST_NAME} ký tự; hãy đặt tên ngắn hơn.",
            f"The name has more than {LONGEST_NAME} characters; make it shorter.",
        )
    return name


def used() -> Refusal:
    """For an agency's document that belongs to a dossier already: its content is somebody's, and shown to nobody else."""
    return Refusal(
        "document_used",
        "Tệp này đã nằm trong một hồ sơ khác; hãy tải lên đúng tệp của hồ sơ này.",
        "A dossier has this file already; upload the one that belongs to this dossier.",
    )


def too_large(most: int) -> Refusal:
    return Refusal(
        "document_too_large",
        f"Tệp lớn hơn {_size(most)}; hãy quét ở độ phân giải thấp hơn hoặc chia thành nhiều tệp.",
        f"The file is larger than {_size(most)}; scan it at a lower resolution, or divide it.",
        413,
    )


def too_many(most: int) -> Refusal:
    return Refusal(
        "documents_too_many",
        f"Bạn đã tải lên {most} tệp chưa dùng trong một ngày; hãy xóa bớt hoặc nộp hồ sơ rồi tải tiếp.",
        f"You have uploaded {most} files in a day that no dossier uses; delete some, or file your dossier first.",
        429,
    )


def _size(count: int) -> str:
    return f"{count / _MIB:.1f} MiB".replace(".0 MiB", " MiB")


def _bad_name(vi: str, en: str) -> Refusal:
    return Refusal("document_name", vi, en, 422, ({"path": "name", "code": "document_name", "vi": vi, "en": en},))
