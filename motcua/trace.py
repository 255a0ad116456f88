"""`motcua trace CODE`: everything that happened for one dossier, as a tree of spans with times.

Asks any store that speaks Zipkin's v2 API: the embedded one, or Zipkin itself.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from deploy.local.layout import Layout

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
SUBJECT = "cloudevents.event_subject"
"""The attribute by which every service marks the spans of a dossier (OpenTelemetry's conventions for CloudEvents)."""

LOOKBACK_MILLISECONDS = 90 * 24 * 3600 * 1000
WIDTH_IN_A_FILE = 200
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")

app = typer.Typer(add_completion=False)


class TraceError(Exception):
    """There is no trace to show; the text says why and what to do."""


@dataclass(frozen=True)
class Span:
    """`started` and `duration` in microseconds; `parent_id` is None for a root."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    started: int
    duration: int
    error: str | None


@app.command()
def trace(
    code: Annotated[str, typer.Argument(help="Mã hồ sơ, ví dụ G09.20-20260609-0092637 · dossier code.")],
    json_output: Annotated[bool, typer.Option("--json", help="In JSON cho chương trình đọc · print JSON.")] = False,
) -> None:
    """Cây dấu vết của một hồ sơ, kèm thời gian · the trace of a dossier as a tree, with times."""
    store = os.environ.get("MOTCUA_TRACES_URL") or Layout.from_environment().url("traces")
    try:
        traces = fetch(store, code)
    except TraceError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    if json_output:
        told = [as_json(span) for spans in traces for span in spans]
        typer.echo(json.dumps({"spans": told}, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_IN_A_FILE
    for spans in traces:
        console.print(tree(code, spans))


def fetch(store: str, code: str) -> list[list[Span]]:
    """The traces of a dossier, each in order of time, the earliest first; raises TraceError."""
    if not CODE.fullmatch(code):
        raise TraceError(f"{code!r} không phải là mã hồ sơ · is not a dossier code, as G09.20-20260609-0092637")
    query: dict[str, str | int] = {
        "annotationQuery": f"{SUBJECT}={code}",
        "limit": 100,
        "lookback": LOOKBACK_MILLISECONDS,
    }
    try:
        answer = httpx.get(f"{store.rstrip('/')}/api/v2/traces", params=query, timeout=10)
        answer.raise_for_status()
        found = [sorted(map(read, spans), key=lambda span: span.started) for spans in answer.json()]
    except httpx.HTTPError as error:
        raise TraceError(
            f"Không hỏi được kho dấu vết {store}: {error}. Chạy `make up` rồi thử lại"
            " · the trace store does not answer; start the stack and try again."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TraceError(f"{store} không trả lời như Zipkin · does not answer as Zipkin does: {error!r}") from error
    if not found:
        raise TraceError(
            f"Không có dấu vết nào của hồ sơ {code}. Kiểm tra lại mã; dấu vết mới cần vài giây để đến kho"
            " · no trace of this dossier: check the code; new spans take a few seconds to arrive."
        )
    return sorted(found, key=lambda spans: spans[0].started)


def read(entry: dict[str, Any]) -> Span:
    """A span from Zipkin's JSON."""
    tags = entry.get("tags") or {}
    return Span(
        trace_id=entry["traceId"],
        span_id=entry["id"],
        parent_id=entry.get("parentId"),
        service=(entry.get("localEndpoint") or {}).get("serviceName") or "?",
        name=entry.get("name") or "?",
        started=int(entry.get("timestamp") or 0),
        duration=int(entry.get("duration") or 0),
        error=tags.get("error", "error" if tags.get("otel.status_code") == "ERROR" else None),
    )


def as_json(span: Span) -> dict[str, Any]:
    started = datetime.fromtimestamp(span.started / 1_000_000, UTC).isoformat(timespec="microseconds")
    return {
        "service": span.service,
        "name": span.name,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "start": started.replace("+00:00", "Z"),
        "duration_ms": round(span.duration / 1000, 3),
    }


def tree(code: str, spans: Sequence[Span]) -> Tree:
    """The spans under their parents; one whose parent is missing stands at the top, and says so."""
    services = sorted({span.service for span in spans})
    colours = {service: COLOURS[place % len(COLOURS)] for place, service in enumerate(services)}
    began, ended = spans[0].started, max(span.started + span.duration for span in spans)
    top = Tree(
        f"[bold]{code}[/bold] · {spans[0].trace_id} · {len(spans)} spans · {len(services)} services"
        f" · {(ended - began) / 1000:,.1f} ms"
    )
    branches: dict[str | None, Tree] = {}
    for span, orphan in in_order(spans):
        above = top if orphan else branches.get(span.parent_id, top)
        branches[span.span_id] = above.add(line(span, began, colours[span.service], orphan))
    return top


def in_order(spans: Sequence[Span]) -> Iterator[tuple[Span, bool]]:
    """(span, is its parent missing), parents before children, even where parents form a ring."""
    children: dict[str | None, list[Span]] = {}
    for span in spans:
        children.setdefault(span.parent_id, []).append(span)
    known, seen = {span.span_id for span in spans}, set[int]()
    roots = [span for span in spans if span.parent_id not in known]
    for start in (*roots, *spans):
        waiting = [start]
        while waiting:
            span = waiting.pop()
            if id(span) not in seen:
                seen.add(id(span))
                yield span, span is start and span.parent_id is not None
                waiting.extend(reversed(children.get(span.span_id, [])))


def line(span: Span, began: int, colour: str, orphan: bool) -> Text:
    """`✕ service  name  +offset  duration`."""
    text = Text.assemble(
        ("✕ " if span.error else "", "bold red"),
        (span.service, colour),
        f" {span.name} ",
        (f"+{(span.started - began) / 1000:,.1f} ms ", "dim"),
        (f"{span.duration / 1000:,.1f} ms", "bold red" if span.error else "bold"),
    )
    if span.error:
        text.append(f" {span.error}", "red")
    if orphan:
        text.append(" (thiếu cha · parent missing)", "dim italic")
    return text
