"""What a sandbox server is told by its environment, with a clear line when something is missing or wrong."""

from __future__ import annotations

import os
import sys


def required(name: str) -> str:
    """The variable's value; ends the process with one line that says what to set when there is none."""
    value = os.environ.get(name, "").strip()
    if not value:
        sys.exit(f"thiếu biến môi trường {name} / set the environment variable {name}")
    return value


def number(name: str, default: float | None = None) -> float:
    """The variable as a number that is not negative; `default` when it is not set."""
    text = os.environ.get(name, "").strip()
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        sys.exit(f"{name} phải là một số không âm / {name} must be a number from 0, not {text!r}")
    return value


def port(name: str) -> int:
    """The variable as a TCP port, 1 to 65535."""
    value = number(name)
    if value != int(value) or not 1 <= value <= 65535:
        sys.exit(f"{name} phải là một cổng TCP / {name} must be a TCP port from 1 to 65535")
    return int(value)


def optional(name: str) -> str:
    """The variable's value, empty when it is not set."""
    return os.environ.get(name, "").strip()
