"""A sandbox server's memory: SQLite in WAL mode, so that a killed server forgets nothing it has answered."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_storage(path: Path, schema: str) -> sqlite3.Connection:
    """Open or create the database file and its tables (`schema` is idempotent DDL).

    `synchronous=OFF` survives SIGKILL, not a power cut: statements reach the operating system before the answer leaves.
    Statements are short, so they run on the event loop. Autocommit: open a transaction with `with connection:` after `begin`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = sqlite3.Row
    connection.executescript(f"pragma journal_mode=wal; pragma synchronous=off; {schema}")
    return connection
