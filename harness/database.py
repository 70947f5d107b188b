"""SQLite files to which several processes write at once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# How long one process waits for another that writes.
BUSY_S = 60


def opened(path: Path, tables: Sequence[str]) -> sqlite3.Connection:
    """A connection that commits each statement by itself, to a file in which the tables are (``CREATE TABLE …``).

    What is committed survives a kill of the process. SQLite does not wait where two processes turn to the log at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            for table in tables:
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            return connection
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                connection.close()
                raise
            time.sleep(0.01)


@contextmanager
def together(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements inside, or none of them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
