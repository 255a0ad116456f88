"""How the national payment platform writes: answers wrapped by a province's gateway, times, references, amounts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.clock import VIETNAM
from chassis.errors import Unanswered
from services.payments.domain.codes import payment_codes_in

_STAMP = "%Y%m%d%H%M%S"
HALF_A_DAY = timedelta(hours=12)
_CLOCKS_DIFFER = timedelta(minutes=5)
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
_REFERENCE = re.compile(r"[0-9a-f]{32}", re.ASCII)


def unwrapped(body: bytes) -> dict[str, Any]:
    """The platform's answer, also where a province's gateway put it as text into `message` beside its own `error_code`.

    Raises Unanswered for what is no answer: a proxy's page, a gateway's own trouble.
    """
    found = _loaded(body)
    if isinstance(found, dict) and "MaLoi" not in found and "error_code" in found:
        told = found.get("message")
        found = _loaded(told) if isinstance(told, str) else told
    if not isinstance(found, dict) or "MaLoi" not in found:
        raise Unanswered("the platform's answer cannot be read")
    return found


def stamp(moment: datetime) -> str:
    """yyyyMMddHHmmss in Vietnam, of 24 hours."""
    return moment.astimezone(VIETNAM).strftime(_STAMP)


def moment_of(text: object, since: datetime, now: datetime) -> datetime:
    """When something happened that did not happen before `since` nor after `now`.

    Some write twelve hours and do not say which (`hh`): a time that would lie outside, and with half a day more or less
    would not, is such a one. Raises Unanswered for what is no time.
    """
    try:
        told = datetime.strptime(str(text), _STAMP).replace(tzinfo=VIETNAM).astimezone(UTC)
    except ValueError:
        raise Unanswered("the platform tells no time that can be read") from None
    earliest, latest = since - _CLOCKS_DIFFER, now + _CLOCKS_DIFFER
    readings = (told, told + HALF_A_DAY, told - HALF_A_DAY)
    return next((each for each in readings if earliest <= each <= latest), told)


def began_of(attempt_id: UUID) -> datetime:
    """When the attempt's id was drawn: a UUIDv7 begins with its milliseconds since 1970."""
    return datetime.fromtimestamp((attempt_id.int >> 80) / 1000, UTC)


def reference_of(attempt_id: UUID) -> str:
    """MaThamChieu: letters and digits only."""
    return attempt_id.hex


def attempt_of(reference: str) -> UUID | None:
    """The attempt that MaThamChieu names, when it names one."""
    return UUID(reference) if _REFERENCE.fullmatch(reference) else None


def payment_code_of(reference: str) -> str | None:
    """The payment code that MaThamChieu is, for what was paid by the dossier's code on the portal itself."""
    found = payment_codes_in(reference)
    return reference if found == [reference] else None


def amount_of(message: Mapping[str, Any]) -> int:
    """SoTien in đồng, written as a number or as digits. Raises Unanswered for anything else, and for nothing."""
    told = message.get("SoTien")
    if isinstance(told, bool) or not isinstance(told, int | str) or not _WHOLE.fullmatch(str(told)) or int(told) == 0:
        raise Unanswered("the platform tells no amount that can be read")
    return int(told)


def _loaded(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
