"""VERITE: real captions of fact-checked photographs, with searched page titles and CLIP features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from harness.api import (
    Benchmark,
    DataError,
    DataFile,
    Image,
    Item,
    Skipped,
    Split,
    Verdict,
    file_digest,
    hookimpl,
)
from harness_benchmarks.drawing import WithDraw
from harness_benchmarks.evidence import Filtered, WithEvidence
from harness_benchmarks.published import file_in, folder_of, images_file, locate, matrix_of, named, pictures
from harness_benchmarks.searches import found_with_images
from harness_benchmarks.verite_rows import CAPTIONS, EVIDENCE, EVIDENCE_SOURCE, SOURCE, Row, read_rows

FEATURES = {"image": "VERITE_clip_image_embeddings_ViTL14.npy", "text": "VERITE_clip_text_embeddings_ViTL14.npy"}
SEARCHES = "external_evidence"
FILES = (CAPTIONS, EVIDENCE, *FEATURES.values())
IMAGES_SOURCE = "huggingface.co/datasets/stefpapad/VERITE (on request)"

Falsified = Literal["miscaptioned", "out-of-context"]


class Verite(WithEvidence, WithDraw):
    """1,001 captions of 338 stories (Papadopoulos et al., arXiv 2304.14133), as pristine and falsified items.

    In each story a true caption stands with its own image (``true``, pristine) and with an image of something
    else (``out-of-context``), and a false caption stands with the true image (``miscaptioned``). Stories that
    share a caption or an image are one group, and no group straddles two splits.

    VERITE.csv is all that must be there. What else of evidence, features and images is there is read, and items
    have nothing of what is not. Titles of fact-checkers are known by their words alone, unless the search results
    (``external_evidence``) are there, which have the addresses of the pages. By words, the published titles lose the
    last one for every fourth pristine item and for hardly any falsified one, so that having no evidence still tells
    something: 37 % of the pristine and 63 % of the out-of-context items keep a title.
    """

    name = "verite"
    transport = frozenset({"root", "images", "searches"})

    root: str | None = None
    """Folder of the published files; by default ``verite`` in the folder that HARNESS_REAL_DATA names."""
    images: str | None = None
    """Folder of the images, which are fetched apart; items whose image is not there are left out."""
    searches: str | None = None
    """Folder of the published search results; by default ``external_evidence`` in that of the files, if it is there."""
    falsified: tuple[Falsified, ...] = Field(default=("out-of-context",), min_length=1)
    """Which of VERITE's two kinds of false pairs are the falsified items."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of the groups that is validated on."""
    test: float = Field(default=0.4, ge=0, lt=1)
    """Share of the groups that is tested on; the rest is trained on."""
    seed: int = 0
    """Which groups go to which split."""

    def gives(self) -> frozenset[str]:
        """Evidence, features and images, as far as their files are there."""
        there = {
            "evidence": self._there(EVIDENCE) is not None or self._searches() is not None,
            "image": self.images is not None,
            **{f"features.{part}": self._there(name) is not None for part, name in FEATURES.items()},
        }
        return frozenset(part for part, is_there in there.items() if is_there)

    def digest(self) -> str:
        """Digest of the published files that are there, and of the images where their folder is given."""
        locate(self.name, self.root, [CAPTIONS])
        files = [path for name in FILES if (path := self._there(name))]
        folders = [folder for folder in (self._searches(), self.images and Path(self.images)) if folder]
        return file_digest(*files, *folders)

    def items(self, split: Split) -> Sequence[Item]:
        """Items in the order of their ids; that of the file gives the labels away."""
        published = self._rows()
        rows, images = self._kept(published)
        splits = self._splits(published)
        features = {
            part: matrix_of(path, len(splits), SOURCE) for part, name in FEATURES.items() if (path := self._there(name))
        }
        return [
            Item(
                id=row.id,
                caption=row.caption,
                image=images.get(row.id),
                evidence=self._fair(row).evidence,
                features={part: vectors[row.place].copy() for part, vectors in features.items()},
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

    def files(self) -> Sequence[DataFile]:
        """VERITE.csv, and what may lie beside it."""
        folder, searches = folder_of(self.name, self.root), self._searches()
        found = sum("_inverse_" in path.name for path in searches.iterdir()) if searches else 0
        published = (
            file_in(folder, CAPTIONS, SOURCE),
            file_in(folder, EVIDENCE, EVIDENCE_SOURCE, needed=False),
            *(file_in(folder, name, SOURCE, needed=False) for name in FEATURES.values()),
            DataFile(SEARCHES, str(self._searched() or SEARCHES), found, 676, needed=False, origin=EVIDENCE_SOURCE),
        )
        if self.images is None:
            return published
        names = named(lambda: [row.image for row in self._rows()])
        return *published, images_file(self.images, names, IMAGES_SOURCE)

    def skipped(self) -> Sequence[Skipped]:
        """Rows of a kind that is not asked for, and rows whose image is not there."""
        published = self._rows()
        kept = {row.id for row in self._kept(published)[0]}
        splits = self._splits(published)
        return [
            Skipped(f"{CAPTIONS} row {row.place}", self._reason(row), splits[row.place])
            for row in published
            if row.id not in kept
        ]

    def notes(self) -> Mapping[str, str | int]:
        """What was left out, over all splits, and which of the published files are not there."""
        published = self._rows()
        rows, _ = self._kept(published)
        wanted = sum(row.label in self._wanted() for row in published)
        missing = [name for name in FILES if self._there(name) is None]
        addressed = sum(bool(row.found.sources) for row in rows)
        return {
            **(self.evidence_notes(map(self._fair, rows)) if "evidence" in self.gives() else {}),
            **({"items whose evidence has the addresses of its pages": addressed} if self._searches() else {}),
            "items left out for want of their image": wanted - len(rows),
            **({"files that are not there": ", ".join(missing)} if missing else {}),
        }

    def _reason(self, row: Row) -> str:
        if row.label not in self._wanted():
            return f"is {row.label}, which is not among the kinds that the option falsified asks for"
        return f"there is no {Path(row.image).name} in the folder of images"

    def _wanted(self) -> tuple[str, ...]:
        return ("true", *self.falsified)

    def _there(self, name: str) -> Path | None:
        """The published file of that name, where it is there."""
        folder = folder_of(self.name, self.root)
        return folder / name if folder and (folder / name).is_file() else None

    def _searches(self) -> Path | None:
        """The folder of search results, where it is there."""
        searches = self._searched()
        return searches if searches and searches.is_dir() else None

    def _searched(self) -> Path | None:
        """Where search results are looked for."""
        folder = folder_of(self.name, self.root)
        return Path(self.searches) if self.searches else folder and folder / SEARCHES

    def _rows(self) -> list[Row]:
        [captions] = locate(self.name, self.root, [CAPTIONS])
        searches = self._searches()
        if self.searches and searches is None:
            raise DataError("there is no such folder", place=self.searches, remedy="correct the option searches")
        found = found_with_images(searches, EVIDENCE_SOURCE) if searches else {}
        return read_rows(captions, self._there(EVIDENCE), found)

    def _kept(self, published: Sequence[Row]) -> tuple[list[Row], dict[str, Image]]:
        """The rows that are items, by id, and their images."""
        rows = sorted((row for row in published if row.label in self._wanted()), key=lambda row: row.id)
        images = pictures(self.name, self.images, {row.id: row.image for row in rows})
        return [row for row in rows if row.id in images or not self.images], images

    def _splits(self, rows: Sequence[Row]) -> list[Split]:
        """The split of every published row, so that no option but seed and shares moves a group."""
        return self.drawing().splits([row.group for row in rows])

    def _fair(self, row: Row) -> Filtered:
        return self.fair(row.found, row.caption)


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """VERITE."""
    return [Verite]
