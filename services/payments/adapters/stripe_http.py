"""Stripe's API over HTTP: what is an answer and what is none, lists page by page.

Source: Stripe API reference, Errors, Idempotent requests, Pagination, Versioning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import httpx

from chassis.errors import Unanswered
from services.payments.adapters.breaker import understood
from services.payments.adapters.stripe_objects import Listed, S, read

API_VERSION = "2026-10-28.endive"
LONGEST_PAGE = 100
Query = Mapping[str, str | Sequence[str]]


def client(url: str, secret_key: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """An HTTP client for the gateway; it dials when it is first used."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {secret_key}", "Stripe-Version": API_VERSION},
        timeout=httpx.Timeout(10, connect=3),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        transport=transport,
    )


@dataclass(frozen=True, slots=True)
class Answer(Generic[S]):
    """A definite answer: it was done (200), refused (400, 402), or failed and is kept so under our key (500).

    `told` is what was done; nothing for all others, whose `error` says why.
    """

    status: int
    told: S | None
    error: Mapping[str, Any]

    @property
    def key_is_taken(self) -> bool:
        """Our key was used before with another body."""
        return bool(self.error.get("type") == "idempotency_error")

    @property
    def is_kept_failure(self) -> bool:
        return self.status >= 500 or self.key_is_taken

    @property
    def code(self) -> str:
        return str(self.error.get("code") or self.error.get("type") or "unknown")

    @property
    def is_definite(self) -> bool:
        """Whether the gateway said it itself: a refusal without its error object is a stranger's."""
        return self.told is not None or "type" in self.error


@dataclass(frozen=True, slots=True)
class Api:
    client: httpx.AsyncClient

    async def post(self, path: str, form: Mapping[str, str], key: str | None, shape: type[S]) -> Answer[S]:
        """`shape`: of what is done."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._answer(self.client.build_request("POST", path, data=dict(form), headers=headers), shape)

    async def get(self, path: str, query: Query, shape: type[S]) -> S:
        """What stands at a path. Raises Unanswered for anything else, "not found" too."""
        answer = await self._answer(self.client.build_request("GET", path, params=dict(query)), shape)
        if answer.told is None:
            raise Unanswered(f"the gateway answers {answer.status} {answer.code}")
        return answer.told

    async def pages(self, path: str, query: Query, limit: int = LONGEST_PAGE) -> AsyncIterator[list[dict[str, Any]]]:
        """A list, newest first, page by page: each object once, whatever is added meanwhile."""
        asked = {**query, "limit": str(limit)}
        while True:
            listed = await self.get(path, asked, Listed)
            yield list(listed.data)
            if not (listed.has_more and listed.data):
                return
            asked["starting_after"] = str(listed.data[-1].get("id"))

    async def _answer(self, request: httpx.Request, shape: type[S]) -> Answer[S]:
        """200 in its shape, 400, 402, and whatever is kept under our key. All else, and silence, is Unanswered."""
        try:
            response = await self.client.send(request)
        except httpx.HTTPError as error:
            raise Unanswered(f"the gateway does not answer: {type(error).__name__}") from None
        with understood(response):
            try:
                body = response.json()
            except (ValueError, RecursionError) as error:
                raise Unanswered(f"the gateway does not answer: {type(error).__name__}") from None
            told = read(shape, body) if response.status_code == 200 else None
            why = body.get("error") if isinstance(body, dict) else None
            answer = Answer(response.status_code, told, why if isinstance(why, dict) else {})
            kept = response.headers.get("Idempotent-Replayed") == "true"
            if not (answer.is_definite and (kept or response.status_code in (200, 400, 402))):
                raise Unanswered(f"the gateway answers {response.status_code}")
        return answer
