"""The Dockerfile as data, as far as this project's own uses the language."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """One stage: what it begins with, and its instructions in order as (name, rest of the line)."""

    name: str
    base: str
    instructions: tuple[tuple[str, str], ...] = ()

    def all(self, instruction: str) -> list[str]:
        """The rest of the line of every such instruction."""
        return [rest for name, rest in self.instructions if name == instruction]


def stages(path: Path) -> dict[str, Stage]:
    """The stages by name, in order. Raises OSError; ValueError for a stage without a name."""
    found: dict[str, Stage] = {}
    last = ""
    for line in path.read_text("utf-8").replace("\\\n", " ").splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, last = rest.split()
            found[last] = Stage(last, base)
        elif last and instruction and not instruction.startswith("#"):
            stage = found[last]
            found[last] = Stage(last, stage.base, (*stage.instructions, (instruction, " ".join(rest.split()))))
    return found
