"""The diagrams in docs/states are drawn from the tables that the deciders go by, all of them, as they are now."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from chassis.table import Table
from motcua import diagrams

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(
    r"stateDiagram-v2|    (\[\*\]|[a-z_]+) --> [a-z_]+: \w+( / \w+)?|    [a-z_]+ --> \[\*\]|    [a-z_]+: [\w ]+"
)


def domains() -> list[ModuleType]:
    found = [path for path in (ROOT / "services").glob("*/domain/*.py") if path.stem != "__init__"]
    return [import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in found]


def test_the_committed_diagrams_are_those_of_the_tables() -> None:
    found = list(diagrams.differences())
    assert not found, "\n".join([*found, "run: motcua diagrams"])


def test_every_table_of_every_service_is_drawn() -> None:
    tables = {id(value) for module in domains() for value in vars(module).values() if isinstance(value, Table)}
    assert tables == {id(table) for _, _, table in diagrams.PAGES.values()}


@pytest.mark.parametrize("name", diagrams.PAGES)
def test_a_diagram_has_every_move_and_the_ends_and_is_plain_mermaid(name: str) -> None:
    table = diagrams.PAGES[name][2]
    lines = table.mermaid().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len([line for line in lines if "-->" in line and not line.endswith("[*]")]) == len(table.moves)
    ends = {move.target for move in table.moves} - {move.source for move in table.moves}
    assert len([line for line in lines if line.endswith("--> [*]")]) == len(ends)


def test_a_stale_a_missing_and_a_left_over_page_are_named_and_put_right(tmp_path: Path) -> None:
    assert sorted(diagrams.write(tmp_path)) == sorted(f"{name}.md" for name in diagrams.PAGES)
    assert diagrams.write(tmp_path) == []
    (tmp_path / "bill.md").unlink()
    (tmp_path / "dossier.md").write_text("# old")
    (tmp_path / "gone.md").write_text("# gone")
    names = {"bill.md", "dossier.md", "gone.md"}
    assert {line.split(":")[0] for line in diagrams.differences(tmp_path)} == names
    assert set(diagrams.write(tmp_path)) == names
    assert list(diagrams.differences(tmp_path)) == []


def test_the_command_says_what_is_stale_and_fails_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(diagrams.differences, "__defaults__", (tmp_path,))
    monkeypatch.setattr(diagrams.write, "__defaults__", (tmp_path,))
    run = CliRunner().invoke
    stale = run(diagrams.app, ["--check"])
    assert stale.exit_code == 1
    assert "docs/states/dossier.md" in stale.output
    assert list(tmp_path.iterdir()) == [], "--check writes nothing"
    assert run(diagrams.app, []).exit_code == 0
    current = run(diagrams.app, ["--check"])
    assert (current.exit_code, current.output) == (0, "Mọi tệp đều mới nhất · all files are current\n")
