"""Tables and charts in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Any) -> str:
    """Columns after the first are figures, and stand at the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(_text(cell) for cell in line)} |" for line in lines)


def chart(title: str, axis: Sequence[str], unit: str, *lines: Sequence[float], kind: str = "bar") -> str:
    """A Mermaid chart of one or more lines over the same axis."""
    names = ", ".join(f'"{name}"' for name in axis)
    drawn = [f"    {kind} [{', '.join(f'{value:g}' for value in line)}]" for line in lines]
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            f'    title "{title}"',
            f"    x-axis [{names}]",
            f'    y-axis "{unit}" 0 --> {1.1 * max(max(line) for line in lines):.0f}',
            *drawn,
            "```",
        ]
    )


def _text(cell: Any) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
