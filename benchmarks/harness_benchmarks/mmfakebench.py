"""MMFakeBench: misinformation of mixed sources, of which pairs that do not belong together are out of context."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from harness.api import Benchmark, DataFile, Image, Item, Skipped, Split, Verdict, digest, file_digest, hookimpl
from harness_benchmarks.file_stamps import Stamp, stamp
from harness_benchmarks.image_root import WithImages
from harness_benchmarks.json_rows import listed, read
from harness_benchmarks.published import below, content_id, damaged, file_in, folder_of, locate, named

SOURCE = "github.com/liuxuannan/MMFakeBench (on request)"
FOLDERS: Mapping[Split, str] = {"validation": "MMFakeBench_val", "test": "MMFakeBench_test"}

Falsified = Literal["mismatch", "textual_veracity_distortion", "visual_veracity_distortion"]


class Row(BaseModel):
    """An object of a published file."""

    model_config = ConfigDict(frozen=True, strict=True)

    image_path: str = Field(min_length=1)
    text: str = Field(min_length=1)
    fake_cls: Literal["original", "mismatch", "textual_veracity_distortion", "visual_veracity_distortion"]
    gt_answers: Literal["True", "Fake"] | list[Literal["True", "Fake"]]

    @model_validator(mode="after")
    def _its_two_labels_agree(self) -> Self:
        answers = self.gt_answers if isinstance(self.gt_answers, list) else [self.gt_answers]
        if answers != ["True" if self.fake_cls == "original" else "Fake"]:
            raise PydanticCustomError(
                "labels",
                "fake_cls is {fake_cls} and gt_answers {answers}",
                {"fake_cls": self.fake_cls, "answers": str(self.gt_answers)},
            )
        return self

    @cached_property
    def item_id(self) -> str:
        """`content_id` of the columns image_path and text."""
        return content_id(self.image_path, self.text)

    @property
    def verdict(self) -> Verdict:
        """Whether the pair is what it says that it is."""
        return "pristine" if self.fake_cls == "original" else "falsified"

    @property
    def origin(self) -> str:
        """From which collection it was made: the folder of its image, without the split and the number after it."""
        folder = Path(self.image_path).parent.name
        return folder.partition("_val_")[0].partition("_test_")[0]


class MmFakeBench(WithImages):
    """1,000 validation and 10,000 test pairs (Liu et al., ICLR 2025), to be tested on: there is nothing to train on.

    Falsified are the pairs of the classes that ``falsified`` names, by default ``mismatch``, in which image and text do
    not belong together. The other false classes are false claims and made or edited images, which are other questions;
    they are left out. Some mismatches are edited captions or drawn images and no photograph out of its context:
    ``origins`` leaves those of one collection. Names of images tell the class, and no item shows them.
    """

    name = "mmfakebench"
    transport = frozenset({"root", "images"})

    root: str | None = None
    """Folder that holds ``MMFakeBench_val`` and ``MMFakeBench_test``, or one of them.

    By default ``mmfakebench`` in the folder that HARNESS_REAL_DATA names.
    """
    falsified: tuple[Falsified, ...] = Field(default=("mismatch",), min_length=1)
    """Which false classes are the falsified items; the others are left out."""
    origins: tuple[str, ...] = ()
    """Beginnings of the names of the collections, as ``Newsclipings``, whose falsified items are kept; all if empty."""

    def digest(self) -> str:
        """Digest of the published files that are there, and of names and sizes of their images."""
        rows = {split: self._rows(split) for split in FOLDERS}
        names = [self._name(split, row) for split, found in rows.items() for row in found]
        published = file_digest(*(Path(file.path) for split in FOLDERS if (file := self._published(split))))
        return digest([published, self.images_digest(self._root(), names)])

    def items(self, split: Split) -> Sequence[Item]:
        """Items in the order of their ids; that of the file gives the labels away."""
        kept, images = self._kept(split)
        return [
            Item(
                id=row.item_id, caption=row.text, image=images.get(row.item_id), group=content_id(split, row.image_path)
            )
            for row in kept
        ]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The label of every item: ``original`` is pristine."""
        return {row.item_id: row.verdict for row in self._kept(split)[0]}

    def files(self) -> Sequence[DataFile]:
        """The published file of each split, one of which must be there, and the images."""
        folder = folder_of(self.name, self.root)
        there = any(self._published(split) for split in FOLDERS)
        names = named(lambda: [self._name(split, row) for split in FOLDERS for row in self._rows(split)])
        published = [file_in(folder, _file(split), SOURCE, needed=not there) for split in FOLDERS]
        return (*published, *self.image_files(folder, names, SOURCE))

    def skipped(self) -> Sequence[Skipped]:
        """Rows of classes and collections that are not asked for, repeated rows, and those without their image."""
        found = []
        for split in FOLDERS:
            kept, seen = {row.item_id for row in self._kept(split)[0]}, set[str]()
            for place, row in enumerate(self._rows(split)):
                if reason := self._reason(row, row.item_id in kept, row.item_id in seen):
                    found.append(Skipped(f"{Path(_file(split)).name} row {place}", reason, split))
                seen.add(row.item_id)
        return found

    def notes(self) -> Mapping[str, str | int]:
        """Which classes are falsified, from which collections these come, and what was left out."""
        kept = [row for split in FOLDERS for row in self._kept(split)[0]]
        origins = Counter(row.origin for row in kept if row.verdict == "falsified")
        left = Counter(re.sub(r" no image .* in", " no image in", entry.reason) for entry in self.skipped())
        return {
            "classes that are falsified": ", ".join(self.falsified),
            "falsified items by collection": ", ".join(f"{name} {count}" for name, count in sorted(origins.items())),
            **{f"left out since it {reason}": count for reason, count in sorted(left.items())},
        }

    def _reason(self, row: Row, kept: bool, seen: bool) -> str:
        """Why a row is no item; empty where it is one."""
        if seen:
            return "repeats a row before it"
        if row.verdict == "falsified" and row.fake_cls not in self.falsified:
            return f"is of the class {row.fake_cls}"
        if not self._asked(row):
            return f"is of the collection {row.origin}"
        return "" if kept else f"has no image {row.image_path} in the folder of images"

    def _asked(self, row: Row) -> bool:
        """Whether an item is made of it, if its image is there."""
        if row.verdict == "pristine":
            return True
        return row.fake_cls in self.falsified and (not self.origins or row.origin.startswith(self.origins))

    def _kept(self, split: Split) -> tuple[list[Row], dict[str, Image]]:
        """The rows that are items, by id, and their images."""
        asked = {row.item_id: row for row in self._rows(split) if self._asked(row)} if split in FOLDERS else {}
        rows = [asked[item_id] for item_id in sorted(asked)]
        images = self.pictured(self._root(), {row.item_id: self._name(split, row) for row in rows})
        return [row for row in rows if row.item_id in images or not self.with_images], images

    def _rows(self, split: Split) -> Sequence[Row]:
        """Every row of the split's file; none where the other split's file is there alone."""
        if file := self._published(split):
            return rows_of(file)
        if not any(self._published(other) for other in FOLDERS):
            locate(self.name, self.root, [_file(other) for other in FOLDERS])
        return []

    def _published(self, split: Split) -> Stamp | None:
        folder = folder_of(self.name, self.root)
        return stamp(folder / _file(split)) if folder else None

    def _root(self) -> Path:
        return folder_of(self.name, self.root) or Path()

    def _name(self, split: Split, row: Row) -> str:
        return f"{FOLDERS[split]}/{row.image_path.lstrip('/')}"


def _file(split: Split) -> str:
    return f"{FOLDERS[split]}/source/{FOLDERS[split]}.json"


# Every step asks for items, labels and notes; what was checked once need not be checked again.
@lru_cache(maxsize=2)
def rows_of(file: Stamp) -> tuple[Row, ...]:
    """The rows of a file; raises `DataError`."""
    path = Path(file.path)
    rows = [read(Row, value, path, f"row {place}", SOURCE) for place, value in enumerate(listed(path, SOURCE))]
    if not rows:
        raise damaged(path, "has no rows", SOURCE)
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        before = first.setdefault(row.item_id, place)
        if rows[before].fake_cls != row.fake_cls:
            raise damaged(path, f"row {place} is {row.fake_cls}, and row {before}, the same pair, is not", SOURCE)
        if below("/", row.image_path) is None or ".." in Path(row.image_path).parts:
            raise damaged(path, f"row {place} has the image_path {row.image_path!r}", SOURCE)
    return tuple(rows)


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """MMFakeBench."""
    return [MmFakeBench]
