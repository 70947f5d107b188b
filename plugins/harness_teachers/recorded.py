"""Files of recorded answers, record by record."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from harness.api import DataError, MissingDependency

# The csv module's own bound on a field, held for the other forms too: a rationale has at most some thousand characters.
MAX_FIELD = 131_072

Record = Mapping[str, str]
"""Texts by column."""


def records_in(path: Path) -> Iterator[tuple[str, Record]]:
    """Records with their places, ``file:line`` or, in parquet, ``file: row n``; raises `DataError`."""
    match path.suffix:
        case ".parquet":
            yield from ((f"{path.name}: row {row}", record) for row, record in _parquet(path))
        case ".jsonl":
            yield from ((f"{path.name}:{line}", record) for line, record in _jsonl(path))
        case _:
            yield from ((f"{path.name}:{line}", record) for line, record in _csv(path))


def _csv(path: Path) -> Iterator[tuple[int, Record]]:
    """Records with the number of the line where each ends."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file, strict=True)
            for record in lines:
                if None in record or None in record.values():
                    raise _damaged(
                        path, lines.line_num, f"does not have the {len(lines.fieldnames or ())} fields of the header"
                    )
                yield lines.line_num, record
    except (csv.Error, UnicodeDecodeError) as error:
        # Both are raised before the line that is at fault is counted.
        raise _damaged(path, lines.line_num + 1, f"is not CSV in UTF-8: {error}") from None


def _jsonl(path: Path) -> Iterator[tuple[int, Record]]:
    """Records with their line; texts as they are, null as an empty field, everything else as its JSON."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _damaged(path, number, f"is not JSON: {error}") from None
            if not isinstance(values, dict):
                raise _damaged(path, number, "is not a JSON object")
            record = {column: _text(value) for column, value in values.items()}
            if any(len(text) > MAX_FIELD for text in record.values()):
                raise _damaged(path, number, f"has a field of more than {MAX_FIELD:,} characters")
            yield number, record


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _parquet(path: Path) -> Iterator[tuple[int, Record]]:
    """Records with the number of their row, from 1."""
    if find_spec("pyarrow") is None:
        raise MissingDependency("needs pyarrow to read parquet", place=path.name, remedy="pip install pyarrow")
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            rows = file.read().to_pylist()
    except (ArrowException, OSError) as error:
        cause = str(error).partition("\n")[0]
        raise DataError(f"is not parquet: {cause}", place=path.name, remedy="record the answers again") from None
    for number, values in enumerate(rows, 1):
        record = {str(column): _text(value) for column, value in values.items()}
        if any(len(text) > MAX_FIELD for text in record.values()):
            raise DataError(
                f"has a field of more than {MAX_FIELD:,} characters",
                place=f"{path.name}: row {number}",
                remedy="mend the file, or record the answers again",
            )
        yield number, record


def _damaged(path: Path, line: int, cause: str) -> DataError:
    return DataError(cause, place=f"{path.name}:{line}", remedy="mend the file, or record the answers again")
