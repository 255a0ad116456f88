"""The sandbox's pages: Jinja2 templates over one common layout, plain HTML that needs no JavaScript."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

VIETNAM = timezone(timedelta(hours=7), "ICT")
"""Vietnam has no summer time: a fixed offset needs no zone database."""

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-src 'self'; base-uri 'none'; "
    "frame-ancestors 'self'; form-action 'self' http://127.0.0.1:* http://localhost:*"
)
"""A form's answer may redirect to another loopback port: browsers hold that against `form-action`."""


def templates(folder: Path) -> Environment:
    """The templates of one server, with the kit's `base.html` behind them; everything is escaped."""
    environment = Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["vietnam_time"] = vietnam_time
    return environment


def vietnam_time(seconds: float) -> str:
    """A Unix time as a person in Vietnam writes it: 09:05:00 · 31/12/2026."""
    return datetime.fromtimestamp(seconds, VIETNAM).strftime("%H:%M:%S · %d/%m/%Y")


def utc_time(seconds: float) -> str:
    """A Unix time in RFC 3339, in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(environment: Environment, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """The rendered template, with headers that let it load nothing from elsewhere."""
    text = environment.get_template(template).render(**values)
    return HTMLResponse(text, status, {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})
