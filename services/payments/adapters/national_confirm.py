"""CONFIRM, the national platform's notice: is it genuine, and what does it say?

The same message tells what was paid by the dossier's code on the portal itself (dpnhankqthanhtoanhs): then its reference is
the bill's payment code, which we gave as MaTraCuuTT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from chassis.errors import Refusal, Unanswered
from services.payments.adapters import national_codes as codes
from services.payments.adapters import national_wire as wire
from services.payments.adapters.national_signature import is_genuine
from services.payments.domain.answers import Captured
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.hearing import capture_of_reference
from services.payments.domain.tidings import Ring, Tiding

KIND = "CONFIRM"
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)

log = structlog.get_logger()


def heard(body: bytes, partner: str, secret: str) -> Ring:
    """A CONFIRM that is signed with our secret. Raises Refusal 400 for what is none.

    Its age is not looked at: nothing says when it was sent, and it comes again until it is answered, however old the
    payment. A replayed one changes nothing: its signature, which is its id, was heard before.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or message.get("LoaiBanTin") != KIND:
        raise Refusal("bad_event", "Nội dung thông báo không đúng.", "The body is not a CONFIRM.", 400)
    if message.get("MaDoiTac") != partner or not is_genuine(message, secret):
        raise Refusal(
            "bad_signature", "Chữ ký của thông báo không hợp lệ.", "The CONFIRM is not signed with our secret.", 400
        )
    return Ring(event_id=str(message["MaXacThuc"]), kind=KIND, body=body)


def told(body: bytes, now: datetime) -> Sequence[Tiding]:
    """What a genuine CONFIRM says. Of a page of ours, anything but clear success makes us ask, an unknown MaLoi aloud.

    Nobody can be asked about money that no page of ours names: then what was heard is all that there is. Raises UnknownCode
    for its MaLoi that stands in no table, Unanswered for money that cannot be read.
    """
    message = json.loads(body)
    reference, code = str(message["MaThamChieu"]), message["MaLoi"]
    attempt_id = wire.attempt_of(reference)
    if attempt_id is not None:
        return (Tiding(attempt_id=attempt_id, session_id=reference, captured=_if_clear(message, attempt_id, now)),)
    if code in codes.FAILURES:
        return ()
    if code != codes.SUCCESS:
        raise UnknownCode(f"MaLoi {str(code)[:20]!r}")
    paid = captured(message, None, now, heard_only=False)
    return (Tiding(payment_code=wire.payment_code_of(reference), captured=paid),)


def _if_clear(message: Mapping[str, Any], attempt_id: UUID, now: datetime) -> Captured | None:
    code = message["MaLoi"]
    if code != codes.SUCCESS:
        if code not in codes.FAILURES:
            log.error(
                "a code that we have no word for: the page is asked about", gateway="national", code=str(code)[:20]
            )
        return None
    try:
        return captured(message, attempt_id, now, heard_only=True)
    except Unanswered:
        return None


def captured(message: Mapping[str, Any], attempt_id: UUID | None, now: datetime, *, heard_only: bool) -> Captured:
    """The money that a CONFIRM or the answer to a QUERY speaks of. Raises Unanswered where it does not say all of it."""
    reference, currency = str(message.get("MaGiaoDich") or ""), str(message.get("MaTienTe")).upper()
    if not reference or not reference.isprintable() or not _CURRENCY.fullmatch(currency):
        raise Unanswered("the platform names no transaction or no currency")
    capture_id = None if attempt_id is not None else capture_of_reference("national", str(reference))
    born = wire.began_of(attempt_id) if attempt_id is not None else now - wire.HALF_A_DAY
    return Captured(
        gateway="national",
        attempt_id=attempt_id,
        capture_id=capture_id,
        amount=wire.amount_of(message),
        currency=currency,
        reference=reference,
        paid_at=wire.moment_of(message.get("ThoiGianGD"), born, now),
        heard_only=heard_only,
    )
