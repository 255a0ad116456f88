"""A port offset at which a whole stack finds all its ports free."""

from __future__ import annotations

import os
import random

from deploy.local.checks import is_free
from deploy.local.child import StackError
from deploy.local.layout import PORTS

# All ports stay below 32768, where systems begin to give ports to outgoing connections.
OFFSETS = range(2000, 13000, 100)


def free_offset() -> int:
    """One of OFFSETS, by chance, so that two that look at the same time hardly meet. Raises StackError.

    MOTCUA_FREE_OFFSETS, FIRST:LAST:STEP without LAST itself, gives each of several runs its own: they never meet.
    """
    told = os.environ.get("MOTCUA_FREE_OFFSETS")
    offsets = range(*map(int, told.split(":"))) if told else OFFSETS
    for offset in random.sample(offsets, len(offsets)):
        if all(is_free(port + offset) for port in PORTS.values()):
            return offset
    raise StackError("Không còn dải cổng trống · no free range of ports is left")
