"""Bytes by key in one SQLite file: each entry is written once and read by many processes at once."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

# How long a process waits for another one that writes.
BUSY_S = 60

# SQLite's limit of parameters in older builds is 999.
AT_ONCE = 500


def connect(path: Path, table: str) -> sqlite3.Connection:
    """The file with write-ahead logging and the table. SQLite does not wait where two processes turn to the log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            return connection
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                connection.close()
                raise
            time.sleep(0.01)


class Shelf:
    """Entries that are kept over steps and runs. It holds no connection, so that it may go through a fork."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """What there is of the keys. An entry whose checksum fails is taken away, so that it is made again."""
        found, damaged = {}, []
        with closing(self._open()) as connection:
            for key, checksum, value in self._rows(connection, keys):
                if zlib.crc32(value) == checksum:
                    found[key] = value
                else:
                    damaged.append((key,))
            connection.executemany("DELETE FROM entries WHERE key = ?", damaged)
        return found

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Keep the entries; of two under one key the first stays."""
        rows = [(key, zlib.crc32(value), value) for key, value in entries.items()]
        with closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        return connect(self.path, "entries (key TEXT PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL)")

    def _rows(self, connection: sqlite3.Connection, keys: Iterable[str]) -> Iterator[tuple[str, int, bytes]]:
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from connection.execute(f"SELECT key, checksum, value FROM entries WHERE key IN ({marks})", some)
