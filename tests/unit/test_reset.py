"""Whatever a process of the stack is told to keep, a reset forgets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.local.layout import Layout
from deploy.local.plan import plan
from deploy.local.secrets import Secrets
from motcua import stack
from motcua.stack import MADE


def told_to_keep(data: Path) -> set[str]:
    """The names in the data folder that any process is told by its command, its environment or its place."""
    told = [
        text
        for zipkin in (False, True)
        for child in plan(Layout(data), Secrets.open(data), zipkin)
        for text in (*child.command, *child.environment.values(), str(child.working_directory or ""))
    ]
    return {name for text in told for name in re.findall(re.escape(f"{data}/") + r"([^/:,\s]+)", text)}


def test_what_any_process_of_the_stack_is_told_to_keep_is_forgotten(tmp_path: Path) -> None:
    told = told_to_keep(tmp_path)
    assert {"postgres", "kafka", "documents", "sandbox"} <= told
    assert told <= set(MADE)


def test_uploaded_papers_are_gone_after_a_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_DATA", str(tmp_path))
    paper = tmp_path / "documents" / "2026-11-23" / "01a20454-5634-779b-9795-d85e5e63b44e"
    paper.parent.mkdir(parents=True)
    paper.write_bytes(b"a passport")
    assert stack.reset() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"supervisor.lock"}
