"""Cursor pages: a cursor is the last row's sort key, opaque to the caller."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

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
        # What no row of ours has: a time without its offset or beyond the calendar's ends, a key that PostgreSQL cannot even compare.
        if position[0].utcoffset() is None or not position[1].isprintable():
            raise _not_ours()
        return position[0].astimezone(UTC), position[1]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise _not_ours() from None


def _not_ours() -> Refusal:
    return Refusal("bad_cursor", "Con trỏ trang không đúng.", "Not a page cursor of ours.", 400)
