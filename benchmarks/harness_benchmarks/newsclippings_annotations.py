"""NewsCLIPpings' annotation files as columns: which caption stands with which image, and whether it belongs there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import msgspec

from harness.api import DataError, Split
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.published import damaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Subset = Literal[
    "merged_balanced",
    "person_sbert_text_text",
    "scene_resnet_place",
    "semantics_clip_text_image",
    "semantics_clip_text_text",
]
SUBSETS: tuple[Subset, ...] = get_args(Subset)

FILES: Mapping[Split, str] = {"train": "train.json", "validation": "val.json", "test": "test.json"}

SOURCE = "huggingface.co/g-luo/news-clippings (download.sh of github.com/g-luo/news_clippings)"

SIZES: Mapping[tuple[Subset, Split], int] = {
    ("merged_balanced", "train"): 71_072,
    ("merged_balanced", "validation"): 7_024,
    ("merged_balanced", "test"): 7_264,
    ("person_sbert_text_text", "train"): 17_768,
    ("person_sbert_text_text", "test"): 1_816,
    ("scene_resnet_place", "train"): 124_860,
    ("scene_resnet_place", "test"): 13_636,
    ("semantics_clip_text_image", "train"): 453_128,
    ("semantics_clip_text_image", "test"): 47_288,
    ("semantics_clip_text_text", "train"): 516_072,
    ("semantics_clip_text_text", "test"): 54_164,
}
"""Entries of the published files, as far as they are known; a file of another size was cut."""

Id = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Entry(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    falsified: bool
    source_dataset: Annotated[int, msgspec.Meta(ge=-1, le=127)] = -1


class _File(msgspec.Struct):
    annotations: list[_Entry]
    source_datasets: object = None


@dataclass(frozen=True, slots=True)
class Annotations:
    """Entries of one file in its order; their place is what evidence is filed under."""

    file: str
    caption_ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    falsified: NDArray[np.bool_]
    datasets: NDArray[np.int8]
    """Which of the subsets an entry was taken from; -1 where the file does not say."""
    names: Mapping[int, str]
    """What these subsets are called."""
    disorder: str
    """Why the entries are not in the order of the published file; empty where they are."""

    def __len__(self) -> int:
        return len(self.caption_ids)


# Every step asks for items, and what was checked once need not be checked again.
@lru_cache(maxsize=8)
def annotations_of(file: Stamp) -> Annotations:
    """The entries of a file, their labels checked; raises `DataError` for one that is not as published."""
    import numpy as np

    path = Path(file.path)
    found = _decoded(path, file.read())
    entries, count = found.annotations, len(found.annotations)
    if not entries:
        raise damaged(path, "has no annotations", SOURCE)
    columns = Annotations(
        file=path.name,
        caption_ids=np.fromiter((entry.id for entry in entries), np.int64, count),
        image_ids=np.fromiter((entry.image_id for entry in entries), np.int64, count),
        falsified=np.fromiter((entry.falsified for entry in entries), np.bool_, count),
        datasets=np.fromiter((entry.source_dataset for entry in entries), np.int8, count),
        names=_names(found.source_datasets),
        disorder="",
    )
    _check_labels(path, columns)
    return replace(columns, disorder=_disorder(columns))


def _decoded(path: Path, data: bytes) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise _unfit(path, str(error)) from None
    except (ValueError, RecursionError):
        pass
    # Python writes NaN and half characters, which JSON has not, and reads them again.
    try:
        return msgspec.convert(json.loads(data), type=_File)
    except msgspec.ValidationError as error:
        raise _unfit(path, str(error)) from None
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not JSON: {_first_line(error)}", SOURCE) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _unfit(path: Path, message: str) -> DataError:
    """The error for a value of another type; a ``falsified`` that is a word has been another's column before."""
    cause = f"is not a file of annotations: {message}"
    if "falsified" in message and "`bool`" in message:
        cause += "; falsified must be true or false, since a yes or a 1 of another file may mean the opposite"
    return damaged(path, cause, SOURCE)


def _names(source_datasets: object) -> Mapping[int, str]:
    """Names by number, from a list or from an object whose keys are the numbers."""
    match source_datasets:
        case list():
            numbered = dict(enumerate(source_datasets))
        case dict():
            numbered = {int(key): name for key, name in source_datasets.items() if _short_number(key)}
        case _:
            numbered = {}
    return {number: name for number, name in numbered.items() if isinstance(name, str)}


def _short_number(key: object) -> bool:
    return isinstance(key, str) and key.isdecimal() and len(key) < 4


def _check_labels(path: Path, columns: Annotations) -> None:
    """A caption belongs to its image where both are of one article, so that labels can be checked, each by itself."""
    import numpy as np

    wrong = np.flatnonzero(columns.falsified != (columns.caption_ids != columns.image_ids))
    if not len(wrong):
        return
    place = int(wrong[0])
    said = "true" if columns.falsified[place] else "false"
    relation = "is" if columns.caption_ids[place] == columns.image_ids[place] else "is not"
    cause = f"entry {place} has falsified: {said}, and its id {relation} its image_id"
    if len(wrong) == len(columns):
        cause += "; so have all entries: labels are the wrong way round"
    else:
        cause += f" ({len(wrong)} such of {len(columns)} entries): pristine entries are those whose id is the image_id"
    raise damaged(path, cause, SOURCE)


def _disorder(columns: Annotations) -> str:
    """In the published order a pristine entry is followed by the falsified one of the same caption."""
    import numpy as np

    if len(columns) % 2:
        return f"it has {len(columns)} entries, an odd number"
    twins = columns.caption_ids[0::2] == columns.caption_ids[1::2]
    turns = ~columns.falsified[0::2] & columns.falsified[1::2]
    if (twins & turns).all():
        return ""
    place = 2 * int(np.flatnonzero(~(twins & turns))[0])
    return f"entries {place} and {place + 1} are not a pristine one and a falsified one with the same caption"
