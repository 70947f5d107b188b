"""VERITE: real captions of fact-checked photographs, with searched page titles and CLIP features."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from harness.api import Benchmark, DataError, Evidence, Image, Item, Split, Verdict, digest, file_digest, hookimpl
from harness_benchmarks.evidence import Filtered, WithEvidence
from harness_benchmarks.published import (
    MAX_LIST,
    content_id,
    damaged,
    locate,
    matrix_of,
    pictures,
    texts_of,
)

CAPTIONS = "VERITE.csv"
EVIDENCE = "VERITE_with_evidence.csv"
IMAGE_FEATURES = "VERITE_clip_image_embeddings_ViTL14.npy"
TEXT_FEATURES = "VERITE_clip_text_embeddings_ViTL14.npy"
SOURCE = "github.com/stevejpapad/image-text-verification"
EVIDENCE_SOURCE = "github.com/stevejpapad/relevant-evidence-detection"
FILES = (CAPTIONS, EVIDENCE, IMAGE_FEATURES, TEXT_FEATURES)

LABELS = ("true", "miscaptioned", "out-of-context")
Falsified = Literal["miscaptioned", "out-of-context"]

_IMAGE = re.compile(r"images/(?:true|false)_(\d{1,9})\.\w+")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the published files; ``place`` counts from 0, as their index column does."""

    place: int
    caption: str
    image: str
    label: str
    titles: tuple[str, ...]
    group: str

    @property
    def id(self) -> str:
        """What a recorded answer is matched by: `content_id` of the columns image_path and caption."""
        return content_id(self.image, self.caption)


