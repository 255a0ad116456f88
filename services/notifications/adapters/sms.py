"""The SMS carrier over HTTP: our notice id is its reference, so that a repetition never sends a second SMS.

Its codes are put into our words here; a code that we do not know leaves the call unanswered, for somebody to look at.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

from chassis.errors import Refusal, Unanswered
from services.notifications.domain.notice import Rejected, Taken
from services.notifications.domain.sms import Encoding

TOLERANCE = timedelta(minutes=5)

_REASONS = {
    "to_missing": "number_invalid",
    "to_invalid": "number_invalid",
    "to_not_text": "number_invalid",
    "text_missing": "text_refused",
    "text_not_encodable": "text_refused",
    "text_too_long": "text_refused",
}
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)


class Delivery(BaseModel):
    """A delivery receipt as the carrier posts it."""

    model_config = ConfigDict(extra="ignore")

    id: str
    reference: UUID
    state: Literal["delivered", "temporary_failure", "permanent_failure"]
    at: datetime


@dataclass(frozen=True)
class Carrier:
    """The carrier that `client` (its address, our token) leads to; phones show `brand` as the sender."""

    client: httpx.AsyncClient
    brand: str

    @classmethod
    def at(cls, url: str, token: str, brand: str) -> Carrier:
        headers = {"Authorization": f"Bearer {token}"}
        # Shorter than the lease and the time-out of a call: what we hear late we do not hear.
        return cls(httpx.AsyncClient(base_url=url, headers=headers, timeout=8.0), brand)

    async def send(self, notice_id: UUID, to: str, text: str, encoding: Encoding) -> Taken | Rejected:
        """Send, or learn that it was sent before. Raises Unanswered when neither is certain."""
        message = {"reference": str(notice_id), "to": to, "brand": self.brand, "text": text, "encoding": encoding}
        answer = await self._ask("POST", json=message)
        if answer.is_success:
            return Taken(parts=answer.json()["parts"])
        codes = _codes(answer)
        if answer.status_code == 409 and codes == ["reference_reused"]:
            # Sent before, to another number or in other words: still this notice, still only once.
            found = await self.find(notice_id)
            if found is not None:
                return found
        if answer.status_code in (400, 422) and codes and all(code in _REASONS for code in codes):
            return Rejected(reason=_REASONS[codes[0]])
        raise Unanswered(f"the SMS carrier answers {answer.status_code} {', '.join(codes)}")

    async def find(self, notice_id: UUID) -> Taken | None:
        """What the carrier knows of this notice. Raises Unanswered."""
        answer = await self._ask("GET", params={"reference": str(notice_id)})
        if not answer.is_success:
            raise Unanswered(f"the SMS carrier answers {answer.status_code} {', '.join(_codes(answer))}")
        messages = answer.json()["messages"]
        return Taken(parts=messages[0]["parts"]) if messages else None

    async def _ask(self, method: str, **options: Any) -> httpx.Response:
        try:
            return await self.client.request(method, "/messages", **options)
        except httpx.HTTPError as error:
            raise Unanswered(f"the SMS carrier: {type(error).__name__}") from None


def _codes(answer: httpx.Response) -> list[str]:
    """The carrier's codes for what is wrong, field by field where it says so; none when it is not its own answer."""
    try:
        error = answer.json()["error"]
        return [str(each["code"]) for each in error.get("errors", [error])]
    except (ValueError, KeyError, TypeError):
        return []


def verify(secret: str, header: str | None, body: bytes, now: datetime) -> None:
    """Check `X-Signature: t=…,v1=HMAC-SHA256(secret, "t.body")` of a receipt, over the bytes as they came.

    Raises Refusal 401 for one that is missing, wrong or older (or newer) than TOLERANCE.
    """
    match = _SIGNATURE.fullmatch(header or "")
    if match is None:
        raise _unsigned("the signature is missing or malformed")
    expected = hmac.new(secret.encode(), match[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, match[2]):
        raise _unsigned("the signature does not match")
    if abs(now.timestamp() - int(match[1])) > TOLERANCE.total_seconds():
        raise _unsigned("the signature is too old")


def _unsigned(reason: str) -> Refusal:
    return Refusal("bad_signature", "Chữ ký của biên nhận không đúng.", f"Not accepted: {reason}.", 401)
