"""What an archive is read from, found or not, and labels that people gave, held against the table's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.api import DataError, DataFile, Verdict, given_labels
from harness_benchmarks.table_entries import Entry, inside
from harness_benchmarks.table_rows import bytes_of, rows_of

YOURS = "your own archive"


def files_of(
    table: Path, image: str | None, folder: Path, delimiter: str | None, given: Path | None, needed: bool
) -> list[DataFile]:
    """The table, its images and the file of labels; raises nothing. ``needed`` says whether every image is."""
    found = [DataFile(table.name, str(table), int(table.is_file()), origin=YOURS)]
    if image is not None:
        there, wanted = _images(table, image, folder, delimiter)
        found.append(DataFile("images", str(folder), there, wanted, needed, YOURS))
    if given is not None:
        origin = "`harness labels import` writes it"
        found.append(DataFile(given.name, str(given), int(given.is_file()), needed=False, origin=origin))
    return found


def _images(table: Path, column: str, folder: Path, delimiter: str | None) -> tuple[int, int]:
    """How many of the files that rows name are there, and how many these are."""
    try:
        rows = rows_of(table, bytes_of(table), {"image": column}, delimiter)
        paths = {inside(row, name, folder) for row in rows if (name := row.text(column))}
    except DataError:
        return int(folder.is_dir()), 1
    return sum(path.is_file() for path in paths), len(paths)


def labels_of(entries: Iterable[Entry], table: Path, given: Path | None) -> dict[str, Verdict]:
    """The labels of entries that have one, in the table or in the file; raises `DataError` where these differ."""
    added: Mapping[str, Verdict] = {} if given is None else given_labels(given)
    labels: dict[str, Verdict] = {}
    for entry in entries:
        verdict = entry.label or added.get(entry.id)
        if verdict is None:
            continue
        if given is not None and added.get(entry.id, verdict) != verdict:
            raise DataError(
                f"says {added[entry.id]} of {entry.id!r}, whose label in {table.name} is {verdict}",
                place=given.name,
                remedy="correct the one that is wrong, or empty the label in the table",
            )
        labels[entry.id] = verdict
    return labels


def strangers(entries: Iterable[Entry], given: Path | None) -> int:
    """Labels in the file of items that the table has not."""
    return 0 if given is None else len(given_labels(given).keys() - {entry.id for entry in entries})
