"""A stack of its own for each test that asks, and none left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_line import CommandLine


@pytest.fixture
def motcua(tmp_path: Path) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path / "dữ liệu")
    yield line
    line.close()
