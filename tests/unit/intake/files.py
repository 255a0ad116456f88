"""Small real files of every type that is taken, and of some that are not."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from types import MappingProxyType


def pdf(text: str = "Giay khai sinh", padding: int = 0) -> bytes:
    """One page in the classical form; `padding` bytes more in a comment."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]
    made, offsets = bytearray(b"%PDF-1.7\n%" + b"x" * padding + b"\n"), []
    for number, each in enumerate(objects, 1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(made)
    made += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(made + b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start)


def png(width: int = 3, height: int = 2) -> bytes:
    """A grey picture."""
    pixels = zlib.compress((b"\x00" + b"\x80" * width) * height)
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def jpeg(entropy: bytes = b"\x12\xff\x00\x34\xff\xd0\x56", preview: bytes = b"") -> bytes:
    """The structure of a photograph with two scans, and a preview in its first segment."""

    def segment(marker: int, data: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data

    exif = segment(0xE1, b"Exif\0\0" + preview)
    tables = segment(0xDB, b"\0" * 65) + segment(0xC2, b"\x08\0\x02\0\x03\x01\x01\x11\0") + segment(0xC4, b"\0" * 17)
    scan = segment(0xDA, b"\x01\x01\0\0\x3f\0") + entropy
    return b"\xff\xd8" + exif + tables + scan + segment(0xC4, b"\0" * 17) + b"\xff" + scan + b"\xff\xd9"


def packed(parts: Mapping[str, bytes], comment: bytes = b"") -> bytes:
    """A ZIP file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 6, 9, 8, 0, 0)), data)
        archive.comment = comment
    return target.getvalue()


def office(main: str = "word/document.xml", more: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
    return packed(
        {"[Content_Types].xml": b"<Types/>", "_rels/.rels": b"<Relationships/>", main: b"<document/>", **more}
    )


def xml(inside: str = "") -> bytes:
    """A signed declaration."""
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ToKhai><Ten>Ánh</Ten>{inside}{signature}</ToKhai>'.encode()


GOOD = {
    "giấy khai sinh.pdf": pdf(),
    "ảnh.png": png(),
    "ảnh.jpg": jpeg(preview=jpeg()),
    "đơn.docx": office(),
    "bảng.xlsx": office("xl/workbook.xml"),
    "tờ khai.xml": xml(),
}
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00" + b"\x00" * 56 + b"PE\x00\x00"
