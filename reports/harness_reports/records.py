"""The rows of a view: text that was made harmless, numbers that may be unknown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isnan, nan
from typing import TYPE_CHECKING

from harness_reports.numerals import count

if TYPE_CHECKING:
    from pandas import DataFrame

LONGEST = 240
"""Characters of one text that are shown."""

_KEPT_FORMATS = "\u200c\u200d"
_SUSPECT = re.compile(r"[^\x20-\x7e\xa0-\xac\xae-\u02ff]")
_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_STACKED = re.compile(f"({_MARK}{{3}}){_MARK}+")


def harmless(text: str, longest: int = LONGEST, lines: bool = False) -> str:
    """The text with its invisible characters shown as ``⟨U+202E⟩``, and cut where it is very long.

    Direction overrides, control characters and lone surrogates cannot act or hide; with ``lines``, line ends
    and tabs stay.
    """
    shown = text[:longest]
    if lines:
        shown = shown.replace("\r\n", "\n").expandtabs(4)
    shown = _SUSPECT.sub(lambda found: _visible(found[0], lines), shown)
    shown = _STACKED.sub(r"\1", shown)
    return shown if len(text) <= longest else f"{shown}… (cut; {count(len(text))} characters)"


def _visible(character: str, lines: bool) -> str:
    if character == "\n":
        return "\n" if lines else " "
    if character in "\t\r" or character in _KEPT_FORMATS:
        return character if character in _KEPT_FORMATS else " "
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"⟨U+{ord(character):04X}⟩"
    return character


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a view's table; a column that it lacks is empty or unknown."""

    values: Mapping[str, object]

    def text(self, column: str, longest: int = LONGEST) -> str:
        """What may be shown of a text."""
        return words(self.values.get(column), longest)

    def raw(self, column: str) -> str:
        """A text as it is, to compare it; never to be shown."""
        value = self.values.get(column)
        return value if isinstance(value, str) else words(value)

    def number(self, column: str) -> float:
        """A number; NaN where there is none."""
        value = self.values.get(column)
        try:
            return nan if value is None else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return nan

    def flag(self, column: str) -> bool:
        """Whether it is known to be true; a mean over seeds is true where any seed is."""
        value = self.number(column)
        return not isnan(value) and value > 0

    def of(self, **wanted: str) -> bool:
        """Whether its texts are the wanted ones."""
        return all(self.raw(column) == text for column, text in wanted.items())


def words(value: object, longest: int = LONGEST) -> str:
    """Any value as harmless text; a mapping as ``key: value; key: value``."""
    if isinstance(value, str):
        return harmless(value, longest)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return harmless("; ".join(f"{key}: {value[key]}" for key in sorted(value, key=str)), longest)
    if value is None or value != value:
        return ""
    return harmless(str(value), longest)


def rows(frame: DataFrame) -> tuple[Row, ...]:
    """The rows in the frame's order; whatever pandas calls missing is None or NaN."""
    columns = [str(column) for column in frame.columns]
    plain = frame.astype(object).where(frame.notna(), None)
    return tuple(Row(dict(zip(columns, values, strict=True))) for values in plain.itertuples(index=False, name=None))


def mean_of(rows: Sequence[Row], column: str) -> float:
    """Over the rows in which the number is known; NaN where it is in none."""
    known = [value for row in rows if not isnan(value := row.number(column))]
    return fsum(known) / len(known) if known else nan
