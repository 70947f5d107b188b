"""Tar archives of files with plain names: written whole or not at all, and read without trust."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

MOST_READ = 100_000_000
"""Bytes of a file that is read into memory, such as a manifest."""


@contextmanager
def writing(target: Path) -> Iterator[tarfile.TarFile]:
    """An archive that replaces ``target`` when it is whole; compressed where that ends in ``.gz`` or ``.tgz``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.part")
    try:
        with ExitStack() as stack:
            file = stack.enter_context(beside.open("wb"))
            if target.suffix in (".gz", ".tgz"):
                # Neither name nor time stand in the header: equal contents make equal archives.
                packed = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
                yield stack.enter_context(tarfile.open(fileobj=packed, mode="w"))
            else:
                yield stack.enter_context(tarfile.open(fileobj=file, mode="w"))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def add(archive: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    """Owner, mode and time of a file are no part of it: equal contents make equal archives."""
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        return
    entry.size = content.stat().st_size
    with content.open("rb") as file:
        archive.addfile(entry, file)


def read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    """The content of a file of at most `MOST_READ` bytes; nothing of what is larger or no file."""
    file = archive.extractfile(entry) if entry.isfile() and entry.size <= MOST_READ else None
    return file.read() if file else b""


def extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    """Write the content of a file to ``target``, wherever the archive says that it belongs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    file = archive.extractfile(entry)
    assert file is not None
    with target.open("wb") as out:
        shutil.copyfileobj(file, out)


def is_plain(name: str) -> bool:
    """Whether a name stays below the folder that it is put into."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name and "\\" not in name
