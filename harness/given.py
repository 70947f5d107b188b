"""The file of labels that people gave: one row for each time somebody judged an item, none ever changed.

All rows of an item agree, or a later row settles which verdict counts; a row after that agrees with it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import spreadsheet
from harness.errors import DataError
from harness.types import VERDICTS, Verdict

COLUMNS = ("id", "verdict", "annotator", "time", "source", "settled", "comment")


@dataclass(frozen=True, slots=True)
class Given:
    """One row: who said what of an item, or how a conflict about it was settled."""

    item_id: str
    verdict: Verdict
    annotator: str = ""
    time: str = ""
    """When it was judged, or taken into the file where that is not known; ISO 8601."""
    source: str = ""
    """Name of the file that it came from."""
    settled: str = ""
    """How the conflict was settled, where this row settles one."""
    comment: str = ""


def given_labels(path: Path) -> Mapping[str, Verdict]:
    """By item id, from a file that `harness labels import` writes; empty where it is not there yet.

    Raises `DataError` for a damaged file and for rows that contradict each other.
    """
    return verdicts(read(path), path.name)


def read(path: Path) -> list[Given]:
    """All rows in their order; raises `DataError`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=str(path)) from None
    return [_given(line, path.name) for line in spreadsheet.rows_of(data, path.name)]


def _given(line: spreadsheet.Line, name: str) -> Given:
    verdict = line.text("verdict")
    # An id may have blanks around it.
    item_id = line.values.get("id", "")
    if not item_id or verdict not in VERDICTS:
        cause = f"the verdict {verdict!r} is none of {', '.join(VERDICTS)}" if item_id else "has no id"
        remedy = "Correct the row, or delete it and import that label again."
        raise DataError(cause, place=f"{name}:{line.number}", remedy=remedy)
    rest = {column: line.text(column) for column in COLUMNS[2:]}
    return Given(item_id, verdict, **rest)


def verdicts(rows: Iterable[Given], name: str) -> dict[str, Verdict]:
    """The verdict that counts, by item id; raises `DataError` where rows contradict each other."""
    found: dict[str, Verdict] = {}
    torn: dict[str, Given] = {}
    for row in rows:
        if row.settled:
            found[row.item_id] = row.verdict
            torn.pop(row.item_id, None)
        elif found.setdefault(row.item_id, row.verdict) != row.verdict:
            torn[row.item_id] = row
    for item_id, row in torn.items():
        raise DataError(
            f"says {found[item_id]} of {item_id!r}, and {row.verdict} by {row.annotator or 'somebody'!r}",
            place=name,
            remedy="Delete one of the rows, and import that label again with --settle.",
        )
    return found


def append(path: Path, before: Sequence[Given], rows: Sequence[Given]) -> None:
    """Add rows to a file that held ``before``: all of them or, where anything fails, none; raises `DataError`."""
    table = [[getattr(row, field) for field in _FIELDS] for row in (*before, *rows)]
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(spreadsheet.written(COLUMNS, table))
            file.flush()
            os.fsync(file.fileno())
        with _alone(path.parent):
            if read(path) != list(before):
                raise DataError("was changed meanwhile", place=str(path), remedy="Nothing was written; import again.")
            os.replace(beside, path)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", place=str(path)) from None
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else is in here for the same folder; the lock goes with the process."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


_FIELDS = ("item_id", *COLUMNS[1:])
