"""What a process waits for, and why: the truth behind /readyz."""

from __future__ import annotations


class Health:
    """Reasons why this process is not ready, by the part that is not; empty means ready."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def waits(self, part: str, reason: str) -> None:
        self._reasons[part] = reason

    def well(self, part: str) -> None:
        self._reasons.pop(part, None)

    @property
    def reasons(self) -> dict[str, str]:
        return dict(self._reasons)
