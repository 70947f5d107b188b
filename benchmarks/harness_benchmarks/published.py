"""What readers of published data sets share: where files lie, ids that tell nothing, and titles that tell too much."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING

from harness.api import DataError, DataFile, Image, digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VARIABLE = "HARNESS_REAL_DATA"

# numpy parses a header as a Python literal, and lets through what a damaged one makes of that.
_NO_ARRAY = (ValueError, OSError, EOFError, SyntaxError, TokenError, TypeError, KeyError, OverflowError, MemoryError)

# VERITE's longest list has 683 characters; a parser is not to be handed megabytes by a stranger.
MAX_LIST = 20_000

GIVEAWAYS = (
    "snopes",
    "politifact",
    "fact check",
    "factcheck",
    "full fact",
    "lead stories",
    "afp fact",
    "boom live",
    "alt news",
    "pesacheck",
    "factly",
    "africa check",
    "vishvas news",
    "truth or fiction",
    "hoax",
    "debunk",
    "fake",
    "false claim",
    "misinformation",
    "disinformation",
    "rumor",
    "rumour",
)
"""Names of fact-checkers, and words of a verdict."""

# "Does This Photograph Show …", "Is This a Real …": search engines cut titles before the name of the site.
_QUESTION = re.compile(r"\s*(no, |yes, )?(is|are|was|were|do|does|did|has|have)\b", re.IGNORECASE)
_BREAKS = re.compile(r"[\W_]+")


def locate(place: str, root: str | None, names: Sequence[str]) -> tuple[Path, ...]:
    """The files of a data set in ``root``, or else in its folder in the one that the environment names.

    Raises `DataError` for a folder that is not known, and for all the files that are missing from it.
    """
    folder = folder_of(place, root)
    if folder is None:
        raise unplaced(place)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"there is no {', no '.join(missing)} in {folder}",
            place=place,
            remedy=f"put the published files there, or say by root or {VARIABLE} where they are",
        )
    return tuple(folder / name for name in names)


def folder_of(place: str, root: str | None) -> Path | None:
    """The folder of a data set's files; None where nothing says where it is."""
    variable = os.environ.get(VARIABLE)
    return Path(root) if root is not None else Path(variable) / place if variable else None


def unplaced(place: str) -> DataError:
    """The error for a data set of which nothing says where its files are."""
    return DataError(
        f"where its files lie is not known: {VARIABLE} is not set and no root is given",
        place=place,
        remedy=f"set {VARIABLE} to the folder that holds {place}/, or give the folder of the files as root",
    )


def file_in(folder: Path | None, name: str, origin: str, needed: bool = True) -> DataFile:
    """What of a file there is in a folder that may not be known."""
    if folder is None:
        return DataFile(name, f"{VARIABLE} is not set, no root is given", 0, needed=needed, origin=origin)
    return DataFile(name, str(folder / name), int((folder / name).is_file()), needed=needed, origin=origin)


def filled(text: str) -> Path:
    """The path with variables of the environment filled in; raises `DataError` for one that is not set."""
    path = os.path.expandvars(text)
    if unset := re.search(r"\$\{?(\w+)", path):
        raise DataError(
            f"the environment variable {unset[1]} is not set", place=text, remedy="set it, or write the path out"
        )
    return Path(path).absolute()


def content_id(*parts: str) -> str:
    """An id of 16 hex digits that depends on the parts alone: neither place in the file nor file name shows."""
    return digest(list(parts))[:16]


def tells(title: str, words: Iterable[str], questions: bool = True) -> bool:
    """Whether a page title gives the verdict away: it has one of the words, or asks whether something is so.

    Case and punctuation do not count, and a word may go on: ``debunk`` finds *Debunked!*.
    """
    found = _needles(tuple(words)).search(_flat(title))
    return found is not None or (questions and bool(_QUESTION.match(title)))


def _flat(text: str) -> str:
    return f" {_BREAKS.sub(' ', text).strip().casefold()}"


@cache
def _needles(words: tuple[str, ...]) -> re.Pattern[str]:
    """What finds any of the words at the beginning of a word; without words, it finds nothing."""
    return re.compile("|".join(re.escape(_flat(word)) for word in words) if words else r"(?!)")


def texts_of(text: str) -> tuple[str, ...] | None:
    """The texts in a Python list in text, which is parsed as a literal and never run; None for anything else."""
    try:
        values = ast.literal_eval(text) if len(text) <= MAX_LIST else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return None
    return tuple(values)


def matrix_of(path: Path, rows: int, source: str) -> NDArray[np.float32]:
    """Vectors of shape (rows, D), finite, mapped from an ``.npy`` file; raises `DataError` for anything else."""
    import numpy as np

    try:
        with warnings.catch_warnings():
            # numpy warns of a header that Python 2 may have written, and reads it.
            warnings.simplefilter("ignore", UserWarning)
            matrix = np.lib.format.open_memmap(path, mode="r")
    except _NO_ARRAY as error:
        raise damaged(path, f"is not an array of numbers: {error}", source) from None
    if matrix.ndim != 2 or matrix.dtype != np.float32 or len(matrix) != rows or not np.isfinite(matrix).all():
        cause = f"holds {matrix.dtype} of shape {matrix.shape}, not {rows} rows of finite float32"
        raise damaged(path, cause, source)
    return np.asarray(matrix)


def pictures(place: str, folder: str | Path | None, names: Mapping[str, str], flat: bool = True) -> dict[str, Image]:
    """Images by item id, from their file names, of which ``flat`` leaves out the folders; what is missing is left out.

    Raises `DataError` where the folder holds none of them.
    """
    if folder is None or not names:
        return {}
    found = {
        # Called by the item's id: published file names such as ``false_12.jpg`` give the label away.
        key: Image(partial(Path.read_bytes, path), f"image of {place} item {key}")
        for key, name in names.items()
        if (path := image_in(folder, name, flat))
    }
    if not found:
        example = next(iter(names.values()))
        raise DataError(
            f"the folder {folder} holds none of its images, such as {Path(example).name if flat else example}",
            place=place,
            remedy="give the folder of the fetched images as images, or leave images out",
        )
    return found


def image_in(folder: str | Path, name: str, flat: bool = True) -> Path | None:
    """Where an image lies, by its file name, of which ``flat`` leaves out the folders; None where it is not there."""
    path = below(folder, Path(name).name if flat else name)
    return path if path and path.is_file() else None


def images_file(folder: str, names: Collection[str], origin: str) -> DataFile:
    """How many of the images lie in a folder, whatever folders their names have."""
    found = sum(image_in(folder, name) is not None for name in names)
    return DataFile("images", folder, found, len(names), needed=False, origin=origin)


def below(folder: str | Path, name: str) -> Path | None:
    """The path of a file in the folder or beneath; None for a name that leads out of it, or is none."""
    root = os.path.abspath(folder)
    path = Path(os.path.abspath(os.path.join(root, name.lstrip("/")))) if "\0" not in name else None
    return path if path is not None and path != Path(root) and path.is_relative_to(root) else None


def named(read: Callable[[], Iterable[str]]) -> set[str]:
    """The names of images that files name; none where these cannot be read, which others tell with the reason."""
    try:
        return set(read())
    except DataError:
        return set()


def damaged(path: Path, cause: str, source: str) -> DataError:
    """The error for a file that is not as it was published."""
    return DataError(cause, place=path.name, remedy=f"fetch the file again from {source}")
