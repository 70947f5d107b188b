"""Web evidence as the crawl of Abdelnabi et al. (CVPR 2022) is laid out: a folder for each place in a split's file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from harness.api import DataError, Split
from harness_benchmarks.file_stamps import Stamp, stamp
from harness_benchmarks.published import damaged

SOURCE = "github.com/S-Abdelnabi/OoC-multi-modal-fc (curated_dataset, on request)"

Search = Literal["inverse", "direct"]

FOLDERS: Mapping[Split, str] = {"train": "train", "validation": "val", "test": "test"}

FILES: Mapping[Search, tuple[str, ...]] = {
    "inverse": ("inverse_annotation.json", "inverse_annotations.json"),
    "direct": ("direct_annotation.json", "direct_annotations.json"),
}

_PATHS: Mapping[Search, str] = {"inverse": "inv_path", "direct": "direct_path"}


@dataclass(frozen=True, slots=True)
class Crawl:
    """What was found for one split, by place: folders that are there, and what the crawl's own lists say."""

    folders: Mapping[Search, Mapping[int, str]]
    listed: frozenset[int] | None
    """Places for which something was found, by the crawl's list; None where the list is not there."""
    images: Mapping[int, int]
    """VisualNews id of the image with which was searched, where the crawl says so."""

    def files(self, place: int, searches: Sequence[Search]) -> Iterator[tuple[Search, Stamp]]:
        """The files of a place that are there. A caption's search is filed under the even place of its pair."""
        for search in searches:
            folders = self.folders[search]
            folder = folders.get(place) or (folders.get(place - place % 2) if search == "direct" else None)
            if folder and (file := _file(folder, search)):
                yield search, file


def _file(folder: str, search: Search) -> Stamp | None:
    return next((file for name in FILES[search] if (file := stamp(os.path.join(folder, name)))), None)


def crawl_of(root: Path, split: Split) -> Crawl:
    """What there is of a split below a folder; raises `DataError` for a damaged list."""
    listed = _listed(root, split)
    return Crawl(
        folders={search: _folders(root, split, search) | _said(root, listed, _PATHS[search]) for search in FILES},
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


def _folders(root: Path, split: Split, search: Search) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in _parts(root, split, search):
        with os.scandir(part) as entries:
            found |= {int(entry.name): entry.path for entry in entries if _numbered(entry.name)}
    return found


def _numbered(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 10


def _listed(root: Path, split: Split) -> dict[int, object] | None:
    """``dataset_items_<split>.json``: places for which something was found, and where it lies."""
    name = f"dataset_items_{FOLDERS[split]}.json"
    file = next((file for folder in (root, root.parent, root.parent.parent) if (file := stamp(folder / name))), None)
    return None if file is None else _by_place(file)


def _said(root: Path, listed: Mapping[int, object] | None, key: str) -> dict[int, str]:
    """Folders where the list says they are, as far as they are there and below root."""
    found = {}
    for place, value in (listed or {}).items():
        path = value.get(key) if isinstance(value, dict) else None
        if isinstance(path, str) and (folder := _below(root, path)):
            found[place] = folder
    return found


def _below(root: Path, path: str) -> str | None:
    """A path of the list, which may begin anywhere above root, as one below root."""
    parts = path.replace("\\", "/").split("/")
    first = next((place for place, part in enumerate(parts) if part in ("inverse_search", "direct_search")), 0)
    folder = os.path.abspath(os.path.join(root, *parts[first:])) if "\0" not in path else ""
    inside = folder.startswith(os.path.abspath(root) + os.sep)
    return folder if inside and os.path.isdir(folder) else None


def _images(root: Path, split: Split) -> dict[int, int]:
    """``inverse_search/<split>/<split>.json``: VisualNews ids of what was searched with, by place."""
    found: dict[int, int] = {}
    for part in _parts(root, split, "inverse"):
        if file := stamp(part / f"{FOLDERS[split]}.json"):
            for place, value in _by_place(file).items():
                said = value.get("image_id_in_visualNews") if isinstance(value, dict) else None
                if str(said).isdecimal():
                    found[place] = int(str(said))
    return found


# Every step asks for items; the lists of three splits and of six parts of one are a dozen files.
@lru_cache(maxsize=32)
def _by_place(file: Stamp) -> dict[int, object]:
    path = Path(file.path)
    try:
        found = msgspec.json.decode(file.read(), type=dict[str, object])
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not a JSON object: {error}", SOURCE) from None
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
