"""Rows of a CSV, TSV, JSONL or parquet file, each with its place. No row is left out."""

from __future__ import annotations

import ast
import csv
import io
import json
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from harness.api import DataError, MissingDependency
from harness_benchmarks.published import MAX_LIST

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says, by column; an empty field is None."""

    file: str
    line: int
    """Line of a text file on which the row begins, number of a parquet file's row; both from 1."""
    values: Mapping[str, object]

    def fault(self, cause: str, remedy: str) -> DataError:
        """The error for what is wrong with this row."""
        return DataError(cause, place=f"{self.file}:{self.line}", remedy=remedy)

    def seen_from(self, other: Row) -> str:
        """Its place as a message about another row names it."""
        return str(self.line) if self.file == other.file else f"{self.file}:{self.line}"

    def text(self, column: str) -> str:
        """The field as text, without blanks around it; empty where there is none."""
        value = self.values.get(column)
        match value:
            case None:
                return ""
            case str():
                return value.strip()
            case bool():
                return str(value).lower()
            case int():
                return str(value)
            case float():
                # Whole numbers with gaps among them are kept as floats, NaN for a gap.
                return "" if value != value else str(int(value)) if value.is_integer() else repr(value)
        raise self.fault(f"{column} holds {value!r:.60}, which is no text", f"write the {column} as text")

    def texts(self, column: str, blanks: bool = False) -> tuple[str, ...]:
        """The texts of a list, or of text that is a list in JSON or Python; any other text is one by itself.

        Empty texts within a list are left out, or stay where ``blanks`` asks for them.
        """
        value = self.values.get(column)
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = self._listed(value.strip(), column)
        if not isinstance(value, list):
            return (text,) if (text := self.text(column)) else ()
        if not all(isinstance(part, str) for part in value):
            raise self.fault(f"{column} holds a list of more than texts", f"write {column} as a list of texts")
        return tuple(part.strip() for part in value if blanks or part.strip())

    def _listed(self, text: str, column: str) -> object:
        """The list that a text spells, or the text itself: a title may begin with a bracket."""
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
        try:
            found = ast.literal_eval(text) if len(text) <= MAX_LIST else None
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        if not isinstance(found, list):
            return text
        # Python joins neighbours: ['one title' 'another'], as arrays are printed, would become one title.
        words = sum(token.type == tokenize.STRING for token in tokenize.generate_tokens(io.StringIO(text).readline))
        if words != len(found):
            raise self.fault(f"{column} is a list without commas between its texts", f"write {column} as a JSON list")
        return found


def bytes_of(path: Path) -> bytes:
    """The file's content; raises `DataError`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            "there is no such file", place=str(path), remedy="correct the path that table is given as file"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", place=str(path), remedy="give table a file that can be read"
        ) from None


def rows_of(path: Path, data: bytes, columns: Mapping[str, str], delimiter: str | None) -> list[Row]:
    """The rows of a file with that content. ``columns`` must be there, by option; raises `DataError`."""
    suffix = path.suffix.lower()
    match suffix:
        case ".csv" | ".tsv":
            rows = _csv(path, data, columns, delimiter or ("\t" if suffix == ".tsv" else ","))
        case ".jsonl":
            rows = _jsonl(path, data, columns)
        case ".parquet":
            rows = _parquet(path, data, columns)
        case _:
            raise DataError(f"is none of {', '.join(SUFFIXES)}", place=path.name, remedy="save it as one of them")
    if not rows:
        raise DataError("has no rows", place=path.name, remedy="each row is an item: a caption with its image")
    return rows


def _csv(path: Path, data: bytes, columns: Mapping[str, str], delimiter: str) -> list[Row]:
    lines = csv.reader(io.StringIO(_decoded(path, data), newline=""), strict=True, delimiter=delimiter)
    rows: list[Row] = []
    begin = 1
    try:
        header = [name.strip() for name in next(lines, [])]
        check_columns(path, header, columns)
        begin = lines.line_num + 1
        for fields in lines:
            if fields:
                rows.append(_csv_row(path, begin, header, fields))
            begin = lines.line_num + 1
    except csv.Error as error:
        raise DataError(f"is not CSV: {error}", place=f"{path.name}:{begin}", remedy="save it as CSV again") from None
    return rows


def _csv_row(path: Path, line: int, header: Sequence[str], fields: Sequence[str]) -> Row:
    row = Row(path.name, line, {name: field or None for name, field in zip(header, fields, strict=False)})
    if len(fields) != len(header):
        raise row.fault(
            f"has {len(fields)} fields, and the header has {len(header)}",
            "put quotes around fields that hold the delimiter",
        )
    return row


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            "is not UTF-8 text",
            place=f"{path.name}:{line}",
            remedy="save the table in UTF-8; spreadsheets often export in another encoding",
        ) from None


def _jsonl(path: Path, data: bytes, columns: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(_decoded(path, data).split("\n"), 1):
        if not line.strip():
            continue
        row = Row(path.name, number, {})
        try:
            values = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise row.fault(f"is not JSON: {error}", "write one JSON object on each line") from None
        if not isinstance(values, dict):
            raise row.fault("is not a JSON object", "write one JSON object on each line")
        rows.append(Row(path.name, number, values))
    if rows:
        check_columns(path, list(dict.fromkeys(name for row in rows for name in row.values)), columns)
    return rows


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _parquet(path: Path, data: bytes, columns: Mapping[str, str]) -> list[Row]:
    if find_spec("pyarrow") is None:
        raise MissingDependency("needs pyarrow to read parquet", place=path.name, remedy="pip install pyarrow")
    from pyarrow import ArrowException, BufferReader, parquet

    try:
        with parquet.ParquetFile(BufferReader(data)) as file:
            check_columns(path, file.schema_arrow.names, columns)
            values = file.read(columns=sorted(set(columns.values()))).to_pylist()
    except (ArrowException, OSError) as error:
        cause = str(error).partition("\n")[0]
        raise DataError(f"is not parquet: {cause}", place=path.name, remedy="save the table again") from None
    return [Row(path.name, number, row) for number, row in enumerate(values, 1)]


def check_columns(path: Path, present: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Every named column is there, once."""
    if doubled := sorted({name for name in present if name and present.count(name) > 1} & set(wanted.values())):
        raise DataError(
            f"has more than one column {doubled[0]!r}", place=path.name, remedy="give each column a name of its own"
        )
    if missing := {option: name for option, name in wanted.items() if name not in present}:
        raise DataError(
            f"there is {' and '.join(_missing(missing.values(), present))}; columns: {', '.join(present) or 'none'}",
            place=path.name,
            remedy=_remedy(path, missing, present),
        )


def _missing(names: Iterable[str], present: Sequence[str]) -> Iterator[str]:
    folded = {name.casefold(): name for name in present}
    for name in dict.fromkeys(names):
        close = get_close_matches(name.casefold(), folded, n=1)
        hint = f" (did you mean {folded[close[0]]!r}?)" if close else ""
        yield f"no column {name!r}{hint}"


def _remedy(path: Path, missing: Mapping[str, str], present: Sequence[str]) -> str:
    if path.suffix.lower() in (".csv", ".tsv") and len(present) == 1:
        for mark, spelt in ((";", "';'"), ("\t", r'"\t"'), ("|", "'|'"), (",", "','")):
            if mark in present[0]:
                return f"the header has one column only; say  delimiter: {spelt}"
    option = next(iter(missing))
    without = ", or null where there is none" if option in ("id", "image", "split") else ""
    return f"say by the option {option} what the column is called{without}"
