"""What a file is, and whether it is whole, by its content."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.intake.domain.content import EXTENSIONS, Content
from services.intake.domain.structure import TAIL_BYTES
from tests.unit.intake.files import GOOD, PROGRAM, jpeg, office, packed, pdf, png, xml


def judged(content: bytes, name: str, cut: int = 65536) -> str:
    """The type, or the code of the refusal, of a file that comes in chunks of `cut` bytes."""
    seen = Content()
    for at in range(0, len(content), cut):
        seen.feed(content[at : at + cut])
    assert seen.size == len(content)
    return code_of(seen, name)


def code_of(seen: Content, name: str) -> str:
    try:
        return seen.judged(name)
    except Refusal as refusal:
        told = refusal
    assert told.status == 422
    assert told.code.startswith("document_")
    assert told.vi.endswith(".")
    assert told.en.endswith(".")
    return told.code


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_has_the_type_of_its_content_however_it_is_cut(name: str) -> None:
    (expected,) = [media_type for media_type, endings in EXTENSIONS.items() if name.endswith(endings)]
    for cut in (1, 2, 7, 8, 9, 100, 65536):
        assert judged(GOOD[name], name, cut) == expected
        assert judged(GOOD[name], name.upper(), cut) == expected


@given(st.sampled_from(sorted(GOOD)), st.data(), st.integers(1, 200))
def test_every_beginning_of_a_good_file_is_truncated(name: str, data: st.DataObject, cut: int) -> None:
    length = data.draw(st.integers(1, len(GOOD[name]) - 1))
    assert judged(GOOD[name][:length], name, cut) == "document_truncated"


@given(
    st.sampled_from(
        [b"", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"PK\x03\x04", b'<?xml version="1.0"?>']
    ),
    st.lists(
        st.binary(max_size=300) | st.sampled_from([*GOOD.values(), b"PK\x05\x06" + b"\0" * 18, b"\xff\xda\0\x03"])
    ),
)
def test_no_file_breaks_the_judgement(signature: bytes, chunks: list[bytes]) -> None:
    content = Content()
    for chunk in (signature, *chunks):
        content.feed(chunk)
    assert code_of(content, "a.pdf")


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_changed_byte_is_judged_the_same_however_the_file_is_cut(name: str, data: st.DataObject) -> None:
    broken = bytearray(GOOD[name])
    at = data.draw(st.integers(0, len(broken) - 1))
    broken[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, 50))
    assert judged(bytes(broken), name) == judged(bytes(broken), name, cut)


@pytest.mark.parametrize("encoding", ["ATF-8", "big5", "utf-7", "base64", "idna", "rot13", ""])
@pytest.mark.parametrize("cut", [1, 7, 65536])
def test_xml_in_an_encoding_that_nobody_knows_is_damaged(encoding: str, cut: int) -> None:
    content = f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode()
    assert judged(content, "tờ khai.xml", cut) == "document_damaged"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "trống.pdf", "document_empty"),
        (PROGRAM, "giấy khai sinh.pdf", "document_executable"),
        (b"\x7fELF" + b"\0" * 60, "giấy khai sinh.pdf", "document_executable"),
        (b"#!/bin/sh\nrm", "giấy khai sinh.pdf", "document_executable"),
        (b"GIF89a" + b"\0" * 60, "ảnh.png", "document_type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "đơn.doc", "document_type"),
        (b"<html><script>alert(1)</script></html>", "đơn.pdf", "document_type"),
        (packed({"a.txt": b"a"}), "đơn.docx", "document_type"),
        (
            packed({"[Content_Types].xml": b"", "word/document.xml": b"", "xl/workbook.xml": b""}),
            "a.docx",
            "document_type",
        ),
        (office(more={"word/vbaProject.bin": b"macro"}), "đơn.docx", "document_macro"),
        (pdf(), "giấy khai sinh.jpg", "document_extension"),
        (pdf(), "giấy khai sinh", "document_extension"),
        (png(), "ảnh.pdf", "document_extension"),
        (office(), "bảng.xlsx", "document_extension"),
        (pdf().replace(b"startxref\n", b"startxref\n9999"), "a.pdf", "document_truncated"),
        (b"%PDF-1.7\n<</Linearized 1/L 9999/H[1 2]>>\n" + pdf()[9:], "a.pdf", "document_truncated"),
        (pdf()[:-30] + b"startxref\n0\n%%EOF\n", "a.pdf", "document_truncated"),
        (png().replace(b"IHDR", b"IHXR"), "a.png", "document_damaged"),
        (jpeg().replace(b"\xff\xdb", b"\x00\xdb"), "a.jpg", "document_damaged"),
        (xml("<a></b>"), "a.xml", "document_damaged"),
        (xml("<a>" * 300 + "</a>" * 300), "a.xml", "document_damaged"),
        (xml(f'<a b="{"x" * 600_000}"/>'), "a.xml", "document_damaged"),
        (xml().replace(b"\n<ToKhai>", BOMB.encode() + b"<ToKhai>"), "a.xml", "document_damaged"),
        (b'<?xml version="1.0"?><ToKhai/>', "a.xml", "document_unsigned"),
    ],
)
def test_every_bad_file_has_its_own_code(content: bytes, name: str, code: str) -> None:
    assert judged(content, name) == code


def test_what_a_camera_or_a_writer_adds_behind_the_end_does_no_harm() -> None:
    assert judged(jpeg() + b"SEFT" + b"\0" * 5000, "ảnh.jpg") == "image/jpeg"
    assert judged(pdf() + b"\r\n\0\0", "a.pdf") == "application/pdf"
    assert judged(packed_with_comment(), "đơn.docx").endswith("wordprocessingml.document")


def packed_with_comment() -> bytes:
    """Its comment looks like an end."""
    whole = io.BytesIO(office())
    with zipfile.ZipFile(whole, "a") as archive:
        archive.comment = b"PK\x05\x06" + b"\0" * 18
    return whole.getvalue()


def test_a_large_file_is_judged_by_its_own_end() -> None:
    assert judged(pdf(padding=3 * TAIL_BYTES), "a.pdf") == "application/pdf"
    assert judged(jpeg(entropy=b"\x12\xff\x00" * TAIL_BYTES), "a.jpg") == "image/jpeg"
    assert judged(xml("<a>" + "QUJD" * TAIL_BYTES + "</a>"), "a.xml") == "application/xml"


def test_a_directory_longer_than_what_is_kept_is_refused() -> None:
    many = {f"word/media/{number:060}.png": b"" for number in range(2500)}
    assert judged(office(more=many), "đơn.docx") == "document_damaged"


def test_a_file_with_a_password_is_refused() -> None:
    marked = bytearray(office())
    at = marked.rfind(b"PK\x01\x02")
    marked[at + 8] |= 1
    assert judged(bytes(marked), "đơn.docx") == "document_encrypted"
