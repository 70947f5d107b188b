"""Entries of NewsCLIPpings as items: ids that tell nothing, groups, an order that tells nothing, and a drawn part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from harness.api import SPLITS, Split, digest
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_annotations import Annotations, annotations_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Grouping = Literal["image-and-story", "story"]

Files = tuple[tuple[Split, Stamp], ...]
"""The annotation files that are there."""


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a split that are asked for, in the order of their items."""

    annotations: Annotations
    places: NDArray[np.int64]
    """Where they stand in the file."""
    ids: NDArray[np.bytes_]
    groups: NDArray[np.bytes_]
    repeated: int
    """How many of them have image and caption of another one."""

    @property
    def caption_ids(self) -> NDArray[np.int64]:
        """VisualNews ids of their captions."""
        return self.annotations.caption_ids[self.places]

    @property
    def image_ids(self) -> NDArray[np.int64]:
        """VisualNews ids of their images."""
        return self.annotations.image_ids[self.places]

    @property
    def falsified(self) -> NDArray[np.bool_]:
        """Their labels."""
        return self.annotations.falsified[self.places]


@lru_cache(maxsize=4)
def entries_of(
    files: Files, limits: tuple[tuple[Split, int], ...], seed: int, grouping: Grouping
) -> Mapping[Split, Entries]:
    """Entries of every split; raises `DataError`."""
    found = {split: annotations_of(file) for split, file in files}
    ids = _ids(found)
    return {
        split: _entries(annotations, ids[split], dict(limits).get(split), seed, grouping)
        for split, annotations in found.items()
    }


def _entries(
    annotations: Annotations, ids: NDArray[np.bytes_], limit: int | None, seed: int, grouping: Grouping
) -> Entries:
    import numpy as np

    places = np.arange(len(annotations)) if limit is None else _drawn(annotations, limit, seed)
    # The published order tells labels by the parity of an entry's place; that of digests tells nothing.
    places = places[np.argsort(ids[places], kind="stable")]
    captions, images = annotations.caption_ids[places], annotations.image_ids[places]
    stories = captions if grouping == "story" else _linked(captions, images)
    pairs = np.unique(np.stack([captions, images]), axis=1)
    return Entries(annotations, places, ids[places], _named(stories), len(places) - pairs.shape[1])


def _drawn(annotations: Annotations, limit: int, seed: int) -> NDArray[np.int64]:
    """Places of at most so many entries, all those of a caption or none; no other limit puts one in another order."""
    import numpy as np

    stories, story, sizes = np.unique(annotations.caption_ids, return_inverse=True, return_counts=True)
    order = np.asarray(sorted(range(len(stories)), key=lambda place: digest([seed, int(stories[place])])))
    fitting = order[np.cumsum(sizes[order]) <= limit]
    return np.flatnonzero(np.isin(story, fitting))


def _ids(found: Mapping[Split, Annotations]) -> dict[Split, NDArray[np.bytes_]]:
    """`content_id` of the columns id and image_id, and of how often the pair has occurred before, where it has.

    Splits count as one file that begins with test, so that nothing but test's own file says what its ids are.
    """
    import numpy as np

    order = [split for split in reversed(SPLITS) if split in found]
    pairs = np.concatenate([np.stack([found[split].caption_ids, found[split].image_ids], axis=1) for split in order])
    before = _occurrences(pairs)
    names = np.fromiter(
        (_content_id(one, other, again) for (one, other), again in zip(pairs.tolist(), before.tolist(), strict=True)),
        "S16",
        len(pairs),
    )
    ends = np.cumsum([len(found[split]) for split in order])[:-1]
    return dict(zip(order, np.split(names, ends), strict=True))


def _content_id(caption_id: int, image_id: int, again: int) -> bytes:
    """The text of a JSON list of texts is written here by hand, since there may be half a million."""
    text = f'["{caption_id}","{image_id}","{again}"]' if again else f'["{caption_id}","{image_id}"]'
    return sha256(text.encode()).hexdigest()[:16].encode()


def _occurrences(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal rows stand before each row."""
    import numpy as np

    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    fresh = np.ones(len(pairs), np.bool_)
    fresh[1:] = (pairs[order][1:] != pairs[order][:-1]).any(axis=1)
    counted = np.arange(len(pairs))
    found = np.empty(len(pairs), np.int64)
    found[order] = counted - np.maximum.accumulate(np.where(fresh, counted, 0))
    return found


def _linked(captions: NDArray[np.int64], images: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest id of all that are linked by an entry, directly or by others, for each entry."""
    import numpy as np

    ids, places = np.unique(np.concatenate([captions, images]), return_inverse=True)
    parent = list(range(len(ids)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    ends = places.reshape(2, -1)
    for one, other in ends[:, ends[0] != ends[1]].T.tolist():
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return ids[[root(place) for place in ends[0].tolist()]]


def _named(stories: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Names of groups that tell nothing."""
    import numpy as np

    unique, places = np.unique(stories, return_inverse=True)
    names: Sequence[bytes] = [sha256(f'["{story}"]'.encode()).hexdigest()[:16].encode() for story in unique.tolist()]
    return np.asarray(names, "S16")[places]
