"""Ending processes: by their signal, or by force, whether or not they lead a process group."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deploy.local.processes import Process, birth_of, end

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"


@pytest.mark.parametrize("leads_a_group", [True, False])
def test_what_ignores_its_signal_is_killed_in_time(leads_a_group: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", STUBBORN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=leads_a_group,
    )
    assert process.stdout is not None
    process.stdout.readline()
    birth = birth_of(process.pid)
    assert birth is not None
    end([Process(process.pid, birth, stop_seconds=0.1)])
    assert birth_of(process.pid) is None
    process.communicate()
