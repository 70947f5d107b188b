"""Rows of an archive that nobody has labelled → entries to be judged; a row that is unfit is an error in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from harness.api import DataError
from harness_benchmarks.published import content_id
from harness_benchmarks.table_entries import Columns, Entry, inside, needed, searched
from harness_benchmarks.table_rows import Row, rows_of

JUDGED = ("id", "caption", "image", "entities", "evidence", "sources")
"""Columns that matter for an item that is only judged, by option."""


def posts_of(path: Path, data: bytes, delimiter: str | None, columns: Columns, folder: Path) -> list[Entry | DataError]:
    """Every row in the order of the file; raises `DataError` where the file itself is damaged."""
    named = {option: column for option, column in columns.named.items() if option in JUDGED}
    rows = rows_of(path, data, named, delimiter)
    if columns.image and not folder.is_dir():
        raise DataError("there is no such folder", place=str(folder), remedy="correct the option images")
    return list(_posts(rows, columns, folder))


def _posts(rows: Sequence[Row], columns: Columns, folder: Path) -> Iterator[Entry | DataError]:
    first: dict[str, int] = {}
    for row in rows:
        try:
            post = _post(row, columns, folder)
            if first.setdefault(post.id, row.line) != row.line:
                raise row.fault(
                    f"the item {post.id!r} stands at {first[post.id]}, too", "give each item an id of its own"
                )
            yield post
        except DataError as error:
            yield error


def _post(row: Row, columns: Columns, folder: Path) -> Entry:
    caption = needed(row, columns.caption, "caption")
    name = needed(row, columns.image, "image") if columns.image else ""
    captions, sources = searched(row, columns.evidence, columns.sources)
    return Entry(
        id=needed(row, columns.id, "id") if columns.id else content_id(name, caption),
        caption=caption,
        image=partial(Path.read_bytes, _image(row, name, folder)) if name else None,
        label=None,
        split="test",
        group="",
        entities=row.texts(columns.entities) if columns.entities else (),
        captions=captions,
        sources=sources,
        reference="",
    )


def _image(row: Row, name: str, folder: Path) -> Path:
    path = inside(row, name, folder)
    if not path.is_file():
        raise row.fault(f"there is no image {name!r} in {folder}", "add the file, or correct the row")
    return path
