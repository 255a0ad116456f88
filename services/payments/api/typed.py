"""What a payer typed: a browser's form, or a program's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from chassis.errors import Refusal

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_FIELDS = ("name", "paper", "address")


async def typed_in(request: Request) -> Mapping[str, Any]:
    """A form's fields, or JSON, as CheckoutBody has them. Raises Refusal 400 for what cannot be read, 415 for neither."""
    body = await request.body()
    kind = request.headers.get("content-type", _FORM if not body else "").partition(";")[0].strip().lower()
    if kind not in (_JSON, _FORM):
        raise Refusal(
            "unsupported_media_type",
            "Hãy gửi biểu mẫu (application/x-www-form-urlencoded) hoặc JSON (application/json).",
            "Send a form (application/x-www-form-urlencoded) or JSON (application/json).",
            415,
        )
    try:
        if kind == _JSON:
            told = json.loads(body or b"{}")
        else:
            form = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20))
            payer = {name: form[name] for name in _FIELDS if name in form}
            told = {"gateway": form.get("gateway") or None, "payer": payer or None}
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refusal("bad_form", "Biểu mẫu không đọc được.", "The form cannot be read.", 400)
    return told
