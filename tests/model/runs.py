"""The runs of the model checker, as `docs/model/runs.txt` lists them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODELS = Path(__file__).resolve().parents[2] / "docs" / "model"
HOLDS, SAFE = "holds", "safe"


class RunsError(Exception):
    """The list of runs or a configuration is not as it must be; the text says where."""


@dataclass(frozen=True)
class Run:
    """One run: `expected` is "holds" (all claims), "safe" (the invariants) or the name of the claim that breaks."""

    model: str
    short_name: str
    expected: str
    constants: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.model}/{self.short_name}"

    @property
    def is_design(self) -> bool:
        return self.expected in (HOLDS, SAFE)

    @property
    def is_deep(self) -> bool:
        return self.short_name.startswith("deep")

    def configuration(self, folder: Path = MODELS) -> str:
        """TLC's configuration for this run: the model's own, with this run's constants and the claims it is about.

        Raises RunsError for a constant or a claim that the model does not have.
        """
        text = (folder / f"{self.model}.cfg").read_text()
        head, claims = text[: text.index("INVARIANT")], text[text.index("INVARIANT") :].splitlines()
        for constant, value in self.constants.items():
            found = re.search(rf"(?m)^  {constant} = (.*)$", head)
            if found is None:
                raise RunsError(f"{self.name}: {self.model}.cfg has no constant {constant}")
            head = head[: found.start(1)] + value + head[found.end(1) :]
        return head + "\n".join(self._claims(claims)) + "\n"

    def _claims(self, lines: list[str]) -> list[str]:
        if self.expected == HOLDS:
            return lines
        kinds = {claim: line.split()[0] for line in lines for claim in line.split()[1:]}
        invariants = [line for line in lines if line.startswith("INVARIANT")]
        if self.expected == SAFE:
            return invariants
        if self.expected not in kinds:
            raise RunsError(f"{self.name}: {self.model}.cfg has no claim {self.expected}")
        return [f"{kinds[self.expected]} {self.expected}"]


def listed(folder: Path = MODELS) -> list[Run]:
    """All runs, in the order of the list."""
    lines = (folder / "runs.txt").read_text().splitlines()
    return [_run(line) for line in lines if line.strip() and not line.startswith("#")]


def _run(line: str) -> Run:
    model, name, expected, *constants = line.split()
    return Run(model, name, expected, dict(constant.split("=", 1) for constant in constants))
