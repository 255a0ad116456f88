"""Names and totals of documents."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Refusal
from services.intake.domain.document import LONGEST_NAME, file_name


@pytest.mark.parametrize(
    "typed",
    ["", "  ", ".", "..", "a/b.pdf", "..\\b.pdf", "a\x00.pdf", "a\n.pdf", "ảnh\u202efdp.exe", "a\u200b.pdf", "x" * 201],
)
def test_what_is_no_name_of_a_file_is_refused(typed: str) -> None:
    with pytest.raises(Refusal) as refusal:
        file_name(typed)
    assert (refusal.value.status, refusal.value.errors[0]["path"]) == (422, "name")


def test_a_name_is_kept_in_nfc_without_spaces_around_it() -> None:
    assert file_name(unicodedata.normalize("NFD", " ảnh thẻ (1).jpg ")) == "ảnh thẻ (1).jpg"


@given(st.text())
def test_a_kept_name_is_kept_as_it_is(typed: str) -> None:
    try:
        name = file_name(typed)
    except Refusal:
        return
    assert file_name(name) == name
    assert 1 <= len(name) <= LONGEST_NAME
