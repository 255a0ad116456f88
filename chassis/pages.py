"""Cursor pages: a cursor is the last row's sort key, opaque to the caller."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime

from chassis.errors import Refusal


def cursor_of(moment: datetime, key: str) -> str:
    """The cursor behind the row with this sort key."""
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), key]).encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> tuple[datetime, str] | None:
    """The sort key that a cursor stands for. Raises Refusal 400 for one that we did not give."""
    if cursor is None:
        return None
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = datetime.fromisoformat(moment), str(key)
    except (ValueError, TypeError, binascii.Error):
        raise _not_ours() from None
    # What no row of ours has: a time without its offset, a key that PostgreSQL cannot even compare.
    if position[0].utcoffset() is None or not position[1].isprintable():
        raise _not_ours()
    return position


def _not_ours() -> Refusal:
    return Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of ours.", 400)
