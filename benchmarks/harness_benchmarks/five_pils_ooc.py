"""5Pils-OOC: fact-checked images, each with an accurate caption and one out of context; for testing only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.api import Benchmark, DataFile, Evidence, Image, Item, Skipped, Split, Verdict, file_digest, hookimpl
from harness_benchmarks.evidence import Filtered, WithOracles
from harness_benchmarks.published import content_id, damaged, file_in, folder_of, images_file, locate, named, pictures

FILE = "test.json"
SOURCE = "github.com/UKPLab/naacl2025-cove (data/5pils_ooc)"
IMAGES_SOURCE = "the addresses in image_URL of the published file"


class Row(BaseModel):
    """An object of the published file; what is not read here never gets further."""

    model_config = ConfigDict(frozen=True, strict=True)

    image_id: int
    id: int
    caption: str
    true_caption: str
    evidence_captions: list[str]
    image_path: str

    @property
    def item_id(self) -> str:
        """What a recorded answer is matched by: `content_id` of the columns image_id and caption."""
        return content_id(str(self.image_id), self.caption)

    @property
    def verdict(self) -> Verdict:
        """Told by the captions, not by the place."""
        return "pristine" if self.caption == self.true_caption else "falsified"


class FivePilsOoc(WithOracles):
    """624 images with two captions each (Tonglet et al., NAACL 2025): a test set without training items.

    An item is pristine where its caption is the image's true one. Image and evidence are the same for both
    items of an image, so whatever ignores the caption is right on exactly half of them. An image is a group.
    """

    name = "5pils-ooc"
    transport = frozenset({"root", "images"})

    root: str | None = None
    """Folder of the published file; by default ``5pils-ooc`` in the folder that HARNESS_REAL_DATA names."""
    images: str | None = None
    """Folder of the images, which are fetched apart; items whose image is not there are left out."""

    def gives(self) -> frozenset[str]:
        """Evidence; images where their folder is given."""
        return frozenset({"evidence", "image"} if self.images else {"evidence"})

    def digest(self) -> str:
        """Digest of the published file, and of the images where their folder is given."""
        return file_digest(self._path(), *([Path(self.images)] if self.images else []))

    def items(self, split: Split) -> Sequence[Item]:
        """Items in the order of their ids; that of the file gives the labels away."""
        if split != "test":
            return []
        rows, images = self._kept(read_rows(self._path()))
        fair = self._fair(rows)
        return [
            Item(
                id=row.item_id,
                caption=row.caption,
                image=images.get(row.item_id),
                evidence=fair[row.item_id].evidence,
                group=f"image-{row.image_id}",
            )
            for row in rows
        ]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The label of every item."""
        if split != "test":
            return {}
        return {row.item_id: row.verdict for row in self._kept(read_rows(self._path()))[0]}

    def notes(self) -> Mapping[str, str | int]:
        """What was left out."""
        published = read_rows(self._path())
        rows, _ = self._kept(published)
        return {
            **self.evidence_notes(self._fair(rows).values()),
            "items left out for want of their image": len(published) - len(rows),
        }

    def files(self) -> Sequence[DataFile]:
        """The published file, and the images where their folder is given."""
        published = file_in(folder_of(self.name, self.root), FILE, SOURCE)
        if self.images is None:
            return (published,)
        names = named(lambda: [row.image_path for row in read_rows(self._path())])
        return published, images_file(self.images, names, IMAGES_SOURCE)

    def skipped(self) -> Sequence[Skipped]:
        """Rows whose image is not there."""
        published = read_rows(self._path())
        kept = {row.item_id for row in self._kept(published)[0]}
        return [
            Skipped(f"{FILE} row {place}", f"there is no {Path(row.image_path).name} in the folder of images", "test")
            for place, row in enumerate(published)
            if row.item_id not in kept
        ]

    def _path(self) -> Path:
        return locate(self.name, self.root, [FILE])[0]

    def _kept(self, published: Sequence[Row]) -> tuple[list[Row], dict[str, Image]]:
        """The rows that are items, by id, and their images."""
        rows = sorted(published, key=lambda row: row.item_id)
        images = pictures(self.name, self.images, {row.item_id: row.image_path for row in rows})
        return [row for row in rows if row.item_id in images or not self.images], images

    def _fair(self, rows: Sequence[Row]) -> dict[str, Filtered]:
        """The evidence of each item; what equals the caption of either is left out of both items of an image."""
        captions: dict[int, list[str]] = {}
        for row in rows:
            captions.setdefault(row.image_id, []).append(row.caption)
        return {
            row.item_id: self.known(
                Evidence(captions=tuple(row.evidence_captions)),
                row.caption,
                row.verdict,
                row.true_caption,
                captions[row.image_id],
            )
            for row in rows
        }


def read_rows(path: Path) -> list[Row]:
    """The rows of the file, in which an image's accurate row comes before its out-of-context one.

    Labels are not told by position; yet a file whose positions, ids and captions do not agree was shuffled
    or damaged, and joining anything to it would go wrong: `DataError`.
    """
    try:
        objects: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not JSON: {error}", SOURCE) from None
    if not isinstance(objects, list) or not objects or len(objects) % 2:
        raise damaged(path, "is not a list of rows, two for each image", SOURCE)
    rows = [_row(path, place, value) for place, value in enumerate(objects)]
    for image_id, (accurate, other) in enumerate(zip(rows[::2], rows[1::2], strict=True)):
        if fault := _fault(accurate, other, image_id, len(rows) // 2):
            raise damaged(path, f"rows {2 * image_id} and {2 * image_id + 1}: {fault}; it was shuffled or cut", SOURCE)
    return rows


def _row(path: Path, place: int, value: object) -> Row:
    try:
        return Row.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the row"
        raise damaged(path, f"row {place}: {where}: {first['msg']}", SOURCE) from None


def _fault(accurate: Row, other: Row, image_id: int, images: int) -> str:
    """What is wrong with the two rows of an image; empty where nothing is."""
    if (accurate.image_id, other.image_id) != (image_id, image_id):
        return f"image_id is {accurate.image_id} and {other.image_id}, not {image_id}"
    if (accurate.id, other.id) != (image_id, image_id + images):
        return f"id is {accurate.id} and {other.id}, not {image_id} and {image_id + images}"
    if accurate.true_caption != other.true_caption:
        return "true_caption differs"
    if accurate.caption != accurate.true_caption or other.caption == other.true_caption:
        return "the first caption, and it alone, must be the true one"
    if (accurate.image_path, accurate.evidence_captions) != (other.image_path, other.evidence_captions):
        return "image or evidence differ"
    return ""


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """5Pils-OOC."""
    return [FivePilsOoc]
