"""Bytes by key in one SQLite file: each entry is written once and read by many processes at once."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from harness.database import opened, together

# SQLite's limit of parameters in older builds is 999.
AT_ONCE = 500


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
        with closing(self._open()) as connection, together(connection):
            connection.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection:
        return opened(self.path, ["entries (key TEXT PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL)"])

    def _rows(self, connection: sqlite3.Connection, keys: Iterable[str]) -> Iterator[tuple[str, int, bytes]]:
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from connection.execute(f"SELECT key, checksum, value FROM entries WHERE key IN ({marks})", some)
