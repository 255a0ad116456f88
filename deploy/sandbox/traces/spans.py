"""Reading spans in Zipkin's v2 JSON: a bad list is refused whole, with the place of the mistake."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

IDENTIFIER = re.compile(r"[0-9a-f]{1,32}", re.ASCII)
LONGEST_INDEXED = 256
MOST_SPANS = 50_000


class SpansError(ValueError):
    """The body is no list of spans; the text says why."""


@dataclass(frozen=True)
class Span:
    """What is searched for, and the span as it came (`body`). Times in microseconds since 1970, 0 when unknown."""

    trace_id: str
    span_id: str
    service: str
    name: str
    started: int
    duration: int
    root: bool
    body: str
    tags: tuple[tuple[str, str], ...]


def inflate(body: bytes, limit: int) -> bytes:
    """Unpack gzip, at most `limit` bytes; raises SpansError."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(body, limit)
    except zlib.error as error:
        raise SpansError("the body is not gzip") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise SpansError(f"the unpacked body is cut off or larger than {limit} bytes")
    return content


def read(body: bytes) -> list[Span]:
    """Raises SpansError."""
    try:
        entries = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SpansError("the body is not JSON") from error
    if not isinstance(entries, list) or len(entries) > MOST_SPANS:
        raise SpansError(f"the body is not a list of at most {MOST_SPANS} spans")
    return [_span(entry, place) for place, entry in enumerate(entries)]


def trace_identifier(text: str) -> str:
    """16 or 32 hexadecimal digits, in lower case; raises SpansError."""
    lowered = text.lower()
    if not IDENTIFIER.fullmatch(lowered):
        raise SpansError(f"not a trace id: {text[:40]!r}")
    return lowered.zfill(16 if len(lowered) <= 16 else 32)


def _span(entry: Any, place: int) -> Span:
    try:
        trace_id, span_id = trace_identifier(entry["traceId"]), str(entry["id"]).lower()
        if not IDENTIFIER.fullmatch(span_id) or len(span_id) > 16:
            raise SpansError(f"not a span id: {span_id[:40]!r}")
        endpoint = entry.get("localEndpoint") or {}
        return Span(
            trace_id=trace_id,
            span_id=span_id.zfill(16),
            service=_text(endpoint.get("serviceName") or "").lower(),
            name=_text(entry.get("name") or "").lower(),
            started=_microseconds(entry.get("timestamp") or 0),
            duration=_microseconds(entry.get("duration") or 0),
            root=not entry.get("parentId"),
            body=json.dumps(entry | {"traceId": trace_id}, ensure_ascii=True, separators=(",", ":")),
            tags=tuple(_indexed(entry)),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise SpansError(f"span {place}: {error!r}") from error


def _microseconds(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 2**62:
        raise SpansError(f"not a time in microseconds: {number}")
    return number


def _text(value: object) -> str:
    """Half a surrogate pair can be written in JSON, but is no text."""
    return str(value).encode("utf-8", "replace").decode()


def _no_number(name: str) -> None:
    raise SpansError(f"{name} is not JSON")


def _indexed(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Tags, and annotations as keys without a value; long ones are kept but not searched for."""
    for key, value in (entry.get("tags") or {}).items():
        if len(key) + len(str(value)) <= LONGEST_INDEXED:
            yield _text(key), _text(value)
    for annotation in entry.get("annotations") or []:
        if len(text := _text(annotation["value"])) <= LONGEST_INDEXED:
            yield text, ""