class Verite(WithEvidence):
    """1,001 captions of 338 stories (Papadopoulos et al., arXiv 2304.14133), as pristine and falsified items.

    In each story a true caption stands with its own image (``true``, pristine) and with an image of something
    else (``out-of-context``), and a false caption stands with the true image (``miscaptioned``). Stories that
    share a caption or an image are one group, and no group straddles two splits.

    Titles that give the verdict away are left out by their words alone. In the published files that takes
    the last title from every fourth pristine item and from hardly any falsified one, so that having no
    evidence still tells something: 37 % of the pristine and 63 % of the out-of-context items keep a title.
    """

    name = "verite"
    transport = frozenset({"root", "images"})

    root: str | None = None
    """Folder of the published files; by default ``verite`` in the folder that HARNESS_REAL_DATA names."""
    images: str | None = None
    """Folder of the images, which are fetched apart; items whose image is not there are left out."""
    falsified: tuple[Falsified, ...] = Field(default=("out-of-context",), min_length=1)
    """Which of VERITE's two kinds of false pairs are the falsified items."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of the groups that is validated on."""
    test: float = Field(default=0.4, ge=0, lt=1)
    """Share of the groups that is tested on; the rest is trained on."""
    seed: int = 0
    """Which groups go to which split."""

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing to train on")
        return self

    def gives(self) -> frozenset[str]:
        """Titles and features; images where their folder is given."""
        return frozenset({"evidence", "features.image", "features.text"} | ({"image"} if self.images else set()))

    def digest(self) -> str:
        """Digest of the published files, and of the images where their folder is given."""
        return file_digest(*self._paths().values(), *([Path(self.images)] if self.images else []))

    def items(self, split: Split) -> Sequence[Item]:
        """Items in the order of their ids; that of the file gives the labels away."""
        published = self._rows()
        rows, images = self._kept(published)
        splits = self._splits(published)
        image_features, text_features = (
            matrix_of(self._paths()[name], len(splits), SOURCE) for name in (IMAGE_FEATURES, TEXT_FEATURES)
        )
        return [
            Item(
                id=row.id,
                caption=row.caption,
                image=images.get(row.id),
                evidence=self._fair(row).evidence,
                features={"image": image_features[row.place].copy(), "text": text_features[row.place].copy()},
                group=row.group,
            )
            for row in rows
            if splits[row.place] == split
        ]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The label of every item: ``true`` is pristine."""
        published = self._rows()
        splits = self._splits(published)
        return {
            row.id: "pristine" if row.label == "true" else "falsified"
            for row in self._kept(published)[0]
            if splits[row.place] == split
        }

    def notes(self) -> Mapping[str, str | int]:
        """What was left out, over all splits."""
        published = self._rows()
        rows, _ = self._kept(published)
        wanted = sum(row.label in self._wanted() for row in published)
        return {
            **self.evidence_notes(map(self._fair, rows)),
            "items left out for want of their image": wanted - len(rows),
        }

    def _wanted(self) -> tuple[str, ...]:
        return ("true", *self.falsified)

    def _paths(self) -> dict[str, Path]:
        return dict(zip(FILES, locate(self.name, self.root, FILES), strict=True))

    def _rows(self) -> list[Row]:
        return read_rows(self._paths()[CAPTIONS], self._paths()[EVIDENCE])

    def _kept(self, published: Sequence[Row]) -> tuple[list[Row], dict[str, Image]]:
        """The rows that are items, by id, and their images."""
        rows = sorted((row for row in published if row.label in self._wanted()), key=lambda row: row.id)
        images = pictures(self.name, self.images, {row.id: row.image for row in rows})
        return [row for row in rows if row.id in images or not self.images], images

    def _splits(self, rows: Sequence[Row]) -> list[Split]:
        """The split of every published row, so that no option but seed and shares moves a group."""
        groups = sorted({row.group for row in rows}, key=lambda group: digest([self.seed, group]))
        tested = round(self.test * len(groups))
        seen = tested + round(self.validation * len(groups))
        split: dict[str, Split] = {
            group: "test" if place < tested else "validation" if place < seen else "train"
            for place, group in enumerate(groups)
        }
        return [split[row.group] for row in rows]

    def _fair(self, row: Row) -> Filtered:
        return self.fair(Evidence(captions=row.titles), row.caption)


def read_rows(captions: Path, evidence: Path) -> list[Row]:
    """The rows of both files; raises `DataError` where they are damaged or not aligned by position."""
    pairs = list(zip_longest(_lines(captions, "caption"), _lines(evidence, "captions")))
    rows, stories = [], _merged(line for line, _ in pairs if line)
    for place, (line, found) in enumerate(pairs):
        if line is None or found is None:
            raise _damaged(evidence, place, f"stands alone: {captions.name} and {evidence.name} differ in length")
        for column in ("caption", "image_path", "label"):
            if line.get(column) != found.get(column):
                raise _damaged(evidence, place, f"has another {column} than row {place} of {captions.name}")
        if line["label"] not in LABELS:
            raise _damaged(captions, place, f"has the label {line['label']!r}, which is none of {', '.join(LABELS)}")
        if (titles := texts_of(found["captions"])) is None:
            raise _damaged(evidence, place, f"has in captions no list of texts in at most {MAX_LIST:,} characters")
        rows.append(Row(place, line["caption"], line["image_path"], line["label"], titles, stories[place]))
    if len({row.id for row in rows}) < len(rows):
        raise damaged(captions, "a pair of image and caption stands in two rows", SOURCE)
    return rows


def _lines(path: Path, column: str) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for place, line in enumerate(csv.DictReader(file, strict=True)):
                if None in line.values() or None in line or column not in line or "label" not in line:
                    raise _damaged(path, place, "does not have the columns of the published file")
                if not _IMAGE.fullmatch(line.get("image_path", "")):
                    raise _damaged(path, place, f"has the image_path {line.get('image_path')!r}")
                yield line
    except (csv.Error, UnicodeDecodeError) as error:
        raise damaged(path, f"is not a CSV file in UTF-8: {error}", _source(path)) from None


def _merged(lines: Iterable[Mapping[str, str]]) -> list[str]:
    """The group of each row: stories, by the number in the image's name, that share no caption with another."""
    first: dict[str, int] = {}
    parent: dict[int, int] = {}

    def root(story: int) -> int:
        while parent[story] != story:
            story = parent[story]
        return story

    stories = []
    for line in lines:
        story = int(_IMAGE.sub(r"\1", line["image_path"]))
        stories.append(story)
        parent.setdefault(story, story)
        ends = sorted((root(story), root(first.setdefault(line["caption"], story))))
        parent[ends[1]] = ends[0]
    return [f"story-{root(story)}" for story in stories]


def _damaged(path: Path, place: int, cause: str) -> DataError:
    return damaged(path, f"row {place} {cause}", _source(path))


def _source(path: Path) -> str:
    return EVIDENCE_SOURCE if path.name == EVIDENCE else SOURCE


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """VERITE."""
    return [Verite]
