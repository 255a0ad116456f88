"""Receipts as they are drawn: what one reads on them. Fonts are cut for the first, which takes seconds."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from contracts.money import FeeLine
from services.payments.papers import receipt

NOON = datetime(2026, 6, 9, 5, 0, tzinfo=UTC)
LINE = FeeLine(
    code="a", kind="lệ phí", name="Lệ phí cấp đổi giấy phép lái xe", amount=115_000, legal_basis="TT 37/2023/TT-BTC",
    beneficiary="3511",
)  # fmt: skip


def paper(**changes: object) -> receipt.Paper:
    usual: dict[str, object] = {
        "number": "2026/00000017", "agency": "Công an tỉnh Thái Nguyên", "dossier_code": "G09.20-260609-0001",
        "procedure": "Đổi giấy phép lái xe", "lines": (LINE,), "amount": 115_000, "issued_at": NOON, "paid_at": NOON,
        "paid": (("Thẻ quốc tế", "pi_1"),), "page": "https://phi.example.vn/receipts/2026/17?k=abc",
    }  # fmt: skip
    return receipt.Paper(**(usual | changes))  # type: ignore[arg-type]


def read(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_the_same_receipt_is_drawn_the_same() -> None:
    assert receipt.render(paper()) == receipt.render(paper())


def test_a_receipt_with_many_lines_goes_over_pages_and_loses_none() -> None:
    lines = tuple(
        LINE.model_copy(update={"name": f"Khoản thu số {number}", "amount": number}) for number in range(1, 121)
    )
    pages_read = read(receipt.render(paper(lines=lines, amount=sum(range(121)))))
    assert len(pages_read) > 1
    whole = " ".join(pages_read)
    assert all(f"Khoản thu số {number} " in whole for number in range(1, 121))
    assert "7.260 đồng" in whole
    assert all("Biên lai số 2026/00000017" in each for each in pages_read), "each page says whose it is"


@pytest.mark.parametrize("letters", ["W" * 5_000, "Ǆ" * 5_000, "Thông tư số mười một của Bộ Tài chính " * 300])
def test_words_that_would_fill_a_page_are_cut_and_one_sees_it(letters: str) -> None:
    line = LINE.model_copy(update={"name": letters, "legal_basis": letters})
    whole = " ".join(read(receipt.render(paper(lines=(line, LINE), agency=letters, procedure=letters))))
    assert "…" in whole
    assert LINE.name in whole


def test_letters_that_no_font_has_are_seen_as_such() -> None:
    (read_page,) = read(receipt.render(paper(procedure="Thủ tục 漢")))
    assert "漢" not in read_page
    assert "Thủ tục" in read_page


def test_without_a_key_for_links_a_receipt_has_no_code() -> None:
    (read_page,) = read(receipt.render(paper(page=None)))
    assert "Quét mã" not in read_page
