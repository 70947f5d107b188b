"""CSV that people open in a spreadsheet: no text in it becomes a formula, and every text comes back as it was."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import DataError

# With what a spreadsheet begins a formula, the wide forms of East Asian keyboards, and what it skips before one. A cell
# may begin within a text, too: spreadsheets of some countries split at semicolons, whatever the quotes say.
_BEGINS = r"(?:\A|(?<=[;,|\t\r\n]))"
_FORMULA = r"(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_BARE = re.compile(_BEGINS + _FORMULA)
_QUOTED = re.compile(f"{_BEGINS}'{_FORMULA}")

_SPECIAL = re.compile(r'[",;\t\r\n]|\A\s|\s\Z')

# A field may hold a rationale; the standard library stops at 131,072 characters.
_LONGEST = 10_000_000


def safe(text: str) -> str:
    """The text with an apostrophe before whatever would be read as a formula, and nothing that UTF-8 cannot hold."""
    return _BARE.sub("'", encodable(text))


def unsafe(text: str) -> str:
    """The text as it was before `safe`; a text that needed no apostrophe is left as it is."""
    return _QUOTED.sub("", text)


def encodable(text: str) -> str:
    """The text with a question mark for each lone half of a surrogate pair, which JSON may hold and UTF-8 may not."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file by column, and the line on which it begins."""

    number: int
    values: Mapping[str, str]

    def text(self, column: str) -> str:
        """The field without blanks around it; empty where there is no such column."""
        return self.values.get(column, "").strip()


def written(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV in which every text is safe; with the mark by which spreadsheets know UTF-8."""
    lines = [",".join(_field(safe(text)) for text in row) for row in (header, *rows)]
    return "\ufeff" + "".join(f"{line}\n" for line in lines)


def _field(text: str) -> str:
    # The standard library's writer leaves a lone carriage return bare where lines end otherwise.
    return '"{}"'.format(text.replace('"', '""')) if _SPECIAL.search(text) else text


def rows_of(data: bytes, place: str) -> list[Line]:
    """The rows of a CSV file as texts before they were made safe; commas, semicolons or tabs part the fields.

    Raises `DataError` for what is no such file.
    """
    text = _decoded(data, place)
    before = csv.field_size_limit(_LONGEST)
    try:
        return list(_lines(text, place))
    except csv.Error as error:
        raise DataError(f"is not CSV: {error}", place=place, remedy="Save it as CSV again, in UTF-8.") from None
    finally:
        csv.field_size_limit(before)


def _lines(text: str, place: str) -> Iterator[Line]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
    header = [unsafe(name).strip().casefold() for name in next(lines, [])]
    number = lines.line_num + 1
    for fields in lines:
        if any(fields):
            yield Line(number, _row(header, fields, f"{place}:{number}"))
        number = lines.line_num + 1


def _row(header: Sequence[str], fields: Sequence[str], place: str) -> dict[str, str]:
    if len(fields) > len(header):
        raise DataError(
            f"has {len(fields)} fields, and the header has {len(header)}",
            place=place,
            remedy="Put quotes around fields that hold the delimiter.",
        )
    return {name: unsafe(field) for name, field in zip(header, fields, strict=False)}


def _decoded(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        remedy = 'Save it as "CSV UTF-8"; spreadsheets often export in another encoding.'
        raise DataError("is not UTF-8 text", place=f"{place}:{line}", remedy=remedy) from None


def _delimiter(text: str) -> str:
    """What parts the header's fields: spreadsheets write what their country uses."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)
