"""What a measured process hears from the one that started it."""

from __future__ import annotations

import asyncio
import os
import sys


async def heard(go: asyncio.Event) -> None:
    """Set `go` at the first line, and end this process when the parent's end comes, however it does."""
    while await asyncio.to_thread(sys.stdin.readline):
        go.set()
    os._exit(1)
