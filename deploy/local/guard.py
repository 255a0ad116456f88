"""A process beside the supervisor that ends the stack's processes when the supervisor is gone, however it went.

Its standard input is a pipe that only the supervisor holds open (`guarding.py`). Each line is the JSON list of all
processes that run now; the end of the pipe is the supervisor's end. It also holds the lock of the data folder, so
that the next supervisor starts only when everything has been ended.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import IO

from deploy.local.processes import Process, end


def last_told(lines: IO[str]) -> list[Process]:
    """The processes of the last whole line."""
    told: list[Process] = []
    for line in lines:
        if line.endswith("\n"):
            told = [Process(**fields) for fields in json.loads(line)]
    return told


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(last_told(sys.stdin))


if __name__ == "__main__":
    main()
