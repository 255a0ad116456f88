"""Seals: only their readers open them, and whatever else is brought is set aside."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from chassis.errors import Park
from chassis.sealing import Sealer


def key(byte: int) -> str:
    return base64.urlsafe_b64encode(bytes([byte]) * 32).decode().rstrip("=")


SEALER = Sealer(key(1))


@given(st.binary())
def test_what_was_sealed_is_opened_whole(value: bytes) -> None:
    assert SEALER.open(SEALER.seal(value)) == value


def test_a_seal_shows_nothing_and_is_never_the_same_twice() -> None:
    value = "Nguyễn Thị Ánh".encode()
    one, other = SEALER.seal(value), SEALER.seal(value)
    assert one != other
    assert value not in base64.urlsafe_b64decode(one.split(b".")[3] + b"==")


def test_a_key_opens_with_and_without_padding() -> None:
    assert Sealer(key(1) + "=").open(SEALER.seal(b"x")) == b"x"


@pytest.mark.parametrize("wrong", ["", "short", key(1)[:-2], key(1) + "AAAA", "không phải khóa"])
def test_a_key_that_is_no_key_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValueError):
        Sealer(wrong)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Park, match="another key"):
        Sealer(key(2)).open(SEALER.seal(b"x"))


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_seal_is_set_aside(place: int, change: int) -> None:
    sealed = bytearray(SEALER.seal(b"some value that is long enough"))
    place %= len(sealed)
    sealed[place] ^= change
    try:
        opened = SEALER.open(bytes(sealed))
    except Park:
        return
    # The last letter of a base64url part may have bits that carry nothing.
    assert opened == b"some value that is long enough"


def compact(parts: list[bytes]) -> bytes:
    return b".".join(map(base64.urlsafe_b64encode, parts))


@given(st.one_of(st.binary(), st.lists(st.binary(), min_size=5, max_size=5).map(compact)))
def test_anything_else_is_set_aside(value: bytes) -> None:
    with pytest.raises(Park):
        SEALER.open(value)


@pytest.mark.parametrize(
    "header",
    ["[]", '"x"', '{"alg":[],"enc":"A256GCM"}', '{"alg":"dir"}', '{"alg":"none","enc":"A256GCM"}', "[" * 5_000],
)
def test_a_header_of_a_strange_shape_is_set_aside(header: str) -> None:
    with pytest.raises(Park):
        SEALER.open(base64.urlsafe_b64encode(header.encode()).rstrip(b"=") + b"..AAAA.AAAA.AAAA")


def test_the_seal_is_what_its_contract_says() -> None:
    """RFC 7516: direct key, A256GCM; any JOSE library opens it."""
    opened = jwe.decrypt_compact(SEALER.seal(b"x"), OctKey.import_key(bytes([1]) * 32))
    assert opened.protected == {"alg": "dir", "enc": "A256GCM"}
    assert opened.plaintext == b"x"
