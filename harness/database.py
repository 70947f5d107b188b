"""SQLite files to which several processes write at once."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError
from harness.mounts import shared_at

VARIABLE = "HARNESS_JOURNAL_MODE"
"""Set to ``wal`` or ``rollback``, it says how SQLite works, where what is mounted does not tell rightly."""

_PRAGMAS = {"wal": ("journal_mode=WAL", "synchronous=NORMAL"), "rollback": ("journal_mode=DELETE", "synchronous=FULL")}

# How long one process waits for another that writes.
BUSY_S = 60


def opened(path: Path, tables: Sequence[str]) -> sqlite3.Connection:
    """A connection that commits each statement by itself, to a file in which the tables are (``CREATE TABLE …``).

    What is committed survives a kill of the process. SQLite does not wait where two processes turn to the log at once.
    Its log (WAL) lies in memory that processes of one machine share, so that several machines need a rollback journal.
    """
    pragmas = _PRAGMAS[mode_at(path)]
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    until = time.monotonic() + BUSY_S
    while True:
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
            for table in tables:
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            return connection
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                connection.close()
                raise
            time.sleep(0.01)


def mode_at(path: Path) -> str:
    """How SQLite works at a path: ``rollback`` where other machines may see the file, ``wal`` elsewhere."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted and wanted not in _PRAGMAS:
        raise HarnessError(f"{wanted!r} is no mode of SQLite", place=VARIABLE, remedy="Set it to wal or rollback.")
    return wanted or ("rollback" if shared_at(path) else "wal")


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
