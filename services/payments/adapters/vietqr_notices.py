"""The bank's signed notices: whether they are the bank's, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import Field, ValidationError

from chassis.errors import Refusal
from services.payments.adapters import timed_signature
from services.payments.adapters.vietqr_api import Line, Returned, Shape, read
from services.payments.adapters.vietqr_lines import captured, code_of, kind_of
from services.payments.domain.tidings import Ring, Tiding

CREDITED = "line.credited"
RETURNS = ("return.done", "return.refused", "return.returned")


class _Head(Shape):
    id: str = Field(min_length=1, max_length=255)
    type: str = Field(min_length=1, max_length=255)


class _CreditedData(Shape):
    line: Line


class _Credited(Shape):
    data: _CreditedData


class _ReturnData(Shape):
    # The word is Python's own.
    returned: Returned = Field(alias="return")


class _Return(Shape):
    data: _ReturnData


def heard(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> Ring:
    """Check `X-Bank-Signature` over the raw body. Raises Refusal 400 for a forged, unsigned or old one, and for no event."""
    timed_signature.verify(body, headers.get("x-bank-signature"), secrets, now)
    try:
        event = _Head.model_validate_json(body)
    except ValidationError:
        raise Refusal("bad_event", "Nội dung thông báo không đúng.", "The body is not an event.", 400) from None
    return Ring(event.id, event.type, body)


def told(ring: Ring) -> Sequence[Tiding]:
    """Money that came in, without a name where its purpose names no bill; a bill whose refund has another truth now.

    Raises UnknownCode, and Unanswered for a notice that cannot be read.
    """
    if ring.kind == CREDITED:
        line = read(_Credited, ring.body).data.line
        if kind_of(line) != "capture":
            return ()
        return (Tiding(payment_code=code_of(line), captured=captured(line, None, heard_only=True)),)
    if ring.kind in RETURNS:
        returned = read(_Return, ring.body).data.returned
        bill_id = _bill_id(returned.client_data)
        return (Tiding(bill_id=bill_id, payment_code=None if bill_id else code_of(returned.original)),)
    return ()


def _bill_id(client_data: str) -> UUID | None:
    try:
        return UUID(client_data)
    except ValueError:
        return None
