"""Asking the national payment platform: signed messages out, answers in; silence and doubt are no answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import httpx

from chassis.errors import Unanswered
from services.payments.adapters import national_codes as codes
from services.payments.adapters import national_wire as wire
from services.payments.adapters.breaker import about, judged, understood
from services.payments.adapters.national_signature import Value, signature
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.printed import NotReady

VERSION = "1.0.6"
PATHS = {"INIT": "/payment/init", "QUERY": "/payment/query", "GET_BILL": "/payment/get-bill"}
"""From memory: every partner is given his own."""

PDF = b"%PDF-"
"""So begins a receipt, whatever its Content-Type says."""

Kind = Literal["INIT", "QUERY", "GET_BILL"]


class UnknownPage(Unanswered):
    """The platform has no such transaction: nothing definite, for INIT may still be on its way."""


class Platform:
    """The platform as one partner speaks to it."""

    def __init__(self, client: httpx.AsyncClient, partner: str, secret: str) -> None:
        self._client, self._partner, self._secret = client, partner, secret

    async def ask(
        self,
        kind: Kind,
        reference: str,
        began: datetime,
        more: Mapping[str, Value] | None = None,
        unsigned: Mapping[str, Any] | None = None,
    ) -> bytes:
        """One signed message and what is answered to it with 200. Raises Unanswered for all else, and for silence.

        `reference` and `began` name the page: ThoiGianGD is when it began, whenever one asks.
        """
        message: dict[str, Value] = {
            "LoaiBanTin": kind,
            "PhienBan": VERSION,
            "MaDoiTac": self._partner,
            "MaThamChieu": reference,
            "ThoiGianGD": wire.stamp(began),
            **(more or {}),
        }
        whole = {**message, **(unsigned or {}), "MaXacThuc": signature(message, self._secret)}
        body, headers = json.dumps(whole, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
        try:
            response = await self._client.post(PATHS[kind], content=body, headers=headers, extensions=about(reference))
        except httpx.HTTPError as error:
            raise Unanswered(f"the platform does not answer: {type(error).__name__}") from None
        with understood(response):
            if response.status_code != 200:
                raise Unanswered(f"the platform answers {response.status_code}")
            if not response.content.startswith(PDF) and str(wire.unwrapped(response.content)["MaLoi"]) in codes.ILL:
                judged(response, well=False)
        return response.content


def client(url: str, seconds: float = 10, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """An HTTP client for the platform, or for the security server before it; it dials when it is first used."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(seconds, connect=min(3, seconds)),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        transport=transport,
    )


def refusal_of(answer: Mapping[str, Any]) -> str | None:
    """Why a request is definitely refused, in our words."""
    code = answer["MaLoi"]
    return codes.REFUSALS.get(code) if isinstance(code, str) else None


def require_success(answer: Mapping[str, Any]) -> None:
    """Raises Unanswered for every MaLoi but the one of success: UnknownPage, NotReady, UnknownCode where none knows it."""
    code = answer["MaLoi"]
    if code == codes.SUCCESS:
        return
    if code == codes.NOT_FOUND:
        raise UnknownPage("the platform knows no such transaction")
    if code == codes.NOT_READY:
        raise NotReady("the platform has no receipt yet")
    meaning = {**codes.PASSING, **codes.REFUSALS}.get(code) if isinstance(code, str) else None
    if meaning is None:
        raise UnknownCode(f"MaLoi {str(code)[:20]!r}")
    raise Unanswered(f"the platform answers {code}: {meaning}")
