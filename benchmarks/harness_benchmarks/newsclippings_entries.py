"""Entries of NewsCLIPpings as items: ids that tell nothing, groups, an order that tells nothing, and a drawn part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from harness.api import SPLITS, Split, digest
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_annotations import Annotations, annotations_of
from harness_benchmarks.published import content_id
from harness_benchmarks.visual_news import distinct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 10_000

Grouping = Literal["image-and-story", "story"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for."""

    files: tuple[tuple[Split, Stamp], ...]
    """The annotation files that are there."""
    limits: tuple[tuple[Split, int], ...]
    """Most entries of a split."""
    seed: int
    """Which of them are drawn."""
    grouping: Grouping


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a split that are asked for, in the order of their items."""

    annotations: Annotations
    places: NDArray[np.int32]
    """Where they stand in the file."""
    ids: NDArray[np.uint64]
    """Their ids as numbers, which an item's id spells in 16 hex digits."""
    groups: NDArray[np.uint64]
    """Names of their groups, likewise."""
    again: NDArray[np.bool_]
    """Whether an earlier entry has the same image and caption."""

    @property
    def caption_ids(self) -> NDArray[np.int64]:
        """VisualNews ids of their captions."""
        return self.annotations.caption_ids[self.places]

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """VisualNews ids of their images."""
        return self.annotations.image_ids[self.places]


# Every step asks for items; a matrix has one such data set, seldom more.
@lru_cache(maxsize=4)
def entries_of(wanted: Wanted) -> Mapping[Split, Entries]:
    """Entries of every split; raises `DataError`."""
    found = {split: annotations_of(file) for split, file in wanted.files}
    ids = _ids(found)
    return {split: _entries(annotations, *ids[split], split, wanted) for split, annotations in found.items()}


def _entries(
    annotations: Annotations, ids: NDArray[np.uint64], again: NDArray[np.bool_], split: Split, wanted: Wanted
) -> Entries:
    import numpy as np

    limit = dict(wanted.limits).get(split)
    drawn = np.arange(len(annotations)) if limit is None else _drawn(annotations, limit, wanted.seed)
    # The published order tells labels by the parity of an entry's place; that of digests tells nothing.
    places = drawn[np.argsort(ids[drawn], kind="stable")].astype(np.int32)
    captions, images = annotations.caption_ids[places], annotations.image_ids[places]
    stories = captions if wanted.grouping == "story" else _linked(captions, images)
    return Entries(annotations, places, ids[places], _groups(stories), again[places])


def _drawn(annotations: Annotations, limit: int, seed: int) -> NDArray[np.int64]:
    """Places of at most so many entries, all those of a caption or none; a larger limit takes these and others."""
    import numpy as np

    stories, story, sizes = np.unique(annotations.caption_ids, return_inverse=True, return_counts=True)
    order = np.asarray(sorted(range(len(stories)), key=lambda place: digest([seed, int(stories[place])])))
    fitting = order[np.cumsum(sizes[order]) <= limit]
    return np.flatnonzero(np.isin(story, fitting))


def _ids(found: Mapping[Split, Annotations]) -> dict[Split, tuple[NDArray[np.uint64], NDArray[np.bool_]]]:
    """`content_id` of the columns id and image_id, and of how often the pair has occurred before, where it has; and
    whether it has.

    Splits count as one file that begins with test, so that nothing but test's own file says what its ids are.
    """
    import numpy as np

    order = [split for split in reversed(SPLITS) if split in found]
    captions = np.concatenate([found[split].caption_ids for split in order])
    images = np.concatenate([found[split].image_ids for split in order])
    before = _occurrences(captions, images)
    ids = np.frombuffer(b"".join(_pair_ids(captions, images)), ">u8").astype(np.uint64)
    for place in before.nonzero()[0].tolist():
        ids[place] = int(content_id(*(str(column[place]) for column in (captions, images, before))), 16)
    ends = np.cumsum([len(found[split]) for split in order])[:-1]
    return dict(zip(order, zip(np.split(ids, ends), np.split(before > 0, ends), strict=True), strict=True))


def _pair_ids(captions: NDArray[np.int64], images: NDArray[np.int64]) -> Iterator[bytes]:
    """The 8 bytes of `content_id` of each pair, some thousand at a time, since there may be half a million."""
    for begin in range(0, len(captions), _CHUNK):
        columns = (column[begin : begin + _CHUNK].tolist() for column in (captions, images))
        yield b"".join(sha256(b'["%d","%d"]' % pair).digest()[:8] for pair in zip(*columns, strict=True))


def _groups(stories: NDArray[np.int64]) -> NDArray[np.uint64]:
    """`content_id` of the smallest article of each group, as a number."""
    import numpy as np

    smallest, places = np.unique(stories, return_inverse=True)
    names = b"".join(sha256(b'["%d"]' % story).digest()[:8] for story in smallest.tolist())
    return np.frombuffer(names, ">u8").astype(np.uint64)[places]


def _occurrences(captions: NDArray[np.int64], images: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal pairs stand before each pair."""
    import numpy as np

    order = np.lexsort((images, captions))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (np.diff(captions[order]) != 0) | (np.diff(images[order]) != 0)
    counted = np.arange(len(order))
    found = np.empty_like(counted)
    found[order] = counted - np.maximum.accumulate(np.where(fresh, counted, 0))
    return found


def _linked(captions: NDArray[np.int64], images: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest id of all that are linked by an entry, directly or by others, for each entry."""
    import numpy as np

    ids = distinct(np.concatenate([captions, images]))
    ends = np.searchsorted(ids, captions), np.searchsorted(ids, images)
    root = np.arange(len(ids))
    while True:
        one, other = (root[end] for end in ends)
        if (one == other).all():
            return ids[root[ends[0]]]
        # Each root with a smaller neighbour is hung below it, and then every article below its root.
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while (root != root[root]).any():
            root = root[root]
