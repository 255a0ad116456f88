"""What was measured on: the machine and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil

from deploy.local.jars import locked
from deploy.local.postgres import binary


def machine() -> dict[str, str]:
    """Cores, processor and memory."""
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "processor": _processor(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """What the figures depend on, with its version."""
    kafka = next(jar.version for jar in locked() if jar.artifact.startswith("kafka_"))
    told = subprocess.run([binary("postgres"), "--version"], check=True, capture_output=True, text=True).stdout
    libraries: Mapping[str, str] = {"aiokafka": "aiokafka", "FastStream": "faststream", "asyncpg": "asyncpg"}
    return {
        "Python": platform.python_version(),
        "PostgreSQL": told.split()[-1],
        "Kafka": kafka,
        **{name: version(package) for name, package in libraries.items()},
    }


def _processor() -> str:
    """The processor's model, as far as the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
