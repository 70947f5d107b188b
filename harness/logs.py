"""What a worker prints while it is at a step, into the step's log."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.store import Store

LONGEST_LOG = 10_000_000
"""Bytes of a log that are kept, the last ones; a library may warn without end."""


@contextmanager
def logged(path: Path, what: str) -> Iterator[None]:
    """Append all that this process and libraries in native code print to the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _shorten(path)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, f"--- {what}\n".encode())
        with _printing_to(file):
            yield
    finally:
        os.close(file)


@contextmanager
def _printing_to(file: int) -> Iterator[None]:
    kept = [os.dup(1), os.dup(2)]
    _flush()
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        yield
    finally:
        _flush()
        for old, descriptor in zip(kept, (1, 2), strict=True):
            os.dup2(old, descriptor)
            os.close(old)


class Logs:
    """Logs of many short steps, most of which print nothing: a file is made for those alone that do.

    What was printed when a worker dies is lost; its steps are done once more, each with a log of its own.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Logs:
        with ExitStack() as opened:
            self._file = opened.enter_context(tempfile.TemporaryFile())
            opened.enter_context(_printing_to(self._file.fileno()))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def cut(self, key: str, what: str) -> None:
        """What was printed since the last cut was printed by this step."""
        _flush()
        if not os.fstat(self._file.fileno()).st_size:
            return
        self._file.seek(-min(os.fstat(self._file.fileno()).st_size, LONGEST_LOG // 2), os.SEEK_END)
        printed = self._file.read()
        # The descriptors that print share its place in the file.
        self._file.seek(0)
        self._file.truncate()
        path = self._store.log(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        _shorten(path)
        with path.open("ab") as log:
            log.write(f"--- {what}\n".encode() + printed)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _shorten(path: Path) -> None:
    """Keep the end of a log of earlier tries."""
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        with path.open("rb") as file:
            file.seek(-LONGEST_LOG // 2, os.SEEK_END)
            end = file.read()
        path.write_bytes(end)
