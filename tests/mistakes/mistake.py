"""What a mistake is: edits to the code, the runs of the models that show its harm, and the tests that must see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class EditError(Exception):
    """The text that an edit replaces is not there, or not once; the table must follow the code."""


@dataclass(frozen=True)
class Edit:
    """In `file`, `old` stands exactly once and becomes `new`."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Make the edit in the tree under `root`. Raises EditError."""
        path = root / self.file
        text = path.read_text()
        if (found := text.count(self.old)) != 1:
            raise EditError(f"{self.file}: {found} times instead of once: {self.old!r}")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Mistake:
    """`runs` are its names in `docs/model/runs.txt` (or `Failure/…`, of no model), `tests` the node ids of which each must fail, `note` what is odd.

    `words` is a regular expression on what a failure says: a test that fails in other words has seen something else.
    """

    runs: tuple[str, ...]
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    words: str
    note: str = ""

    @property
    def name(self) -> str:
        return self.runs[0]
