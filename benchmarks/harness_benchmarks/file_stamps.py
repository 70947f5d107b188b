"""What tells whether a file is still the one that was read before, without reading it again."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness.api import DataError


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file as the file system describes it; ``changed`` moves with every change, whatever times are set by hand."""

    path: str
    size: int
    inode: int
    modified: int
    changed: int

    def read(self) -> bytes:
        """The file's bytes; raises `DataError` where they cannot be had."""
        with opened(self.path) as file:
            return file.read()


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file to be read; raises `DataError` for what the operating system says against it."""
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        cause = f"cannot be read: {error.strerror or error}"
        raise DataError(cause, place=str(path), remedy="let whoever runs this read it") from None


def stamp(path: str | Path) -> Stamp | None:
    """The stamp of a regular file; None where there is none that can be looked at."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Stamp(str(path), found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def stamped(path: str | Path) -> Stamp:
    """The stamp of a file that must be there; raises `DataError`."""
    found = stamp(path)
    if found is None:
        raise DataError("is no longer there", place=str(path), remedy="leave files as they are while they are read")
    return found
