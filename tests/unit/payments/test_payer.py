"""The payer: what may stand on a receipt, every mistake at once, and a seal that only its key opens."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Park, Refusal
from chassis.sealing import Sealer
from services.payments.adapters.payer import Payer, checked, seal, unseal

TYPED = {"name": "Nguyễn Thị Ánh", "paper": "019190012345", "address": "17 đường Đội Cấn, tỉnh Thái Nguyên"}


def a_sealer() -> Sealer:
    return Sealer(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())


def refused(typed: Any) -> dict[str, str]:
    """Each wrong field and its code."""
    with pytest.raises(Refusal) as refusal:
        checked(typed)
    assert (refusal.value.status, refusal.value.code) == (422, "invalid_payer")
    assert all(each["vi"] and each["en"] for each in refusal.value.errors)
    return {each["path"]: each["code"] for each in refusal.value.errors}


def test_a_payer_is_kept_in_nfc_with_single_spaces() -> None:
    typed = {**TYPED, "name": unicodedata.normalize("NFD", "  Nguyễn  Thị Ánh ")}
    assert checked(typed) == Payer(**TYPED)


def test_every_mistake_is_told_at_once_and_no_value_is_repeated() -> None:
    typed = {"name": "N9 Bí mật", "paper": "không rõ", "address": "?", "phone": "0912345678"}
    with pytest.raises(Refusal) as refusal:
        checked(typed)
    assert {each["path"] for each in refusal.value.errors} == {
        "payer.name",
        "payer.paper",
        "payer.address",
        "payer.phone",
    }
    assert not any(value in repr(refusal.value.errors) for value in typed.values() if value != "?")


def test_what_is_missing_is_named() -> None:
    assert refused({}) == {"payer.name": "missing", "payer.paper": "missing", "payer.address": "missing"}
    assert refused(None)
    assert refused([])


@pytest.mark.parametrize(
    "paper", ["000000001", "000000000001", "000000000000", "111111111111", "123456789012", "000123456789"]
)
def test_a_placeholder_is_nobodys_paper(paper: str) -> None:
    assert refused({**TYPED, "paper": paper})["payer.paper"] in ("payer_placeholder", "payer_paper")


@pytest.mark.parametrize(
    "paper", ["01919001234", "0191900123456", "01919001234x", "０１９１９００１２３４５", "", 19190012345]
)
def test_a_citizen_id_has_12_digits(paper: Any) -> None:
    assert "payer.paper" in refused({**TYPED, "paper": paper})


@pytest.mark.parametrize("name", ["", "N", "Nguyễn 2", "<b>Ánh</b>", "Ánh|Ba", "A" * 101])
def test_a_name_is_letters(name: str) -> None:
    assert "payer.name" in refused({**TYPED, "name": name})


@given(st.text(min_size=1, max_size=100))
def test_whatever_is_taken_is_in_nfc_and_tidy_and_stays_as_it_is(name: str) -> None:
    try:
        kept = checked({**TYPED, "name": name})
    except Refusal:
        return
    assert unicodedata.is_normalized("NFC", kept.name)
    assert kept.name == " ".join(kept.name.split())
    assert checked(kept.model_dump()) == kept


def test_a_sealed_payer_is_opened_with_its_key_only_and_shows_nothing() -> None:
    sealer, payer = a_sealer(), Payer(**TYPED)
    sealed = seal(payer, sealer)
    assert unseal(sealed, sealer) == payer
    assert seal(payer, sealer) != sealed
    assert not any(value in sealed for value in TYPED.values())
    for other in (sealed[:-2], "", "á", sealer.seal(b"{}").decode()):
        with pytest.raises(Park):
            unseal(other, sealer)
    with pytest.raises(Park):
        unseal(sealed, a_sealer())


def test_a_mistake_in_a_payer_shows_nothing_of_him() -> None:
    with pytest.raises(ValueError) as trouble:
        Payer(**{**TYPED, "paper": "lạ 019190012345"})
    assert "019190012345" not in str(trouble.value)
