"""What the oracle has found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Verdict:
    """What was found, in sentences; each list's length is a figure, `unexplained_dong` is an amount.

    `in_doubt` are second copies of letters over the gap between a mail server's acceptance and our commit, each
    explained by a fault that fired in it; they are known and told apart (docs/decisions/0010).
    """

    lost: list[str] = field(default_factory=list)
    double_charges: list[str] = field(default_factory=list)
    double_notices: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    projection_mismatches: list[str] = field(default_factory=list)
    money: list[tuple[str, int]] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, int]:
        return {
            "lost": len(self.lost),
            "double_charges": len(self.double_charges),
            "double_notices": len(self.double_notices),
            "out_of_order": len(self.out_of_order),
            "unexplained_dong": sum(amount for _, amount in self.money),
            "projection_mismatches": len(self.projection_mismatches),
        }

    def reasons(self) -> Iterator[str]:
        for name in ("lost", "double_charges", "double_notices", "out_of_order", "projection_mismatches"):
            yield from (f"{name}: {reason}" for reason in getattr(self, name))
        yield from (f"unexplained_dong: {reason}: {amount}" for reason, amount in self.money)
