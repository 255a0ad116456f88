"""Run a program that refuses root, on a folder that perhaps only root can reach.

Run as `python -I -S unprivileged.py FOLDER PROGRAM ARGUMENT…` (standard library only). PROGRAM runs as the owner of
FOLDER. Where that is root (or a user without a name, as containers have), it runs in a user namespace in which that
user is called UNPRIVILEGED: no file changes hands, and a home of mode 0700 is no hindrance. Where root runs it and
the owner is another, it takes that user's identity, and keeps CAP_DAC_OVERRIDE where this process has it, to reach
its folder below folders closed to others.
Both ways clear the death signal that launch.py asked for, so it is asked for again.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

UNPRIVILEGED = 65534  # "nobody": the uid and gid seen inside the namespace
CLONE_NEWUSER = 0x10000000  # linux/sched.h
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2  # linux/prctl.h
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP = 28, 1 << 2  # linux/securebits.h
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_OVERRIDE = 1  # linux/capability.h
CAPABILITY_VERSION_3 = 0x20080522


class CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class CapabilitySet(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def is_known(user: int) -> bool:
    """Whether the system has a name for the user; without one, initdb refuses."""
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def enter_namespace(libc: ctypes.CDLL) -> None:
    """Raises OSError where the system forbids user namespaces."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{UNPRIVILEGED} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{UNPRIVILEGED} {group} 1")


def become(libc: ctypes.CDLL, user: int, group: int) -> None:
    """Take the user's identity for good, and what follows `exec` has CAP_DAC_OVERRIDE at most.

    Raises OSError where this process may not.
    """
    # Beside keeping capabilities for a moment: access(2), which initdb asks, honours them only with this bit.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    bit = 1 << CAP_DAC_OVERRIDE
    kept = (CapabilitySet * 2)(CapabilitySet(bit, bit, bit), CapabilitySet())
    if libc.capset(ctypes.byref(CapabilityHeader(CAPABILITY_VERSION_3, 0)), kept) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main(arguments: list[str]) -> None:
    folder, program = arguments[0], arguments[1:]
    try:
        owner = Path(folder).stat()
        if os.geteuid() == 0 or not is_known(os.geteuid()):
            libc = ctypes.CDLL(None, use_errno=True)
            parent, death_signal = os.getppid(), ctypes.c_int()
            libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(death_signal), 0, 0, 0)
            if os.geteuid() == 0 != owner.st_uid:
                become(libc, owner.st_uid, owner.st_gid)
            if os.geteuid() == 0 or not is_known(os.geteuid()):
                enter_namespace(libc)
            libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if death_signal.value and os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
        os.execv(program[0], program)  # noqa: S606 - the supervisor chose the program
    except OSError as error:
        sys.exit(f"{program[0]}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
