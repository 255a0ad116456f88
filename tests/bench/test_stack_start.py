"""How fast the whole stack starts, and what it takes, on two cores that have nothing else to do."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(600)
def test_cold_start_in_90_s_warm_start_in_10_s_and_at_most_1500_mb_resident() -> None:
    command = [sys.executable, "-m", "motcua", "stack", "measure", "--json"]
    measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(measured)
    assert measured["cold_start_s"] <= 90
    assert measured["warm_start_s"] <= 10
    assert measured["resident_mb"] <= 1500
