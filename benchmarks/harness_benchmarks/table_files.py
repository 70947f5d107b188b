"""What an archive is read from, found or not."""

from __future__ import annotations

from pathlib import Path

from harness.api import DataError, DataFile
from harness_benchmarks.table_entries import inside
from harness_benchmarks.table_rows import bytes_of, rows_of

YOURS = "your own archive"


def files_of(table: Path, image: str | None, folder: Path, delimiter: str | None, needed: bool) -> list[DataFile]:
    """The table and its images; raises nothing. ``needed`` says whether every image is."""
    found = [DataFile(table.name, str(table), int(table.is_file()), origin=YOURS)]
    if image is not None:
        there, wanted = _images(table, image, folder, delimiter)
        found.append(DataFile("images", str(folder), there, wanted, needed, YOURS))
    return found


def _images(table: Path, column: str, folder: Path, delimiter: str | None) -> tuple[int, int]:
    """How many of the files that rows name are there, and how many these are."""
    try:
        rows = rows_of(table, bytes_of(table), {"image": column}, delimiter)
        paths = {inside(row, name, folder) for row in rows if (name := row.text(column))}
    except DataError:
        return int(folder.is_dir()), 1
    return sum(path.is_file() for path in paths), len(paths)
