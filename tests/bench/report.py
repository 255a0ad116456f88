"""What was measured, told in Markdown: `docs/benchmarks.md`, and the same tables in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench import prose
from tests.bench.markdown import table
from tests.bench.sections import SECTIONS, Told


def document(told: Told, machine: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The whole page; `told` is what `suite.measured` answers, of any benchmarks."""
    parts = [prose.HEAD, table(("machine", ""), machine.items()), table(("version", ""), versions.items())]
    for name, section in SECTIONS.items():
        if name in told:
            parts += [f"## {prose.TITLES[name]}", *section(told[name]), prose.NOTES[name]]
    return "\n\n".join([*parts, prose.TAIL]) + "\n"


def tables(told: Told) -> str:
    """The sections' tables alone."""
    shown = [
        "\n\n".join([prose.TITLES[name], *(part for part in section(told[name]) if part.startswith("|"))])
        for name, section in SECTIONS.items()
        if name in told
    ]
    return "\n\n".join(shown)
