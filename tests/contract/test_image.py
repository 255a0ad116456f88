"""The Dockerfile: nothing but what runs, owned by nobody who runs it."""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.containers.dockerfile import stages
from tests.contract.compose import ROOT, SERVICES

STAGES = stages(ROOT / "Dockerfile")
FINAL = ("sandbox", "services")


def test_the_image_of_the_services_is_what_a_plain_build_makes() -> None:
    assert list(STAGES)[-1] == "services"


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_that_is_built_names_a_stage(name: str) -> None:
    build = SERVICES[name].get("build")
    assert build is None or build["target"] in FINAL
    assert (
        build is None or SERVICES[name]["image"] == {"services": "motcua", "sandbox": "motcua-sandbox"}[build["target"]]
    )


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_begins_with_an_earlier_one_or_with_pythons_slim_image(name: str) -> None:
    earlier = list(STAGES)[: list(STAGES).index(name)]
    assert STAGES[name].base in {*earlier, "python:${PYTHON}-slim"}


@pytest.mark.parametrize("name", STAGES)
def test_every_file_that_is_copied_exists_and_is_let_through_to_the_builder(name: str) -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    for copy in STAGES[name].all("COPY"):
        if copy.startswith("--from="):
            assert copy.split()[0].removeprefix("--from=") in STAGES
            continue
        for source in copy.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, pattern) or source.startswith(f"{pattern}/") for pattern in allowed), source


@pytest.mark.parametrize("name", FINAL)
def test_a_final_image_runs_as_nobody_who_owns_the_code_and_knows_whether_it_is_healthy(name: str) -> None:
    stage = STAGES[name]
    user, group = stage.all("USER")[-1].split(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    assert json.loads(stage.all("ENTRYPOINT")[-1]) == ["python", "-m"]
    assert stage.all("HEALTHCHECK")[-1].endswith('CMD ["python", "-m", "deploy.containers.healthy"]')
    assert not stage.all("RUN")
    assert not any("--chown" in copy for copy in stage.all("COPY"))


def test_the_image_of_the_services_holds_neither_the_sandbox_nor_the_embedded_stack() -> None:
    copied = {source for copy in STAGES["build-services"].all("COPY") for source in copy.split()[:-1]}
    assert not copied & {"deploy", "deploy/local", "deploy/sandbox", "tests", "motcua", "."}


def test_no_secret_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    assert not [line for line in lines if line.startswith("!.") or "env" in line]


def test_what_the_services_import_is_installed_with_them() -> None:
    """The image has no package of development: one that a service imports must be a dependency of the project."""
    installed = _closure("motcua")
    distributions = packages_distributions()
    ours = {"contracts", "chassis", "services", "deploy"}
    for folder in ("contracts", "chassis", "services", "deploy/kafka"):
        for path in (ROOT / folder).rglob("*.py"):
            for module in _imported(path) - sys.stdlib_module_names - ours:
                names = {name.lower().replace("_", "-") for name in distributions.get(module, [module])}
                assert names & installed, f"{path.relative_to(ROOT)}: {module}"


def _closure(project: str) -> set[str]:
    """All that is installed with the project, without extras of its own and groups, as uv.lock has it."""
    packages = {each["name"]: each for each in tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]}
    found: set[tuple[str, str]] = set()
    waiting = [(project, "")]
    while waiting:
        name, extra = each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        source = (
            packages[name].get("optional-dependencies", {}).get(extra, [])
            if extra
            else packages[name].get("dependencies", [])
        )
        waiting += [(needed["name"], wanted) for needed in source for wanted in ("", *needed.get("extra", []))]
    return {name for name, _ in found}


def _imported(path: Path) -> set[str]:
    """The top-level names of all modules that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
