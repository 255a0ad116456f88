"""All of the platform: real Kafka, real PostgreSQL, every service and every sandbox server."""

from __future__ import annotations

import os
import signal
import urllib.request
from dataclasses import replace

import pytest

from deploy.local.layout import Layout
from deploy.local.plan import SERVICES
from deploy.local.state import ChildState
from tests.e2e.command_line import CommandLine
from tests.supervised import all_gone, until

LONG_SECONDS = 180


@pytest.mark.timeout(600)
def test_the_whole_stack_comes_up_survives_the_death_of_each_part_and_leaves_nothing(motcua: CommandLine) -> None:
    """No process when its supervisor dies, and no file of anybody's when it is reset."""
    whole = replace(motcua, parts=())
    seen = whole.start()
    layout = Layout(whole.data, whole.offset)
    for name in SERVICES:
        with urllib.request.urlopen(f"{layout.url(name)}/readyz", timeout=10) as answer:
            assert answer.status == 200

    for child in seen.children:
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGKILL)
    until(lambda: all_back(whole, seen.children), LONG_SECONDS)

    again = whole.start()
    os.kill(again.supervisor.pid, signal.SIGKILL)
    until(all_gone([again.supervisor, *again.processes()]), LONG_SECONDS)

    assert (whole.data / "documents").is_dir()
    assert whole.run("reset", "--yes").returncode == 0
    assert {path.name for path in whole.data.iterdir()} <= {"supervisor.lock", "bytecode"}  # the command's own


def all_back(whole: CommandLine, before: list[ChildState]) -> bool:
    """Each part runs as another process than before, and is ready."""
    told = {child["name"]: child for child in whole.status()["children"]}
    return all(
        told[child.name]["state"] == "ready"
        and child.process is not None
        and told[child.name]["pid"] not in (None, child.process.pid)
        for child in before
    )
