"""Web evidence as the crawl of Abdelnabi et al. (CVPR 2022) is laid out: a folder for each place in a split's file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from harness.api import DataError, Split
from harness_benchmarks.file_stamps import Stamp, stamp
from harness_benchmarks.published import below, damaged

SOURCE = "github.com/S-Abdelnabi/OoC-multi-modal-fc (curated_dataset, on request)"

Search = Literal["inverse", "direct"]

FOLDERS: Mapping[Split, str] = {"train": "train", "validation": "val", "test": "test"}

FILES: Mapping[Search, tuple[str, ...]] = {
    "inverse": ("inverse_annotation.json", "inverse_annotations.json"),
    "direct": ("direct_annotation.json", "direct_annotations.json"),
}

_SEARCHED = ("inverse_search", "direct_search")

T = TypeVar("T")


class _Paths(msgspec.Struct, gc=False):
    direct_path: str | None = None
    inv_path: str | None = None


class _Seen(msgspec.Struct, gc=False):
    image_id_in_visualNews: int | str | None = None


@dataclass(frozen=True, slots=True)
class Crawl:
    """What was found for one split, by place: folders that are there, and what the crawl's own lists say."""

    folders: Mapping[Search, Mapping[int, str]]
    listed: frozenset[int] | None
    """Places for which something was found, by the crawl's list; None where the list is not there."""
    images: Mapping[int, int]
    """VisualNews id of the image with which was searched, where the crawl says so."""

    def files(self, place: int, searches: Sequence[Search]) -> Iterator[tuple[Search, Stamp]]:
        """The files of a place that are there, of some of the searches that were looked for."""
        for search in searches:
            folder = self.folders[search].get(_filed(place, search))
            if folder and (file := _file(folder, search)):
                yield search, file


def _filed(place: int, search: Search) -> int:
    """The place under which a search is filed: for what was found with a caption, the even one of its pair."""
    return place - place % 2 if search == "direct" else place


def _file(folder: str, search: Search) -> Stamp | None:
    return next((file for name in FILES[search] if (file := stamp(os.path.join(folder, name)))), None)


def crawl_of(root: Path, split: Split, searches: Sequence[Search]) -> Crawl:
    """What there is of a split below a folder; raises `DataError` for a damaged list."""
    listed = _listed(root, split)
    return Crawl(
        folders={search: _folders(root, split, search, listed or {}) for search in searches},
        listed=None if listed is None else frozenset(listed),
        images=_images(root, split),
    )


def rooted(folder: Path, subset: str) -> Path:
    """The folder that holds inverse_search/, from one of those above it."""
    for root in (folder, folder / subset, folder / "queries_dataset" / subset, folder / "queries_dataset"):
        if any((root / f"{search}_search").is_dir() for search in FILES):
            return root
    return folder


def _parts(root: Path, split: Split, search: Search) -> list[Path]:
    """Folders of a split: train comes in several, such as train_pt1/train."""
    name = FOLDERS[split]
    tops = sorted(path for path in (root / f"{search}_search").glob(f"{name}*") if path.is_dir())
    return [inner if (inner := top / name).is_dir() else top for top in tops]


def _folders(root: Path, split: Split, search: Search, listed: Mapping[int, _Paths]) -> dict[int, str]:
    """Folders by place: those that are named by it, and what the list says of others."""
    found: dict[int, str] = {}
    for part in _parts(root, split, search):
        found |= {int(name): os.path.join(part, name) for name in _names(part) if _numbered(name)}
    for place, paths in listed.items():
        said = paths.inv_path if search == "inverse" else paths.direct_path
        if said and (filed := _filed(place, search)) not in found and (folder := _told(root, said)):
            found[filed] = str(folder)
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        cause = f"cannot be read: {error.strerror}"
        raise DataError(cause, place=str(folder), remedy="let whoever runs this read it") from None


def _numbered(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10


def _told(root: Path, path: str) -> Path | None:
    """A path of the list, which may begin anywhere above root, as one below root; None where it leads elsewhere."""
    parts = path.replace("\\", "/").split("/")
    first = next((place for place, part in enumerate(parts) if part in _SEARCHED), 0)
    return below(root, "/".join(parts[first:]))


def _listed(root: Path, split: Split) -> Mapping[int, _Paths] | None:
    """``dataset_items_<split>.json``: places for which something was found, and where it lies."""
    name = f"dataset_items_{FOLDERS[split]}.json"
    file = next((file for folder in (root, root.parent, root.parent.parent) if (file := stamp(folder / name))), None)
    return None if file is None else _items(file)


def _images(root: Path, split: Split) -> dict[int, int]:
    """``inverse_search/<split>/<split>.json``: VisualNews ids of what was searched with, by place."""
    found: dict[int, int] = {}
    for part in _parts(root, split, "inverse"):
        if file := stamp(part / f"{FOLDERS[split]}.json"):
            found |= _searched(file)
    return found


# Every step asks for items; the lists of three splits and of six parts of one are a dozen files.
@lru_cache(maxsize=8)
def _items(file: Stamp) -> Mapping[int, _Paths]:
    return _by_place(file, _Paths)


@lru_cache(maxsize=32)
def _searched(file: Stamp) -> Mapping[int, int]:
    ids = {place: str(seen.image_id_in_visualNews) for place, seen in _by_place(file, _Seen).items()}
    return {place: int(image) for place, image in ids.items() if _numbered(image)}


def _by_place(file: Stamp, kind: type[T]) -> dict[int, T]:
    path = Path(file.path)
    try:
        found = msgspec.json.decode(file.read(), type=dict[str, kind])  # type: ignore[valid-type]
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not a list of the crawl: {error}", SOURCE) from None
    if strange := next((key for key in found if not _numbered(key)), None):
        raise damaged(path, f"has the key {strange[:40]!r}, which is no place in a file", SOURCE)
    return {int(key): value for key, value in found.items()}


def check_places(crawl: Crawl, file: str, images: Sequence[int], disorder: str, expected: int | None) -> None:
    """Evidence is filed under an entry's place in the published file, not under an id; raises `DataError` where the
    places of this file are not those.

    ``images`` are the ids of the images of all entries, ``expected`` is how many entries were published.
    """
    if disorder:
        raise _misplaced(file, f"{file} was shuffled or cut: {disorder}")
    for place, image in crawl.images.items():
        if place >= len(images) or images[place] != image:
            here = (
                f"entry {place} has image_id {images[place]}" if place < len(images) else f"there is no entry {place}"
            )
            raise _misplaced(file, f"the crawl searched with image {image} for place {place}, and {here}")
    if not crawl.images and expected is not None and len(images) != expected:
        raise _misplaced(file, f"{file} has {len(images)} entries, and {expected} were published")


def _misplaced(file: str, cause: str) -> DataError:
    return DataError(
        f"evidence is filed under an entry's place in the published file, not under an id, and {cause}",
        place=file,
        remedy="use the file as it was published, unsorted and uncut, and take a part of it by the option limit;"
        " or leave evidence out",
    )
