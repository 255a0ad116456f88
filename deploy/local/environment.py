"""The environment of the stack's processes: what they need of ours, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

# Not passed on: proxies (all talk is on loopback), PYTHONDONTWRITEBYTECODE (it makes every start slow), secrets.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")


def base(data: Path) -> dict[str, str]:
    """What every child gets; byte code is kept where we are told to, or in the data folder, which can be written."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONPYCACHEPREFIX": _bytecode(data), "PYTHONUNBUFFERED": "1"}


def supervisor(data: Path) -> dict[str, str]:
    """What a supervisor started from here gets: everything, but with its byte code kept as well."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": _bytecode(data)}


def _bytecode(data: Path) -> str:
    return os.environ.get("PYTHONPYCACHEPREFIX", str(data / "bytecode"))
