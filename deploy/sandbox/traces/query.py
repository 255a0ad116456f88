"""What `GET /api/v2/traces` may ask for (Zipkin's v2 API), read and checked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

DAY_MILLISECONDS = 24 * 3600 * 1000
MOST_TRACES = 1000


class QueryError(ValueError):
    """The query cannot be understood; the text says why."""


@dataclass(frozen=True)
class Query:
    """Traces that began in (end - lookback, end], milliseconds since 1970, and meet all conditions.

    `tags` holds (key, value); an empty value asks for the key alone, as a tag or an annotation.
    `shortest` is the least duration of a span, in microseconds.
    """

    end: int
    lookback: int
    limit: int
    service: str | None = None
    span: str | None = None
    shortest: int | None = None
    tags: tuple[tuple[str, str], ...] = ()


def read(parameters: Mapping[str, str]) -> Query:
    """Raises QueryError."""
    return Query(
        end=_number(parameters, "endTs", int(time.time() * 1000)),
        lookback=_number(parameters, "lookback", DAY_MILLISECONDS),
        limit=min(_number(parameters, "limit", 10), MOST_TRACES),
        service=_name(parameters, "serviceName"),
        span=_name(parameters, "spanName"),
        shortest=_number(parameters, "minDuration", 0) or None,
        tags=tuple(_condition(text) for text in parameters.get("annotationQuery", "").split(" and ") if text.strip()),
    )


def _condition(text: str) -> tuple[str, str]:
    key, _, value = text.strip().partition("=")
    if not key:
        raise QueryError(f"annotationQuery: a condition without a key: {text!r}")
    return key.strip(), value.strip()


def _name(parameters: Mapping[str, str], name: str) -> str | None:
    """Names are kept in lower case; `all` is how the page says any."""
    value = parameters.get(name, "").strip().lower()
    return None if value in ("", "all") else value


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 2**62:
        raise QueryError(f"{name} must be a positive whole number, not {text[:40]!r}")
    return int(text)
