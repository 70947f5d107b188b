"""COSMOS: images with two captions each, which are or are not out of context to each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from harness.api import (
    SPLITS,
    Benchmark,
    DataFile,
    Image,
    Item,
    Skipped,
    Split,
    Verdict,
    digest,
    file_digest,
    hookimpl,
)
from harness_benchmarks.cosmos_rows import SOURCE, Entry, Judged, captioned_of, tested_of
from harness_benchmarks.file_stamps import Stamp, stamp
from harness_benchmarks.image_root import WithImages
from harness_benchmarks.published import content_id, file_in, folder_of, locate, named

FILES: Mapping[Split, str] = {
    "train": "annotations/train_data.json",
    "validation": "annotations/val_data.json",
    "test": "annotations/test_data.json",
}


class Cosmos(WithImages):
    """1,700 images with two captions each to be tested on, and 200,000 without labels (Aneja et al., arXiv 2101.06278).

    Its label says whether the *pair* of captions is out of context given the image, and not which of the two is wrong.
    An item is therefore the image with one of the two as its caption, the other being the evidence: falsified where
    they are out of context to each other. What reads no evidence cannot tell, and is at chance but for what the way in
    which the pairs were collected gives away. The other caption is a part of the question, so it is not filtered.

    Every caption of a training or validation image is an item without a label, with the image's other captions as
    evidence, so that teachers may be asked and labels bought. An image is a group.
    """

    name = "cosmos"
    transport = frozenset({"root", "images"})

    root: str | None = None
    """Folder of the published files and images; by default ``cosmos`` in the folder that HARNESS_REAL_DATA names."""
    judged: Judged = "caption2"
    """Which of the two captions of a test image is the item's; the other is its evidence."""
    most_images: int | None = Field(default=None, ge=1)
    """Training images, and validation images, that are read at most; drawn by ``seed``."""
    seed: int = 0
    """Which images are read where not all are."""

    def gives(self) -> frozenset[str]:
        """Evidence, and images unless they are left out."""
        return super().gives() | {"evidence"}

    def digest(self) -> str:
        """Digest of the published files that are there, and of names and sizes of the images that are read."""
        locate(self.name, self.root, [FILES["test"]])
        names = [entry.image for split in SPLITS for entry in self._entries(split)]
        published = file_digest(*(Path(file.path) for split in SPLITS if (file := self._file(split))))
        return digest([published, self.images_digest(self._root(), names)])

    def items(self, split: Split) -> Sequence[Item]:
        """Items in the order of their ids."""
        kept, images = self._kept(split)
        return [
            Item(
                id=entry.id,
                caption=entry.caption,
                image=images.get(entry.id),
                evidence=entry.others,
                group=content_id(split, entry.image),
            )
            for entry in kept
        ]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The labels of the test items; nobody has labelled the others."""
        return {entry.id: entry.verdict for entry in self._kept(split)[0] if entry.verdict} if split == "test" else {}

    def files(self) -> Sequence[DataFile]:
        """The files of the three splits, of which that of the test split must be there, and the images."""
        folder = folder_of(self.name, self.root)
        published = [file_in(folder, name, SOURCE, needed=split == "test") for split, name in FILES.items()]
        names = named(lambda: [entry.image for split in SPLITS for entry in self._entries(split)])
        return (*published, *self.image_files(folder, names, SOURCE))

    def skipped(self) -> Sequence[Skipped]:
        """Captions that are empty or repeated, and those whose image is not there."""
        found = []
        for split in SPLITS:
            kept = {entry.id for entry in self._kept(split)[0]}
            for entry in self._entries(split):
                lacking = f"has no image {entry.image} in the folder of images" if entry.id not in kept else ""
                if reason := entry.reason or lacking:
                    found.append(Skipped(f"{Path(FILES[split]).name} {entry.where}", reason, split))
        return found

    def notes(self) -> Mapping[str, str | int]:
        """What an item is, and what was left out."""
        left = Counter(re.sub(r"(no image|repeats) .*", r"\1", entry.reason) for entry in self.skipped())
        other = "caption1" if self.judged == "caption2" else "caption2"
        return {
            "what is judged": f"{self.judged} of an image, with {other} as evidence; labels are of the pair",
            **({"images of a split that are read at most": self.most_images} if self.most_images else {}),
            **{f"captions left out: {reason}": count for reason, count in sorted(left.items())},
        }

    def _kept(self, split: Split) -> tuple[list[Entry], dict[str, Image]]:
        """The entries that are items, by id, and their images."""
        entries = sorted((entry for entry in self._entries(split) if not entry.reason), key=lambda entry: entry.id)
        images = self.pictured(self._root(), {entry.id: entry.image for entry in entries})
        return [entry for entry in entries if entry.id in images or not self.with_images], images

    def _entries(self, split: Split) -> Sequence[Entry]:
        """Every caption that is read of a split; none where its file is not there, which that of the test split is."""
        file = self._file(split)
        if file is None:
            locate(self.name, self.root, [FILES["test"]])
            return ()
        return tested_of(file, self.judged) if split == "test" else captioned_of(file, self.most_images, self.seed)

    def _file(self, split: Split) -> Stamp | None:
        folder = folder_of(self.name, self.root)
        return stamp(folder / FILES[split]) if folder else None

    def _root(self) -> Path:
        return folder_of(self.name, self.root) or Path()


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """COSMOS."""
    return [Cosmos]
