"""A QR picture of what a payer scans. It takes some milliseconds of processor time: draw it in a thread.

The quiet zone of four modules is part of the picture; error correction M, as EMVCo recommends for screens and paper.
"""

from __future__ import annotations

from io import BytesIO

import segno

_MODULE = 8  # pixels: a picture of some 400, which a phone reads from a screen at arm's length
_QUIET = 4  # modules


def png(text: str) -> bytes:
    """Black on white."""
    return _saved(text, "png")


def svg(text: str) -> bytes:
    """Black on white, a document of its own that scales to any size."""
    return _saved(text, "svg")


def _saved(text: str, kind: str) -> bytes:
    picture = BytesIO()
    segno.make_qr(text, error="m").save(picture, kind=kind, scale=_MODULE, border=_QUIET, light="white")
    return picture.getvalue()
