"""What Java learns of starting Kafka, once for all data folders that tests make: each node starts in half the time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.jars import locked
from deploy.local.kafka import kafka_child
from deploy.local.kafka_once import cache_name
from deploy.local.layout import Layout
from deploy.local.offsets import free_offset
from deploy.local.secrets import Secrets

ROOT = Path(__file__).resolve().parents[1]
KEPT = Path(os.environ.get("MOTCUA_DATA", ROOT / ".motcua")).resolve() / "kafka-of-tests"


def give(data: Path) -> None:
    """Put Kafka's jars and what was learnt of them into a data folder that has none yet."""
    source, target = KEPT / "kafka", data / "kafka"
    if (target / "jars").exists():
        return
    with _alone():
        if not _has_learnt(source):
            subprocess.run([sys.executable, "-m", "tests.learnt"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (target / "jars").mkdir(parents=True)
    for path in (*source.glob("jars/*"), *source.glob("start*.aot")):
        # The time of its last change is part of what Java knows a jar by.
        _link(path, target / path.relative_to(source))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _has_learnt(folder: Path) -> bool:
    try:
        return (folder / cache_name(folder, locked())).exists()
    except FileNotFoundError:
        return False


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time, of all that test here."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def learn() -> None:
    await kafka_child(Layout(KEPT, free_offset()), Secrets.open(KEPT)).prepare(lambda *_: None)


if __name__ == "__main__":
    asyncio.run(learn())
