"""The table of mistakes and the list of the models' runs keep up with the code: `make mistakes` and `make model` need them."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from tests.mistakes.mistake import ROOT, Mistake
from tests.mistakes.table import CANNOT, MISTAKES
from tests.model.runs import SAFE, listed

RUNS = listed()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_each_edit_finds_its_place_once_and_leaves_code(mistake: Mistake, tmp_path: Path) -> None:
    for file in {edit.file for edit in mistake.edits}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    for edit in mistake.edits:
        edit.apply(tmp_path)
        if edit.file.endswith(".py"):
            ast.parse((tmp_path / edit.file).read_text())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_each_named_test_exists(mistake: Mistake) -> None:
    assert mistake.tests
    for test in mistake.tests:
        file, name = test.split("::")
        tree = ast.parse((ROOT / file).read_text())
        functions = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name.split("[")[0] in functions


def test_every_mistake_of_the_models_is_made_or_cannot_be_made() -> None:
    mistakes = {run.name for run in RUNS if not run.is_design}
    made = [run for mistake in MISTAKES for run in mistake.runs]
    assert sorted([*made, *CANNOT]) == sorted(mistakes)


def test_every_run_has_its_configuration() -> None:
    """Each constant and each claim that the list names exists in its model."""
    for run in RUNS:
        text = run.configuration()
        assert all(f"  {constant} = {value}\n" in text for constant, value in run.constants.items())
        assert ("PROPERT" in text) <= (run.expected != SAFE)
        assert run.is_design or text.endswith(f" {run.expected}\n")
