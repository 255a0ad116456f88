"""`python -m tests.chaos.service NAME [--roles …]`: a service of the platform with the named points put in.

CHAOS_FOLDER is where points are armed; a file `mutation` in it names a mistake to put in as well.
"""

from __future__ import annotations

import os
import runpy
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from chassis import calls
from tests.chaos import seams
from tests.chaos.mutations import MUTATIONS
from tests.chaos.points import Trap


def hasten(name: str) -> None:
    """Shorter waits, the same protocol."""
    _set(calls, "_CALL_SECONDS", 6.0)
    _set(calls, "_LONGEST_PAUSE", 2.0)
    if name == "payments":
        from services.payments.domain import checkout

        _set(checkout, "SILENCE", timedelta(seconds=3))


def _set(module: ModuleType, name: str, value: object) -> None:
    """Give a module's constant another value. Raises AttributeError when it has none of that name."""
    getattr(module, name)
    setattr(module, name, value)


def main() -> None:
    name, folder = sys.argv[1], Path(os.environ["CHAOS_FOLDER"])
    hasten(name)
    mutation = folder / "mutation"
    if mutation.exists():
        MUTATIONS[mutation.read_text()]()
    seams.install(Trap(folder, name).reach)
    del sys.argv[1]
    runpy.run_module(f"services.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
