"""Named points at which a process ends or stands still, armed from outside and claimed once.

A point is armed by a file. The process that reaches it claims the file by a rename, which only one can do, and only
then acts: so the file's new place tells for certain that the fault fired.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KILL = "kill"


@dataclass(frozen=True)
class Points:
    """The side that arms: `folder` is what both sides share."""

    folder: Path

    def prepare(self) -> None:
        for name in ("armed", "claimed"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def arm(self, service: str, point: str, stall_seconds: float | None = None) -> Path:
        """The next process of `service` that reaches `point` kills itself, or stands still for `stall_seconds`."""
        armed = self.folder / "armed" / f"{service}@{point}"
        draft = self.folder / f"draft-{service}@{point}"
        draft.write_text(KILL if stall_seconds is None else str(stall_seconds))
        draft.rename(armed)
        return armed

    async def claimed(self, armed: Path, seconds: float, over: Callable[[], bool] = lambda: False) -> bool:
        """Whether the point was reached within `seconds`, or before all is `over`; when it was not, it is disarmed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not over():
            if not armed.exists():
                return True
            await asyncio.sleep(0.05)
        return not self.disarm(armed)

    def disarm(self, armed: Path) -> bool:
        """Take an armed point back; False when somebody was faster."""
        try:
            armed.rename(self.folder / f"disarmed-{armed.name}")
        except FileNotFoundError:
            return False
        return True


@dataclass(frozen=True)
class Trap:
    """The side that is inside a process of `service`."""

    folder: Path
    service: str

    async def reach(self, point: str) -> None:
        """Go on, unless this point is armed."""
        name = f"{self.service}@{point}"
        claimed = self.folder / "claimed" / f"{name}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            (self.folder / "armed" / name).rename(claimed)
        except FileNotFoundError:
            return
        order = claimed.read_text()
        if order == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(float(order))
