"""Entries with their articles, images and evidence: which of them are items, and the items, made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, overload

from harness.api import Evidence, Image, Item, Skipped, Split, Verdict
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_entries import Entries, Wanted, entries_of
from harness_benchmarks.newsclippings_pictures import faults_of
from harness_benchmarks.visual_news import Articles, distinct, read_articles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """One split as it was read: its entries in the order of items, and why some of them are none."""

    split: Split
    entries: Entries
    articles: Articles
    captions: NDArray[np.int32]
    """Which article an entry's caption is of."""
    images: NDArray[np.int32]
    """Which article an entry's image is of."""
    folder: Path
    """What image paths begin at."""
    faults: Mapping[int, str]
    """Why entries are no items, by their number."""
    kept: NDArray[np.int32]
    """Numbers of the entries that are items."""

    def id(self, number: int) -> str:
        """An entry's id as an item."""
        return f"{int(self.entries.ids[number]):016x}"

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
        return f"{int(self.entries.groups[number]):016x}"

    def content(self, number: int) -> list[str]:
        """What of an entry stands in the files alone: id, caption and group."""
        return [self.id(number), self.caption(number), self.group(number)]

    def place(self, number: int) -> int:
        """An entry's place in the file."""
        return int(self.entries.places[number])

    def labels(self) -> dict[str, Verdict]:
        """Ground truth by item id."""
        found: dict[str, Verdict] = {}
        # Some thousand at a time: whole columns as Python's numbers would take more room than the labels.
        for begin in range(0, len(self.kept), _CHUNK):
            numbers = self.kept[begin : begin + _CHUNK]
            ids, lies = self.entries.ids[numbers], self.entries.annotations.falsified[self.entries.places[numbers]]
            for item_id, lie in zip(ids.tolist(), lies.tolist(), strict=True):
                found[f"{item_id:016x}"] = "falsified" if lie else "pristine"
        return found

    def verdict(self, number: int) -> Verdict:
        """An entry's label."""
        return "falsified" if self.entries.annotations.falsified[self.place(number)] else "pristine"

    def skipped(self) -> list[Skipped]:
        """The entries that are no items, in the order of the file."""
        found = sorted((self.place(number), fault) for number, fault in self.faults.items())
        file = self.entries.annotations.file
        return [Skipped(f"entry {place} of {file}", fault, self.split) for place, fault in found]


class Items(Sequence[Item]):
    """Items of a split; each is made when it is asked for, and none is kept."""

    def __init__(self, part: Part, evidence: Callable[[int], Evidence], with_images: bool) -> None:
        self._part = part
        self._evidence = evidence
        self._with_images = with_images

    def __len__(self) -> int:
        return len(self._part.kept)

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


def part_of(split: Split, wanted: Wanted, data: Stamp, with_images: bool, all_captions: bool) -> Part | None:
    """A split with its articles; None where its file is not there. ``all_captions`` asks for those of images, too."""
    import numpy as np

    own = entries_of(wanted).get(split)
    if own is None:
        return None
    articles, folder = _articles(data, wanted, all_captions), Path(data.path).parent
    captions, images = articles.places(own.caption_ids), articles.places(own.image_ids)
    faults = _untold(articles, captions)
    if with_images:
        broken = _broken(articles, folder, np.unique(images).tolist())
        hit = np.flatnonzero(np.isin(images, list(broken)))
        faults = {number: broken[int(images[number])] for number in hit.tolist()} | faults
    kept = np.delete(np.arange(len(captions), dtype=np.int32), list(faults))
    return Part(split, own, articles, captions, images, folder, faults, kept)


# A scan of all three splits' articles takes seconds, and every step asks for items.
@lru_cache(maxsize=2)
def _articles(data: Stamp, wanted: Wanted, all_captions: bool) -> Articles:
    """The articles of all splits, since whoever asks for one soon asks for another."""
    import numpy as np

    texts, pictures = (
        distinct(np.concatenate([getattr(found, column) for found in entries_of(wanted).values()]))
        for column in ("caption_ids", "image_ids")
    )
    return read_articles(Path(data.path), np.union1d(texts, pictures) if all_captions else texts, pictures)


def _untold(articles: Articles, captions: NDArray[np.int32]) -> dict[int, str]:
    """Entries without a caption."""
    return {
        number: "its caption is empty"
        if articles.known[captions[number]]
        else "VisualNews has no such article as its caption's"
        for number in (articles.captions.sizes[captions] == 0).nonzero()[0].tolist()
    }


def _broken(articles: Articles, folder: Path, places: Sequence[int]) -> dict[int, str]:
    """Why images cannot be shown, by the place of their article."""
    paths = {place: articles.paths[place] for place in places}
    found = {place: fault for place, path in paths.items() if (fault := _misnamed(path, bool(articles.known[place])))}
    named = [place for place in places if place not in found]
    faults = faults_of([Path(f"{folder}/{paths[place]}") for place in named])
    return found | {place: fault for place, fault in zip(named, faults, strict=True) if fault}


def _misnamed(path: str, known: bool) -> str:
    """Why there can be no file; what a stranger wrote must not lead out of the folder."""
    if not path:
        return "its article has no image" if known else "VisualNews has no such article as its image's"
    parts = path.replace("\\", "/").split("/")
    return "the path of its image leads out of the folder" if ".." in parts or not parts[0] or "\0" in path else ""
