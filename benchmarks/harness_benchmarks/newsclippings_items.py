"""Entries with their articles, images and evidence: which of them are items, and the items, made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, overload

from harness.api import Evidence, Image, Item, Skipped, Split, Verdict
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_entries import Entries
from harness_benchmarks.newsclippings_pictures import faults_of
from harness_benchmarks.visual_news import Articles, articles_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Part:
    """One split as it was read: its entries in the order of items, and why some of them are none."""

    split: Split
    entries: Entries
    articles: Articles
    captions: NDArray[np.int64]
    """Which article an entry's caption is of."""
    images: NDArray[np.int64]
    """Which article an entry's image is of."""
    folder: Path
    """What image paths begin at."""
    faults: Sequence[str]
    """Why an entry is no item; empty where it is one."""
    kept: NDArray[np.int64]
    """Numbers of the entries that are items."""

    def __len__(self) -> int:
        return len(self.kept)

    def id(self, number: int) -> str:
        """An entry's id as an item."""
        return str(self.entries.ids[number], "ascii")

    def caption(self, number: int) -> str:
        """An entry's caption."""
        return self.articles.captions[int(self.captions[number])]

    def image_caption(self, number: int) -> str:
        """The caption that belongs to an entry's image; empty where nobody has asked for it."""
        return self.articles.captions[int(self.images[number])]

    def image_path(self, number: int) -> Path:
        """Where an entry's image lies."""
        return Path(f"{self.folder}/{self.articles.paths[int(self.images[number])]}")

    def group(self, number: int) -> str:
        """An entry's group."""
        return str(self.entries.groups[number], "ascii")

    def content(self, number: int) -> list[str]:
        """What of an entry stands in the files alone: id, caption and group."""
        return [self.id(number), self.caption(number), self.group(number)]

    def place(self, number: int) -> int:
        """An entry's place in the file."""
        return int(self.entries.places[number])

    def labels(self) -> dict[str, Verdict]:
        """Ground truth by item id."""
        falsified = self.entries.falsified[self.kept].tolist()
        names = self.entries.ids[self.kept].astype(str).tolist()
        return {name: "falsified" if lie else "pristine" for name, lie in zip(names, falsified, strict=True)}

    def verdict(self, number: int) -> Verdict:
        """An entry's label."""
        return "falsified" if self.entries.annotations.falsified[self.place(number)] else "pristine"

    def skipped(self) -> list[Skipped]:
        """The entries that are no items, in the order of the file."""
        found = sorted((self.place(number), fault) for number, fault in enumerate(self.faults) if fault)
        file = self.entries.annotations.file
        return [Skipped(f"entry {place} of {file}", fault, self.split) for place, fault in found]


class Items(Sequence[Item]):
    """Items of a split; each is made when it is asked for, and none is kept."""

    def __init__(self, part: Part, evidence: Callable[[int], Evidence], with_images: bool) -> None:
        self._part = part
        self._evidence = evidence
        self._with_images = with_images

    def __len__(self) -> int:
        return len(self._part)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        if isinstance(place, slice):
            return [self._item(number) for number in self._part.kept[place].tolist()]
        return self._item(int(self._part.kept[place]))

    def _item(self, number: int) -> Item:
        part, item_id = self._part, self._part.id(number)
        # Called by the item's id: a path tells which entries share an image.
        read = partial(Path.read_bytes, part.image_path(number)) if self._with_images else None
        return Item(
            id=item_id,
            caption=part.caption(number),
            image=Image(read, f"image of newsclippings item {item_id}") if read else None,
            evidence=self._evidence(number),
            group=part.group(number),
        )


def part_of(split: Split, entries: Mapping[Split, Entries], data: Stamp, with_images: bool, all_captions: bool) -> Part:
    """A split with its articles. ``all_captions`` asks for those of the images' articles, too."""
    import numpy as np

    # Whoever asks for one split soon asks for another, and the articles of all are read at once.
    texts, pictures = (
        np.unique(np.concatenate([getattr(found, column) for found in entries.values()]))
        for column in ("caption_ids", "image_ids")
    )
    if all_captions:
        texts = np.union1d(texts, pictures)
    articles = articles_of(data, texts.tobytes(), pictures.tobytes())
    folder, own = Path(data.path).parent, entries[split]
    captions, images = articles.places(own.caption_ids), articles.places(own.image_ids)
    told = [_untold(articles, place) for place in captions.tolist()]
    broken = _broken(articles, folder, np.unique(images).tolist()) if with_images else {}
    faults = [fault or broken.get(place, "") for fault, place in zip(told, images.tolist(), strict=True)]
    kept = np.flatnonzero(np.fromiter((not fault for fault in faults), np.bool_, len(faults)))
    return Part(split, own, articles, captions, images, folder, faults, kept)


def _untold(articles: Articles, place: int) -> str:
    """Why there is no caption; empty where there is one."""
    if articles.captions[place].strip():
        return ""
    return "its caption is empty" if articles.known[place] else "VisualNews has no such article as its caption's"


def _broken(articles: Articles, folder: Path, places: Sequence[int]) -> dict[int, str]:
    """Why images cannot be shown, by the place of their article."""
    found = {
        place: fault for place in places if (fault := _misnamed(articles.paths[place], bool(articles.known[place])))
    }
    named = [place for place in places if place not in found]
    faults = faults_of([Path(f"{folder}/{articles.paths[place]}") for place in named])
    return found | {place: fault for place, fault in zip(named, faults, strict=True) if fault}


def _misnamed(path: str, known: bool) -> str:
    """Why there can be no file; what a stranger wrote must not lead out of the folder."""
    if not path:
        return "its article has no image" if known else "VisualNews has no such article as its image's"
    parts = path.replace("\\", "/").split("/")
    return "the path of its image leads out of the folder" if ".." in parts or not parts[0] or "\0" in path else ""
