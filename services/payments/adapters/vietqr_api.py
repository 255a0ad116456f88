"""The bank's API over HTTP: what is an answer and what is none, and the shapes of what it tells as far as we read them.

Source: the interface of deploy/sandbox/bank, made after what Vietnamese banks offer companies; a bank's own is mapped here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Unanswered
from services.payments.adapters.breaker import understood
from services.payments.domain.gateway import UnknownCode

PAGE_LINES = 250
"""Lines of the statement at once: the bank gives up to 1,000, but to read these takes 8 ms of the event loop already."""


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


S = TypeVar("S", bound=Shape)


class Booked(Shape):
    """When the bank wrote a line, whatever else it says."""

    booked_at: AwareDatetime


class Line(Shape):
    """A line of the statement. `return_reference` is our refund where the line belongs to one, `original` the line before."""

    id: str = Field(min_length=1, max_length=64)
    booked_at: AwareDatetime
    direction: str
    amount: Decimal = Field(ge=0, max_digits=18, decimal_places=2)
    currency: str = Field(pattern="^[A-Z]{3}$")
    purpose: str = ""
    return_reference: str | None = None
    original: str | None = None


class Lines(Shape):
    """Each line is read by itself: see `statement_lines`."""

    lines: tuple[Any, ...]


class Statement(Lines):
    """A page of the statement; `next` is the cursor of its last line."""

    next: str
    more: bool


class Returned(Shape):
    """Money of a credited line on its way back. `client_data` is what we gave to be told again."""

    reference: str
    status: str
    reason: str | None
    client_data: str
    debit_line: str | None
    amount: Decimal
    original: Line


class _Error(Shape):
    code: str


class Refused(Shape):
    """Why the bank does not do what was asked."""

    error: _Error


Query = Mapping[str, str | int]


class Api:
    """Definite answers; all else, and silence, is Unanswered."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, query: Query, shape: type[S]) -> S:
        """What stands at a path. Raises Unanswered for anything else, "not found" too."""
        response = await self._asked("GET", path, params=dict(query))
        with understood(response):
            if response.status_code != 200:
                raise Unanswered(f"the bank answers {response.status_code}")
            return read(shape, response.content)

    async def post(self, path: str, body: Mapping[str, str], shape: type[S]) -> S | Refused:
        """What was made or stood there already, or the bank's own refusal (400, 409, 422)."""
        response = await self._asked("POST", path, json=dict(body))
        with understood(response):
            if response.status_code in (200, 201):
                return read(shape, response.content)
            if response.status_code in (400, 409, 422):
                return read(Refused, response.content)
            raise Unanswered(f"the bank answers {response.status_code}")

    async def _asked(self, method: Literal["GET", "POST"], path: str, **more: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise Unanswered(f"the bank does not answer: {type(error).__name__}") from None


def client(url: str, key: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """An HTTP client for the bank; it dials when it is first used."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(10, connect=3),
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        transport=transport,
    )


def read(shape: type[S], body: bytes) -> S:
    """Raises Unanswered for what the bank never says: a proxy's page, a half of an answer."""
    try:
        found = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Unanswered("the bank's answer is no JSON") from None
    return of_shape(shape, found)


def of_shape(shape: type[S], found: Any) -> S:
    """Raises Unanswered for what is none."""
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors()[:3])
        raise Unanswered(f"the bank tells no {shape.__name__}: {places}") from None


def whole(amount: Decimal, currency: str) -> int:
    """In đồng, or in hundredths of other money. Raises UnknownCode for a part of a đồng."""
    units = amount if currency == "VND" else amount * 100
    if units != units.to_integral_value():
        raise UnknownCode(f"{amount} {currency} is no whole amount")
    return int(units)
