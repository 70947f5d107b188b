"""VisualNews' data.json: captions and image paths of wanted articles, read in pieces, since it has a million rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from harness.api import DataError
from harness_benchmarks.file_stamps import opened
from harness_benchmarks.newsclippings_annotations import Id
from harness_benchmarks.published import damaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE = "github.com/FuxiaoLiu/VisualNews-Repository (on request)"

BLOCK = 1 << 18
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
class Texts:
    """Texts one after the other, since half a million Python strings take twice their room."""

    joined: bytearray
    starts: NDArray[np.int64]
    sizes: NDArray[np.int32]
    """Bytes in UTF-8; 0 where there is no text, or none but blanks."""

    @classmethod
    def empty(cls, count: int) -> Texts:
        """So many places without a text."""
        import numpy as np

        return cls(bytearray(), np.zeros(count, np.int64), np.zeros(count, np.int32))

    def __getitem__(self, place: int) -> str:
        start = int(self.starts[place])
        return self.joined[start : start + int(self.sizes[place])].decode()

    def put(self, places: NDArray[np.int64], texts: Sequence[str | None]) -> None:
        """Write texts at their places; of several at one place the last counts."""
        import numpy as np

        written = [text.encode() if text and not text.isspace() else b"" for text in texts]
        sizes = np.fromiter(map(len, written), np.int32, len(written))
        self.starts[places] = len(self.joined) + np.cumsum(sizes, dtype=np.int64) - sizes
        self.sizes[places] = sizes
        self.joined.extend(b"".join(written))


@dataclass(frozen=True, slots=True)
class Articles:
    """Articles in the order of their ids, each with what was wanted of it."""

    ids: NDArray[np.int64]
    captions: Texts
    paths: Texts
    """Paths of images below the folder of data.json."""
    known: NDArray[np.bool_]
    """Whether there is such an article at all."""

    def places(self, ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Where the articles with these ids stand; all must have been wanted."""
        import numpy as np

        return np.searchsorted(self.ids, ids).astype(np.int32)


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values in order, each once: what NumPy does by hashes, in a third of the time."""
    import numpy as np

    ordered = np.sort(values)
    fresh = np.ones(len(ordered), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


def read_articles(path: Path, texts: NDArray[np.int64], pictures: NDArray[np.int64]) -> Articles:
    """Articles whose captions and whose images are wanted, by distinct ids; raises `DataError`.

    Where an id stands twice the last row counts, as it does for whoever makes a dictionary of the file.
    """
    import numpy as np

    ids = distinct(np.concatenate([texts, pictures]))
    found = Articles(ids, Texts.empty(len(ids)), Texts.empty(len(ids)), np.zeros(len(ids), np.bool_))
    with_text, with_picture = np.zeros((2, len(ids)), np.bool_)
    with_text[found.places(texts)] = with_picture[found.places(pictures)] = True
    for rows in pieces(path) if len(ids) else ():
        numbers = np.fromiter((row.id for row in rows), np.int64, len(rows))
        places = np.minimum(np.searchsorted(ids, numbers), len(ids) - 1)
        wanted = ids[places] == numbers
        found.known[places[wanted]] = True
        chosen = wanted & with_text[places]
        found.captions.put(places[chosen], [row.caption for row in compress(rows, chosen.tolist())])
        chosen = wanted & with_picture[places]
        found.paths.put(places[chosen], [row.image_path for row in compress(rows, chosen.tolist())])
    return found


def pieces(path: Path) -> Iterator[list[Row]]:
    """All rows of the file, some thousand at a time; raises `DataError` for the first that is not as it must be."""
    with opened(path) as file:
        rest, number = _begun(path, file), 0
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


def _begun(path: Path, file: BinaryIO) -> bytes:
    """What follows the bracket with which the list begins."""
    begin = file.read(BLOCK).lstrip()
    if not begin.startswith(b"["):
        raise damaged(path, "is not a list of rows", SOURCE)
    return begin[1:]


def _fitting(path: Path, data: bytes, number: int) -> tuple[list[Row], bytes]:
    """The whole rows in data, and what is left; ``number`` is that of the first.

    Where rows end is guessed and proved: a list that was cut within a text or an inner object is not JSON.
    """
    ends = list(_BETWEEN.finditer(data, max(0, len(data) - (BLOCK >> 2))))
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
