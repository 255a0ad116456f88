"""What an uploaded file is, by its content: its name says nothing that is believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from chassis.errors import Refusal
from services.intake.domain import structure
from services.intake.domain.signed_xml import SignedXml
from services.intake.domain.structure import DamagedError, TruncatedError, Walk

MediaType = Literal[
    "application/pdf",
    "image/jpeg",
    "image/png",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/xml",
]
EXTENSIONS: dict[MediaType, tuple[str, ...]] = {
    "application/pdf": (".pdf",),
    "image/jpeg": (".jpg", ".jpeg", ".jfif"),
    "image/png": (".png",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/xml": (".xml",),
}
"""The types that are taken, with the endings of their names."""

ACCEPTED = "PDF, JPEG, PNG, DOCX, XLSX, XML"
_OFFICE: dict[str, MediaType] = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_SIGNATURES = (structure.PDF, structure.PNG, structure.JPEG, structure.ZIP, b"<?xml", b"\xef\xbb\xbf<?xml")
# Windows, Linux, macOS (both byte orders and universal, which Java classes share), scripts.
_PROGRAMS = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_SIGNED_BYTES, _HEAD_BYTES = 8, 2048


@dataclass
class Content:
    """A file as it passes by: feed it every chunk, then ask what it is. Keeps only the file's beginning and its end."""

    size: int = 0
    _head: bytes = b""
    _tail: bytearray = field(default_factory=bytearray)
    _walk: Walk | SignedXml | None = None
    _damage: DamagedError | None = None

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        before = self._head
        if len(before) < _HEAD_BYTES:
            self._head += chunk[: _HEAD_BYTES - len(before)]
        self._tail += chunk[-structure.TAIL_BYTES :]
        del self._tail[: -structure.TAIL_BYTES]
        if len(before) < _SIGNED_BYTES <= len(self._head):
            self._walk = _walk_of(self._head)
            chunk = before + chunk
        if self._walk is not None and self._damage is None:
            try:
                self._walk.feed(chunk)
            except DamagedError as damage:
                self._damage = damage

    def judged(self, name: str) -> MediaType:
        """The file's type.

        Raises Refusal 422: document_empty, document_executable, document_type, document_truncated, document_damaged,
        document_macro, document_encrypted, or document_extension when the name promises another type.
        """
        if self.size == 0:
            raise _refused("empty", "Tệp không có nội dung; hãy chọn lại tệp.", "The file is empty; choose it again.")
        if self._head.startswith(_PROGRAMS):
            raise _refused(
                "executable",
                "Tệp này là một chương trình, dù tên là gì; không nhận chương trình.",
                "The file is a program, whatever its name says; programs are not taken.",
            )
        try:
            media_type = self._type()
        except TruncatedError:
            raise _refused(
                "truncated",
                "Tệp bị thiếu phần cuối: có thể lần sao chép hoặc tải lên trước bị ngắt. Hãy mở tệp để kiểm tra rồi gửi lại.",
                "The end of the file is missing: copying or uploading it may have broken off. Open it, then send it again.",
            ) from None
        except DamagedError as damage:
            raise _refused(
                "damaged",
                "Tệp bị hỏng, không đọc được. Hãy lưu lại hoặc quét lại rồi gửi.",
                f"The file is damaged: {damage}. Save or scan it again.",
            ) from None
        if not name.lower().endswith(EXTENSIONS[media_type]):
            right, given = EXTENSIONS[media_type][0], PurePosixPath(name).suffix or "…"
            raise _refused(
                "extension",
                f"Tên tệp kết thúc bằng {given} nhưng nội dung là {right[1:].upper()}; hãy đổi đuôi tên thành {right}.",
                f"The name ends in {given} but the content is {right[1:].upper()}; let the name end in {right}.",
            )
        return media_type

    def _type(self) -> MediaType:
        """Raises TruncatedError, DamagedError, Refusal."""
        short = len(self._head) < _SIGNED_BYTES
        if short and any(each.startswith(self._head) or self._head.startswith(each) for each in _SIGNATURES):
            raise TruncatedError
        if self._damage is not None:
            raise self._damage
        if self._head.startswith(structure.PDF):
            structure.check_pdf(self._head, bytes(self._tail), self.size)
            return "application/pdf"
        if self._head.startswith(structure.ZIP):
            return _office(structure.zip_parts(bytes(self._tail), self.size))
        if self._walk is None:
            raise _of_another_type()
        if not self._walk.whole:
            raise TruncatedError
        if isinstance(self._walk, SignedXml):
            if not self._walk.signed:
                raise _refused(
                    "unsigned",
                    "Tệp XML chưa có chữ ký số; hãy ký số rồi gửi lại.",
                    "The XML file has no digital signature; sign it, then send it again.",
                )
            return "application/xml"
        return "image/png" if self._head.startswith(structure.PNG) else "image/jpeg"


def _walk_of(head: bytes) -> Walk | SignedXml | None:
    if head.startswith(structure.PNG):
        return Walk(structure.png())
    if head.startswith(structure.JPEG):
        return Walk(structure.jpeg())
    return SignedXml() if head.startswith((b"<?xml", b"\xef\xbb\xbf<?xml")) else None


def _office(parts: list[structure.Part]) -> MediaType:
    """The type of an Office Open XML file (ECMA-376, part 2). Raises Refusal for any other ZIP file."""
    names = {part.name for part in parts}
    found = [media_type for name, media_type in _OFFICE.items() if name in names]
    if "[Content_Types].xml" not in names or len(found) != 1:
        raise _of_another_type()
    if any(part.encrypted for part in parts):
        raise _refused(
            "encrypted",
            "Tệp có mật khẩu nên cán bộ không mở được; hãy bỏ mật khẩu rồi gửi lại.",
            "The file has a password, so officers cannot open it; remove it, then send the file again.",
        )
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise _refused(
            "macro",
            "Tệp có macro; hãy lưu lại dạng không có macro (.docx, .xlsx) hoặc PDF.",
            "The file has macros; save it without them (.docx, .xlsx) or as PDF.",
        )
    return found[0]


def _of_another_type() -> Refusal:
    return _refused(
        "type",
        f"Không nhận loại tệp này. Hãy gửi một trong các loại: {ACCEPTED}.",
        f"Files of this type are not taken. Send one of: {ACCEPTED}.",
    )


def _refused(code: str, vi: str, en: str) -> Refusal:
    return Refusal(f"document_{code}", vi, en, 422)
