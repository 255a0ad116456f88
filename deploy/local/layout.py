"""Where the embedded stack keeps its things and which ports it listens on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.local.child import StackError

PORTS = {
    "portal": 8080,
    "intake": 8101,
    "payments": 8102,
    "notifications": 8103,
    "status": 8104,
    "subscriptions": 8105,
    "gateway": 8201,
    "bank": 8202,
    "sms": 8203,
    "mail": 8204,
    "smtp": 8225,
    "oidc": 8205,
    "register": 8206,
    "vnpay": 8207,
    "national": 8208,
    "postgres": 15432,
    "kafka": 19092,
    "kafka-controller": 19093,
    "traces": 9411,
}

SMALLEST_PORT, LARGEST_PORT = 1024, 65535


@dataclass(frozen=True)
class Layout:
    """One checkout's stack: `data` holds everything it keeps, `offset` moves every port."""

    data: Path
    offset: int = 0

    @classmethod
    def from_environment(cls) -> Layout:
        """`MOTCUA_DATA` (default `.motcua` beside the code) and `MOTCUA_PORT_OFFSET` (default 0).

        Raises StackError when the offset is no number, or leaves a port outside 1024 to 65535.
        """
        root = Path(__file__).resolve().parents[2]
        text = os.environ.get("MOTCUA_PORT_OFFSET") or "0"
        try:
            offset = int(text)
        except ValueError:
            offset = LARGEST_PORT
        if not (min(PORTS.values()) + offset >= SMALLEST_PORT and max(PORTS.values()) + offset <= LARGEST_PORT):
            raise StackError(
                f"MOTCUA_PORT_OFFSET={text} không dùng được: cần một số từ {SMALLEST_PORT - min(PORTS.values())} đến "
                f"{LARGEST_PORT - max(PORTS.values())} · it must be a number in that range"
            )
        return cls(data=Path(os.environ.get("MOTCUA_DATA") or root / ".motcua").resolve(), offset=offset)

    def port(self, name: str) -> int:
        return PORTS[name] + self.offset

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"
