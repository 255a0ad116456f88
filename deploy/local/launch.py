"""Become one child of the stack, told by the kernel when the supervisor dies.

Run as `python -I -S launch.py PARENT SIGNAL PROGRAM ARGUMENT…` (standard library only, so that it costs
milliseconds). On Linux PR_SET_PDEATHSIG sends SIGNAL to this process when PARENT is gone, however it went;
elsewhere the guard process does that. Then PROGRAM takes this process over, under the same process id.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int, death_signal: int) -> None:
    """Ask for `death_signal` at the parent's death; a parent that died meanwhile ends this process now."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    parent, death_signal, program = int(arguments[0]), int(arguments[1]), arguments[2:]
    die_with(parent, death_signal)
    try:
        os.execvp(program[0], program)  # noqa: S606 - the supervisor chose the program
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
