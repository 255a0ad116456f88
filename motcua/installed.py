"""Which services there are to operate; none of them is imported for that."""

from __future__ import annotations

from importlib.util import find_spec
from pkgutil import iter_modules

_PACKAGE = find_spec("services")
_FOLDERS = _PACKAGE.submodule_search_locations if _PACKAGE is not None else None

SERVICES = tuple(sorted(module.name for module in iter_modules(_FOLDERS or ())))


def unknown(name: str) -> str | None:
    """What to say when no service has this name; None when one has."""
    if name in SERVICES:
        return None
    return f"Không có dịch vụ {name} · there is no service {name}: {', '.join(SERVICES)}"
