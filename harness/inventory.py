"""What lies in a store: artifacts and what became of them, answers, caches and leftovers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.store import MANIFEST, Store

CACHES = ("artifacts/cache", "artifacts/inspect", "shelves")
"""What is made again where it is missing; losing it costs time alone."""

LEFTOVERS = ("drafts", "damaged")
"""What a kill or a damage left behind; nothing reads it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One artifact."""

    kind: str
    key: str
    what: str
    bytes: int
    finished: float
    """Seconds since 1970; 0 where the manifest cannot be read."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the store that is not as it was written."""

    path: Path
    cause: str


def kinds(store: Store) -> list[str]:
    """Kinds of artifact that there are."""
    return sorted(folder.name for folder in (store.root / "artifacts").glob("*") if folder.is_dir())


def entries(store: Store, kind: str) -> list[Entry]:
    """Every artifact of a kind, by what it is of."""
    found = []
    for folder in (store.root / "artifacts" / kind).glob("*"):
        facts = _facts(store, kind, folder.name)
        finished = float(facts.get("provenance", {}).get("finished", 0))
        what = str(facts.get("what") or facts.get("cache_key") or "cannot be read")
        found.append(Entry(kind, folder.name, what, size(folder), finished))
    return sorted(found, key=lambda entry: (entry.what, entry.key))


def _facts(store: Store, kind: str, key: str) -> dict[str, Any]:
    try:
        return store.manifest(kind, key)
    except StoreError:
        return {}


def damage(store: Store) -> Iterator[Damage]:
    """Artifacts whose checksums differ, and databases that SQLite finds malformed. It reads every byte."""
    for kind in kinds(store):
        for folder in sorted((store.root / "artifacts" / kind).glob("*")):
            if not (folder / MANIFEST).is_file():
                yield Damage(folder, "has no manifest")
            elif not store.sound(kind, folder.name):
                yield Damage(folder, "differs from the checksums of its manifest")
    for path in sorted(store.root.rglob("*.sqlite")):
        if fault := _malformed(path):
            yield Damage(path, fault)


def _malformed(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what vanishes meanwhile counts nothing."""
    if not path.is_dir():
        return _bytes(path)
    return sum(_bytes(Path(folder) / name) for folder, _, names in os.walk(path) for name in names)


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
