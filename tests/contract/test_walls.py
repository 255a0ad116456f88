"""Walls that import-linter cannot see (it holds the others, in pyproject.toml)."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SQL = re.compile(
    r"\b(select\b[^;]*\bfrom\b|insert\s+into\b|update\s+\w+\s+(as\s+\w+\s+)?set\s+\w+\s*=|delete\s+from\b"
    r"|(create|alter|drop)\s+table\b)",
    re.IGNORECASE,
)


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def sql(source: str) -> list[str]:
    """Text in a module that is SQL; what documents the module is not looked at."""
    tree = ast.parse(source)
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    return [text for text in texts if SQL.search(text)]


def test_contracts_need_nothing_but_pydantic() -> None:
    allowed = {"contracts", "pydantic", *sys.stdlib_module_names}
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("contracts")
        for name in imported(path)
        if name.split(".")[0] not in allowed
    }
    assert strangers == set()


def test_sql_stands_in_a_services_store_and_nowhere_else() -> None:
    misplaced = {
        f"{path.relative_to(ROOT)}: {' '.join(text.split())[:60]}"
        for path in modules("services")
        if "store" not in (path.stem, path.parent.name)
        for text in sql(path.read_text("utf-8"))
    }
    assert misplaced == set()


@pytest.mark.parametrize(
    "statement",
    [
        "select code from dossier where code = any($1)",
        "SELECT\n  1\nFROM bill",
        "insert into bill (id) values ($1)",
        "update bill set state = $1",
        "delete from slot",
        "with x as (select 1 from y) table x",
    ],
)
def test_sql_is_recognised(statement: str) -> None:
    assert sql(f"query = {statement!r}") == [statement]


@pytest.mark.parametrize("text", ["Select a procedure.", "update the set of rooms", "Chọn thủ tục · select one"])
def test_prose_is_not_taken_for_sql(text: str) -> None:
    assert sql(f"message = {text!r}") == []


def test_every_service_has_the_rooms_a_newcomer_looks_for() -> None:
    for service in sorted(path.parent for path in (ROOT / "services").glob("*/main.py")):
        present = {path.stem for path in service.iterdir()}
        assert {"__init__", "__main__", "main", "domain", "migrations"} <= present, service.name
