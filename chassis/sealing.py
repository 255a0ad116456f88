"""Sealing values that only their readers may see: JWE (RFC 7516), direct key, A256GCM."""

from __future__ import annotations

import base64

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from chassis.errors import Park

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Sealer:
    """Seals and opens with one 256-bit key, given as base64url."""

    def __init__(self, key: str) -> None:
        raw = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        if len(raw) != 32:
            raise ValueError("a sealing key has 32 bytes, in base64url")
        self._key = OctKey.import_key(raw)

    def seal(self, value: bytes) -> bytes:
        return jwe.encrypt_compact(_HEADER, value, self._key).encode()

    def open(self, sealed: bytes) -> bytes:
        """The value. Raises Park when it was sealed with another key or was tampered with."""
        try:
            return jwe.decrypt_compact(sealed, self._key).plaintext or b""
        except (JoseError, ValueError):
            raise Park("the seal cannot be opened: another key, or a changed value") from None
