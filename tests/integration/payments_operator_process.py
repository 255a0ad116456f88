"""`motcua payments` as a process of its own, for services that listen where there was room: PAYMENTS_URL and OIDC_URL say where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from deploy.local.layout import Layout
from motcua.payments import app


@dataclass(frozen=True)
class Elsewhere(Layout):
    """A stack by its services' addresses."""

    def url(self, name: str) -> str:
        return os.environ[f"{name.upper()}_URL"]


if __name__ == "__main__":
    with patch.object(Layout, "from_environment", lambda: Elsewhere(Path())):
        app()
