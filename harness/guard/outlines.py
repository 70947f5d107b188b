"""Images that may be one another's copies: thumbnails, their low frequencies, and the pairs that are worth a look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]

SIDE = 48
"""Pixels of a thumbnail's side; it is square whatever the picture is."""

_ORDERS = 10
_CUT = 1 / 15

# Left, top, right and bottom: between no crop and 10 % of every side none is far from one of these.
CROPS = (
    (0.0, 0.0, 0.0, 0.0),
    *((_CUT, 0.0, 0.0, 0.0), (0.0, _CUT, 0.0, 0.0), (0.0, 0.0, _CUT, 0.0), (0.0, 0.0, 0.0, _CUT)),
    *((_CUT, _CUT, 0.0, 0.0), (0.0, _CUT, _CUT, 0.0), (_CUT, 0.0, 0.0, _CUT), (0.0, 0.0, _CUT, _CUT)),
    (_CUT, _CUT, _CUT, _CUT),
)

ALIKE = 0.8
"""Correlation of low frequencies from which on a pair is looked at."""

MOST_PARTNERS = 8
"""Pairs of one image that are looked at, the likeliest first."""

_ROWS = 2048


def thumbnail(picture: Picture) -> bytes:
    """Grey means over a grid of `SIDE` by `SIDE`, row by row."""
    from PIL import Image as Pillow

    return picture.convert("L").resize((SIDE, SIDE), Pillow.Resampling.BOX).tobytes()


def stacked(thumbnails: list[bytes]) -> Bytes:
    """(N, `SIDE`, `SIDE`)."""
    return np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, SIDE, SIDE)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs by their places; ``crop`` is which of `CROPS`, and ``turned`` whether it is of the second image."""

    one: Whole
    other: Whole
    crop: Whole
    turned: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.one)


def candidates(ones: Bytes, others: Bytes) -> Candidates:
    """Pairs in which one image, maybe cropped, has the other's low frequencies; in the order of ``others``.

    Time is N · M; memory is bounded by blocks.
    """
    whole = outlines(others, CROPS[0])
    cropped = [outlines(others, crop) for crop in CROPS]
    found: list[tuple[Whole, Whole, Whole, Floats]] = []
    for start in range(0, len(ones), _ROWS):
        block = ones[start : start + _ROWS]
        own = [outlines(block, crop) for crop in CROPS]
        for at in range(0, len(others), _ROWS):
            rows = slice(at, at + _ROWS)
            # The crop of either may be what the other is.
            pairs = [(piece, whole[rows]) for piece in own] + [(own[0], piece[rows]) for piece in cropped[1:]]
            for one, other, which, score in _likely(pairs):
                found.append((one + start, other + at, which, score))
    return _chosen(found)


def outlines(thumbnails: Bytes, crop: tuple[float, float, float, float]) -> Floats:
    """(N, D): the lowest frequencies without the mean, of length 1, the higher ones raised to count as much."""
    left, top, right, bottom = crop
    tall, wide = _waves(top, bottom), _waves(left, right)
    orders = np.arange(_ORDERS)
    kept = (orders[:, None] + orders[None, :] > 0) & (orders[:, None] + orders[None, :] < _ORDERS)
    raised = np.hypot(orders[:, None], orders[None, :])[kept].astype(np.float32)
    found = (tall @ thumbnails.astype(np.float32) @ wide.T)[:, kept] * raised
    long: Floats = np.linalg.norm(found, axis=1, keepdims=True)
    # What has no structure is like nothing.
    return np.where(long > SIDE, found / np.maximum(long, 1), 0).astype(np.float32)


@cache
def _waves(before: float, after: float) -> Floats:
    """(`_ORDERS`, `SIDE`): cosines over the part of a side that a crop leaves."""
    places = (before + (1 - before - after) * (np.arange(SIDE) + 0.5) / SIDE) * SIDE - 0.5
    left = np.clip(np.floor(places).astype(np.int64), 0, SIDE - 2)
    share = np.clip(places - left, 0, 1)
    sample = np.zeros((SIDE, SIDE))
    sample[np.arange(SIDE), left], sample[np.arange(SIDE), left + 1] = 1 - share, share
    cosines = np.cos(np.pi * np.arange(_ORDERS)[:, None] * (np.arange(SIDE) + 0.5)[None, :] / SIDE)
    return (cosines @ sample).astype(np.float32)


def _likely(pairs: list[tuple[Floats, Floats]]) -> Iterator[tuple[Whole, Whole, Whole, Floats]]:
    """Places in the block, which of the pairs of outlines it was, and the correlation."""
    best = pairs[0][1] @ pairs[0][0].T
    which = np.zeros(best.shape, np.uint8)
    for place, (piece, whole) in enumerate(pairs[1:], 1):
        score = whole @ piece.T
        better = score > best
        np.copyto(best, score, where=better)
        np.copyto(which, np.uint8(place), where=better)
    if best.shape[1] > MOST_PARTNERS:
        least = np.partition(best, -MOST_PARTNERS, axis=1)[:, -MOST_PARTNERS, None] if (best > ALIKE).any() else ALIKE
        other, one = np.nonzero(best >= np.maximum(least, ALIKE))
    else:
        other, one = np.nonzero(best >= ALIKE)
    if len(one):
        yield one, other, which[other, one].astype(np.int64), best[other, one]


def _chosen(found: list[tuple[Whole, Whole, Whole, Floats]]) -> Candidates:
    """Of each image of the second set the likeliest pairs."""
    if not found:
        nothing = np.zeros(0, np.int64)
        return Candidates(nothing, nothing, nothing, nothing.astype(bool))
    one, other, which, score = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((one, -score, other))
    one, other, which = one[order], other[order], which[order]
    starts = np.flatnonzero(np.r_[True, other[1:] != other[:-1]])
    rank = np.arange(len(other)) - np.repeat(starts, np.diff(np.r_[starts, len(other)]))
    kept = rank < MOST_PARTNERS
    turned = which >= len(CROPS)
    crop = np.where(turned, which - len(CROPS) + 1, which)
    return Candidates(one[kept], other[kept], crop[kept], turned[kept])
