"""Links that let others pay a bill, or look whether a receipt holds: signed, so that nobody finds one by trying.

A link names one bill, or one receipt, and nothing else; it works as long as the key that signed it is among ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from chassis.errors import Refusal

_MAC = 16  # bytes
_SHORTEST_KEY = 16


class Links:
    """Signs with the first of its keys and reads with all; without a key there are no links, and every link is unknown.

    `keys` are separated by commas: a key that signs no longer stands behind the new one for as long as papers hold that
    it has signed. Raises ValueError for a key of less than 16 bytes.
    """

    def __init__(self, keys: str, public_url: str) -> None:
        self._keys = [key.strip().encode() for key in keys.split(",") if key.strip()]
        if any(len(key) < _SHORTEST_KEY for key in self._keys):
            raise ValueError(f"each key of MOTCUA_LINK_KEY has at least {_SHORTEST_KEY} bytes")
        self._public_url = public_url.rstrip("/")

    def to_pay(self, bill_id: UUID) -> str:
        """The token of a bill: its id and 128 bits that only we can make. Raises Refusal 503 without a key."""
        return _written(bill_id.bytes + self._signature("pay", bill_id.bytes))

    def bill_of(self, token: str) -> UUID | None:
        """The bill of a token; None for one that we did not make."""
        raw = _read(token)
        if raw is None or len(raw) != 16 + _MAC:
            return None
        return UUID(bytes=raw[:16]) if self._is_ours(raw[16:], "pay", raw[:16]) else None

    def page(self, bill_id: UUID) -> str:
        """The address of the page where anybody pays a bill. Raises Refusal 503 without a key."""
        return f"{self._public_url}/pay/{self.to_pay(bill_id)}"

    def receipt_page(self, number: str) -> str | None:
        """The address of the page that says whether a receipt holds; None without a key."""
        if not self._keys:
            return None
        year, ordinal = number.split("/")
        return f"{self._public_url}/receipts/{year}/{int(ordinal)}?k={self.of_receipt(number)}"

    def of_receipt(self, number: str) -> str:
        """What proves that somebody holds a receipt. Raises Refusal 503 without a key."""
        return _written(self._signature("receipt", number.encode()))

    def is_of_receipt(self, number: str, mac: str) -> bool:
        """Whether `mac` is that of the receipt."""
        raw = _read(mac)
        return raw is not None and self._is_ours(raw, "receipt", number.encode())

    def _is_ours(self, mac: bytes, what: str, named: bytes) -> bool:
        return any(hmac.compare_digest(mac, _mac(key, what, named)) for key in self._keys)

    def _signature(self, what: str, named: bytes) -> bytes:
        if not self._keys:
            raise Refusal(
                "no_links",
                "Hệ thống chưa được cấu hình khóa ký liên kết. Xin báo bộ phận kỹ thuật.",
                "No key to sign links with is set (MOTCUA_LINK_KEY).",
                503,
            )
        return _mac(self._keys[0], what, named)


def _mac(key: bytes, what: str, named: bytes) -> bytes:
    return hmac.digest(key, what.encode() + b"\0" + named, hashlib.sha256)[:_MAC]


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(token: str) -> bytes | None:
    """The bytes, when they are written as we write them: one token has one form."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if _written(raw) == token else None
