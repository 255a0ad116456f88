"""A reset forgets whatever a process of the stack is told to keep, and nothing that nobody agreed to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("answer", "told"),
    [("", ("make reset YES=1", "motcua reset --yes", "chưa xóa gì")), ("n\n", ("Không xóa gì", "nothing was deleted"))],
    ids=["nobody", "no"],
)
def test_without_a_yes_nothing_is_deleted_and_it_is_said_what_to_do(
    tmp_path: Path, answer: str, told: tuple[str, ...]
) -> None:
    paper = tmp_path / "documents" / "paper"
    paper.parent.mkdir()
    paper.write_bytes(b"a passport")
    result = reset(tmp_path, answer)
    assert result.returncode == 1
    assert all(words in result.stderr for words in told)
    assert "Abort" not in result.stderr
    assert paper.exists()


@pytest.mark.parametrize(("answer", "options"), [("y\n", ()), ("", ("--yes",))], ids=["answered", "told"])
def test_a_yes_may_come_through_a_pipe_or_with_the_command(
    tmp_path: Path, answer: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "documents").mkdir()
    assert reset(tmp_path, answer, *options).returncode == 0
    assert not (tmp_path / "documents").exists()


def reset(data: Path, answer: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The command, with its answer in a pipe that ends."""
    return subprocess.run(
        [sys.executable, "-m", "motcua", "reset", *options],
        env={**os.environ, "MOTCUA_DATA": str(data)},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
    )
