"""VisualNews' data.json: captions and image paths of wanted articles, read in pieces, since it has a million rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from harness.api import DataError
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_annotations import Id
from harness_benchmarks.published import damaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE = "github.com/FuxiaoLiu/VisualNews-Repository (on request)"

BLOCK = 1 << 20
MAX_ROW = 1 << 23
TRIES = 64

_BETWEEN = re.compile(rb"\}\s*,")
_END = re.compile(rb"\}\s*([,\]])")


class Row(msgspec.Struct, gc=False):
    """An article; what is not read here never gets further."""

    id: Id
    caption: str | None = None
    image_path: str | None = None


_ROWS = msgspec.json.Decoder(list[Row])


@dataclass(frozen=True, slots=True)
class Articles:
    """Articles in the order of their ids, each with what was wanted of it."""

    ids: NDArray[np.int64]
    captions: Sequence[str]
    """Empty where an article has none, or none was wanted."""
    paths: Sequence[str]
    """Paths of images below the folder of data.json; empty likewise."""
    known: NDArray[np.bool_]
    """Whether there is such an article at all."""

    def places(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the articles with these ids stand; all must have been wanted."""
        import numpy as np

        return np.searchsorted(self.ids, ids)


# Every step asks for items; a plan has one such data set, seldom two.
@lru_cache(maxsize=2)
def articles_of(file: Stamp, captions: bytes, images: bytes) -> Articles:
    """Articles whose captions and whose images are wanted, by sorted int64 ids; raises `DataError`.

    Where an id stands twice the last row counts, as it does for whoever makes a dictionary of the file.
    """
    import numpy as np

    texts, pictures = (np.frombuffer(wanted, np.int64) for wanted in (captions, images))
    ids = np.union1d(texts, pictures)
    with_text, with_picture = (np.isin(ids, wanted).tolist() for wanted in (texts, pictures))
    found, paths, known = [""] * len(ids), [""] * len(ids), np.zeros(len(ids), np.bool_)
    for rows in pieces(Path(file.path)):
        for place, row in _wanted(ids, rows):
            known[place] = True
            found[place] = (row.caption or "") if with_text[place] else ""
            paths[place] = (row.image_path or "") if with_picture[place] else ""
    return Articles(ids, found, paths, known)


def _wanted(ids: NDArray[np.int64], rows: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """Rows with one of the sorted ids, and its place."""
    import numpy as np

    if not len(ids):
        return
    numbers = np.fromiter((row.id for row in rows), np.int64, len(rows))
    places = np.minimum(np.searchsorted(ids, numbers), len(ids) - 1)
    hits = np.flatnonzero(ids[places] == numbers)
    yield from zip(places[hits].tolist(), (rows[hit] for hit in hits.tolist()), strict=True)


def pieces(path: Path) -> Iterator[list[Row]]:
    """All rows of the file, some thousand at a time; raises `DataError` for the first that is not as it must be."""
    with path.open("rb") as file:
        rest, number = _opened(path, file), 0
        while block := file.read(BLOCK):
            rest += block
            rows, rest = _fitting(path, rest, number)
            number += len(rows)
            yield rows
        try:
            rows = _ROWS.decode(b"[" + rest)
        except (ValueError, RecursionError):
            rows, rest = _one_by_one(path, rest, number)
            if rest.strip() != b"]":
                raise _cut(path, number + len(rows)) from None
        yield rows


def _opened(path: Path, file: BinaryIO) -> bytes:
    """What follows the bracket with which the list begins."""
    begin = file.read(BLOCK).lstrip()
    if not begin.startswith(b"["):
        raise damaged(path, "is not a list of rows", SOURCE)
    return begin[1:]


def _fitting(path: Path, data: bytes, number: int) -> tuple[list[Row], bytes]:
    """The whole rows in data, and what is left; ``number`` is that of the first.

    Where rows end is guessed and proved: a list that was cut within a text or an inner object is not JSON.
    """
    ends = list(_BETWEEN.finditer(data, max(0, len(data) - (BLOCK >> 4))))
    for end in ends[:-4:-1]:
        try:
            return _ROWS.decode(b"[" + data[: end.start() + 1] + b"]"), data[end.end() :]
        except (ValueError, RecursionError):
            continue
    rows, rest = _one_by_one(path, data, number)
    if len(rest) > MAX_ROW:
        raise _cut(path, number + len(rows))
    return rows, rest


def _one_by_one(path: Path, data: bytes, number: int) -> tuple[list[Row], bytes]:
    """The same, slowly, up to a row that has no end or does not fit."""
    rows: list[Row] = []
    begin = tried = 0
    for end in _END.finditer(data):
        row = _row(path, data[begin : end.start() + 1], number + len(rows))
        if row is not None:
            rows.append(row)
            # The bracket that ends the list is left, to be looked for at the end of the file.
            begin, tried = end.end() - (end[1] == b"]"), 0
        elif (tried := tried + 1) > TRIES:
            raise _cut(path, number + len(rows))
    return rows, data[begin:]


def _row(path: Path, text: bytes, number: int) -> Row | None:
    """The row; None for what is not JSON, which may only be cut in the wrong place."""
    try:
        try:
            return msgspec.json.decode(text, type=Row)
        except msgspec.ValidationError:
            raise
        except (ValueError, RecursionError):
            # Python writes NaN and half characters, which JSON has not.
            return msgspec.convert(_whole(json.loads(text)), type=Row)
    except msgspec.ValidationError as error:
        raise damaged(path, f"row {number} is not one of VisualNews: {error}", SOURCE) from None
    except (ValueError, RecursionError):
        return None


def _whole(value: object) -> object:
    """Texts without half characters, which nothing could write down."""
    if not isinstance(value, dict):
        return value
    return {key: whole(text) if isinstance(text, str) else text for key, text in value.items()}


def whole(text: str) -> str:
    """The text with a question mark for half a character."""
    return text.encode("utf-8", "replace").decode()


def _cut(path: Path, number: int) -> DataError:
    return damaged(path, f"row {number} is not JSON, or the file was cut there", SOURCE)
