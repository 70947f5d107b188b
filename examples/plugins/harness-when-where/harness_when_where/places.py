"""The gazetteer: places inside places, and the names that they go by."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from harness.api import DataError

BUILT_IN = Path(__file__).with_name("places.csv")
COLUMNS = ("kind", "name", "inside", "also", "adjectives", "doubtful")
KINDS = ("country", "region", "city", "nowhere")

# A container inside a container inside …; a file that goes on longer goes in a circle.
DEPTH = 10

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A place by the names on the way from its country down to itself."""

    path: tuple[str, ...]
    is_city: bool = False

    def contains(self, other: Place) -> bool:
        """Whether the other is this place or lies in it."""
        return other.path[: len(self.path)] == self.path

    def is_apart(self, other: Place) -> bool:
        """Whether both cannot be meant at once, as far as the gazetteer knows.

        A city of which it does not know the region may lie in any region of its country.
        """
        if self.contains(other) or other.contains(self):
            return False
        if self.path[0] != other.path[0]:
            return True
        return not (self._may_lie_in(other) or other._may_lie_in(self))

    def _may_lie_in(self, region: Place) -> bool:
        return self.is_city and len(self.path) == 2 and not region.is_city


@dataclass(frozen=True, slots=True)
class Name:
    """What a name may mean: several places where it is ambiguous, none where it only looks like a place's."""

    places: tuple[Place, ...]
    is_adjective: bool = False
    is_doubtful: bool = False
    """Also a person's name or a common word: it counts where a word such as *in* stands before it."""
    is_acronym: bool = False
    """Written in capitals only."""

    def settled(self) -> Place | None:
        """The one place, or the innermost that all have in common: a Portland is in the United States."""
        if len(self.places) == 1:
            return self.places[0]
        levels = zip(*(place.path for place in self.places), strict=False)
        shared = tuple(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))
        return Place(shared) if shared else None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a gazetteer file."""

    kind: str
    name: str
    inside: str
    also: tuple[str, ...]
    adjectives: tuple[str, ...]
    doubtful: bool
    at: str


class Gazetteer:
    """Names by their words, without case, accents and punctuation."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_name: dict[str, list[Row]] = {}
        for row in (rows := list(rows)):
            if row.kind != "nowhere":
                self._by_name.setdefault(row.name, []).append(row)
        self.names: dict[tuple[str, ...], Name] = {}
        for row in rows:
            place = () if row.kind == "nowhere" else (Place(self._path(row), row.kind == "city"),)
            for text in (row.name, *row.also):
                self._add(text, Name(place, is_doubtful=row.doubtful, is_acronym=text.isupper()))
        for row in rows:
            for text in row.adjectives:
                self._add(text, Name((Place(self._path(row), row.kind == "city"),), is_adjective=True))
        self.longest = max(map(len, self.names), default=0)

    @classmethod
    def read(cls, *files: Path) -> Gazetteer:
        """The places of all files together; raises `DataError` where a line is not as it must be."""
        return cls(row for file in files for row in read_rows(file))

    def _add(self, text: str, name: Name) -> None:
        """A name that is known already becomes ambiguous; an adjective gives way to a name."""
        key = words_of(text)
        known = self.names.get(key)
        if known is None or (known.is_adjective and not name.is_adjective):
            self.names[key] = name
        elif known.places and name.places and known.is_adjective == name.is_adjective:
            together = tuple(dict.fromkeys((*known.places, *name.places)))
            doubtful = known.is_doubtful or name.is_doubtful
            self.names[key] = Name(together, name.is_adjective, doubtful, known.is_acronym and name.is_acronym)

    def _path(self, row: Row, depth: int = 0) -> tuple[str, ...]:
        if not row.inside:
            return (row.name,)
        if depth > DEPTH:
            raise DataError(f"{row.name} lies inside itself", place=row.at, remedy="correct the column inside")
        name, slash, outer = row.inside.partition("/")
        found = [other for other in self._by_name.get(name, []) if not slash or other.inside == outer]
        if len(found) != 1:
            how_many = "more than one place is" if found else "no place is"
            remedy = "name a place of the gazetteer; NAME/INSIDE says which, where several have the name"
            raise DataError(f"{how_many} called {row.inside!r}", place=row.at, remedy=remedy)
        return (*self._path(found[0], depth + 1), row.name)


def read_rows(file: Path) -> Iterator[Row]:
    """The lines of a gazetteer file."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise _damaged(f"{file.name}:1", f"the columns must be {','.join(COLUMNS)}")
            for line in reader:
                yield _row(line, f"{file.name}:{reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(file.name, f"cannot be read as CSV in UTF-8: {error}") from None


def _row(line: Mapping[str, str | None], at: str) -> Row:
    values = {column: line.get(column) for column in COLUMNS}
    if None in line or not all(isinstance(value, str) for value in values.values()):
        raise _damaged(at, f"does not have {len(COLUMNS)} fields")
    text = {column: (value or "").strip() for column, value in values.items()}
    if text["kind"] not in KINDS:
        raise _damaged(at, f"kind {text['kind']!r} is none of {', '.join(KINDS)}")
    if not words_of(text["name"]):
        raise _damaged(at, "has no name")
    if text["doubtful"] not in ("", "yes"):
        raise _damaged(at, f"doubtful is {text['doubtful']!r}, neither yes nor empty")
    also, adjectives = (tuple(part for part in text[column].split(";") if words_of(part)) for column in COLUMNS[3:5])
    return Row(text["kind"], text["name"], text["inside"], also, adjectives, text["doubtful"] == "yes", at)


def _damaged(at: str, cause: str) -> DataError:
    return DataError(cause, place=at, remedy="mend the file of places; the teacher's README says what is in it")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a name as they are compared."""
    return tuple(fold(match.group()) for match in _WORD.finditer(unicodedata.normalize("NFC", text)))


def fold(word: str) -> str:
    """A word without case and accents."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
