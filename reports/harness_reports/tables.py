"""Tables as data: columns, groups of rows, and cells that know their exact value and why they are blank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isnan

from harness_reports.numerals import NONE
from harness_reports.records import Row

NOTHING = "Nothing is stored of this yet."
STATES = ("done", "failed", "blocked", "waiting", "pending")
MOST_ROWS = 600
"""Rows of one table that are shown; what is left out is said."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``help`` says what its numbers are."""

    title: str
    numeric: bool = True
    help: str = ""
    hidden: bool = False
    """Whether the title is for screen readers only."""
    wide: bool = False
    """Whether it holds names that should not be broken into many lines."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval on a line of 120 units; ``zero`` is where the reference stands."""

    low: float
    mid: float
    high: float
    zero: float | None
    manner: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table."""

    text: str
    value: str = ""
    """By which it is sorted, and exact; empty where nothing is known."""
    note: str = ""
    why: str = ""
    metric: str = ""
    manner: str = ""
    alerts: tuple[str, ...] = ()
    bar: Bar | None = None
    heading: bool = False
    span: int = 1
    shade: int | None = None
    """How dark it is, 0 to 9, in a table that is read as a heat-map."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row; ``about`` says of what, for programs that read the page."""

    cells: tuple[Cell, ...]
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; ``empty`` is said where it has no row."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    empty: str = NOTHING
    left_out: int = 0
    tall: bool = False
    """Whether it is long enough to be worth filtering."""


def table(
    id: str, caption: str, columns: Sequence[Column], groups: Iterable[Group], empty: str = "", tall: bool = False
) -> Table:
    """A table of at most `MOST_ROWS` rows, without its empty groups."""
    room, kept, left_out = MOST_ROWS, [], 0
    for group in groups:
        lines = group.lines[:room]
        room -= len(lines)
        left_out += len(group.lines) - len(lines)
        if lines:
            kept.append(Group(group.title, lines))
    return Table(id, caption, tuple(columns), tuple(kept), empty or NOTHING, left_out, tall)


def number(row: Row, column: str, show: Callable[[float], str], why: str, note: str = "") -> Cell:
    """A number of a row; ``why`` is said where it is unknown."""
    value = row.number(column)
    if isnan(value):
        return Cell(NONE, why=why, metric=column)
    return Cell(show(value), exact(value), note, metric=column)


def plain(value: float, show: Callable[[float], str], why: str = "not recorded") -> Cell:
    """A number that no single row holds."""
    return Cell(NONE, why=why) if isnan(value) else Cell(show(value), exact(value))


def label(text: str, note: str = "", alerts: tuple[str, ...] = (), why: str = "") -> Cell:
    """What a row is about."""
    return Cell(text or NONE, text, note, why or ("" if text else "not recorded"), alerts=alerts, heading=True)


def prose(text: str, why: str = "nothing is recorded") -> Cell:
    """Text in a row."""
    return Cell(text, text) if text else Cell(NONE, why=why)


def exact(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
