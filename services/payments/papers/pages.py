"""Pages for browsers: plain HTML that needs no JavaScript, Vietnamese first, loading nothing from elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chassis.clock import VIETNAM
from services.payments.papers.words import in_figures


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}"


_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {"dong": in_figures, "moment": _moment}

# A form's answer redirects to the gateway's page, and browsers hold that against form-action: any host is allowed there,
# in the clear only where this service itself is not served over TLS.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self' https:"
)


def page(template: str, status: int = 200, *, public_url: str, **values: object) -> HTMLResponse:
    """The rendered template. The address of the page is a secret of whoever has it: no other site is told it."""
    headers = {
        "Content-Security-Policy": _POLICY + ("" if public_url.startswith("https:") else " http:"),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "Vary": "Accept",
    }
    return HTMLResponse(_PAGES.get_template(template).render(**values), status, headers)


def is_browser(accept: str) -> bool:
    """Whether a page is wanted rather than JSON: programs name JSON, or nothing in particular."""
    return "text/html" in accept


def missing(public_url: str, vi: str, en: str) -> HTMLResponse:
    """What is not there, or not for whoever asks."""
    return page("message.html", 404, public_url=public_url, title="Không tìm thấy", vi=vi, en=en)
