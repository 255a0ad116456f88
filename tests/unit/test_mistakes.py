"""The table of mistakes and the list of the models' runs keep up with the code: `make mistakes` and `make model` need them."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.mistakes.__main__ import _found, _of
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


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_no_words_are_those_of_code_that_does_not_work(mistake: Mistake) -> None:
    for reason in (
        "NameError: name 'x' is not defined",
        "TimeoutError",
        "",
        "Failed: Timeout (>150.0s) from pytest-timeout.",
    ):
        assert re.search(mistake.words, reason) is None


@pytest.mark.parametrize(
    ("reasons", "outcome"),
    [
        (["assert 1 == 0"], "red"),
        (["assert 1 == 2", "assert 1 == 0"], "red"),
        (["NameError: name 'x' is not defined"], "otherwise"),
        ([None, "assert 1 == 2"], "otherwise"),
        ([None], "green"),
        ([], "missing"),
    ],
)
def test_a_test_is_red_only_in_the_words_that_are_expected(reasons: list[str | None], outcome: str) -> None:
    cases = [ElementTree.Element("testcase") for _ in reasons]
    for case, reason in zip(cases, reasons, strict=True):
        if reason is not None:
            ElementTree.SubElement(case, "failure", message=reason)
    found = {f"t.py::test[{number}]": _found(case, "1 == 0") for number, case in enumerate(cases)}
    assert _of("t.py::test", found).outcome == outcome


def test_every_mistake_of_the_models_is_made_or_cannot_be_made() -> None:
    mistakes = {run.name for run in RUNS if not run.is_design}
    made = [run for mistake in MISTAKES for run in mistake.runs if not run.startswith("Failure/")]
    assert sorted([*made, *CANNOT]) == sorted(mistakes)


def test_every_run_has_its_configuration() -> None:
    """Each constant and each claim that the list names exists in its model."""
    for run in RUNS:
        text = run.configuration()
        assert all(f"  {constant} = {value}\n" in text for constant, value in run.constants.items())
        assert ("PROPERT" in text) <= (run.expected != SAFE)
        assert run.is_design or text.endswith(f" {run.expected}\n")
