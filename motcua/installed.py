"""Which services there are to operate."""

from __future__ import annotations

from pkgutil import iter_modules

import services

SERVICES = tuple(sorted(module.name for module in iter_modules(services.__path__)))


def unknown(name: str) -> str | None:
    """What to say when no service has this name; None when one has."""
    if name in SERVICES:
        return None
    return f"Không có dịch vụ {name} · there is no service {name}: {', '.join(SERVICES)}"
