"""Which image files can be shown, and the digests of their contents, which are kept for the next time."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path

from harness.api import Image, UnreadableImage
from harness_benchmarks.file_stamps import Stamp, stamp

THREADS = 8

# What was written a moment ago may be written again without another time stamp.
SETTLED_NS = 2_000_000_000

_TAIL = 4096

_COLUMNS = "path, size, inode, modified, changed"


def faults_of(paths: Sequence[Path]) -> list[str]:
    """Why the image of each path cannot be shown; empty where it can, as far as its first and last bytes tell."""
    slices = [paths[place::THREADS] for place in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        done = list(threads.map(lambda some: [_fault(stamp(path)) for path in some], slices))
    found = [""] * len(paths)
    for place, faults in enumerate(done):
        found[place::THREADS] = faults
    return found


# Every step asks for items, and a file that stayed as it was need not be opened again.
@lru_cache(maxsize=1 << 20)
def _fault(file: Stamp | None) -> str:
    if file is None:
        return "its image is not there"
    if not file.size:
        return "its image is an empty file"
    try:
        with Path(file.path).open("rb") as image:
            head = image.read(16)
            image.seek(max(0, file.size - _TAIL))
            if _looks_whole(head, image.read()):
                return ""
        Image.file(Path(file.path)).open()
    except UnreadableImage as error:
        return f"its image {error.cause}"
    except OSError as error:
        return f"its image cannot be read: {error.strerror}"
    return ""


def _looks_whole(head: bytes, tail: bytes) -> bool:
    """Whether a file begins and ends as its format does; other formats are decoded to know."""
    return (head.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in tail) or (
        head.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" in tail
    )


def digests_of(files: Sequence[Stamp]) -> list[str]:
    """SHA-256 of each file's content, in hex. A file is read once, and again where its stamp is another."""
    with _shelf() as shelf:
        kept = _kept(shelf, files)
        fresh = [file for file in dict.fromkeys(files) if file not in kept]
        with ThreadPoolExecutor(THREADS) as threads:
            made = dict(zip(fresh, threads.map(_sha256, fresh), strict=True))
        _keep(shelf, made)
    return [kept.get(file) or made[file] for file in files]


def _sha256(file: Stamp) -> str:
    return Image.file(Path(file.path)).sha256()


def shelf_path() -> Path:
    """Where digests are kept, by path, size, inode and times of the file; it may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ooc-harness" / "image-digests.sqlite3"


@contextmanager
def _shelf() -> Iterator[sqlite3.Connection | None]:
    """The kept digests; None where nothing can be kept, which costs time alone."""
    try:
        path = shelf_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        shelf = sqlite3.connect(path, timeout=5)
        shelf.execute(f"CREATE TABLE IF NOT EXISTS digests ({_COLUMNS}, sha256, PRIMARY KEY (path))")
    except (OSError, RuntimeError, sqlite3.Error):
        yield None
        return
    with closing(shelf):
        yield shelf


def _kept(shelf: sqlite3.Connection | None, files: Sequence[Stamp]) -> dict[Stamp, str]:
    if shelf is None:
        return {}
    found: dict[Stamp, str] = {}
    try:
        for file in files:
            query = f"SELECT {_COLUMNS}, sha256 FROM digests WHERE path = ?"
            for *columns, sha256 in shelf.execute(query, (file.path,)):
                if Stamp(*columns) == file:
                    found[file] = sha256
    except sqlite3.Error:
        return {}
    return found


def _keep(shelf: sqlite3.Connection | None, made: Mapping[Stamp, str]) -> None:
    now = time.time_ns()
    rows = [
        (file.path, file.size, file.inode, file.modified, file.changed, sha256)
        for file, sha256 in made.items()
        if now - max(file.modified, file.changed) > SETTLED_NS and stamp(file.path) == file
    ]
    if shelf is None or not rows:
        return
    try:
        with shelf:
            shelf.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?)", rows)
    except sqlite3.Error:
        return
