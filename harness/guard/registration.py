"""Lay one thumbnail over another, and say how alike their details are there."""

from __future__ import annotations

from functools import cache

import numpy as np

from harness.guard.outlines import CROPS, Bytes, Candidates, Floats, candidates

COPY = 0.76
"""Correlation of the details of two images from which on they are copies; see `docs/explanation/data-guard.md`."""

# What is kept is between two widths of a blur, in pixels; then how often the place is mended. First at half the size.
_COARSE, _FINE = (1.5, 3.75, 4), (1.5, 7.5, 3)
_DETAIL = (0.8, 2.0)
_HOPE = 0.6
"""Coarse correlation below which the details are not looked at."""

# Grey levels out of 255: what has less detail than this is told from nothing.
_FLAT = 0.7
_FARTHEST, _STRIDE = 0.25, 0.06
_AT_ONCE = 256


def copies(ones: Bytes, others: Bytes) -> dict[int, tuple[int, float]]:
    """For each of ``others`` that is a copy of one of ``ones``: which, and how alike their details are.

    A copy is encoded anew, resized, stretched, cropped by a tenth of any side, lighter, darker or of another contrast.
    """
    pairs = candidates(ones, others)
    alike = likeness(ones, others, pairs)
    best: dict[int, tuple[int, float]] = {}
    for one, other, score in zip(pairs.one.tolist(), pairs.other.tolist(), alike.tolist(), strict=True):
        if score >= COPY and score > best.get(other, (0, 0.0))[1]:
            best[other] = (one, score)
    return best


def likeness(ones: Bytes, others: Bytes, pairs: Candidates) -> Floats:
    """Of each pair the correlation of details in [-1, 1], where the two lie best upon each other."""
    starts = np.array([_place(crop) for crop in CROPS], np.float32)
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(pairs), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        one, other = ones[pairs.one[rows]].astype(np.float32), others[pairs.other[rows]].astype(np.float32)
        turned = pairs.turned[rows][:, None, None]
        found.append(_laid(np.where(turned, other, one), np.where(turned, one, other), starts[pairs.crop[rows]]))
    return np.concatenate(found)


def _place(crop: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Shift and stretch of each axis, down first, in sides, about the middle."""
    left, top, right, bottom = crop
    return (top - bottom) / 2, -(top + bottom), (left - right) / 2, -(left + right)


def _laid(large: Floats, small: Floats, place: Floats) -> Floats:
    """Gauss–Newton on shift, stretch and contrast (Lucas and Kanade 1981), from where the outlines agree best."""
    place, alike = _mended(_halved(large), _halved(small), place, _COARSE)
    found = np.zeros(len(place), np.float32)
    hopeful = np.flatnonzero(alike >= _HOPE)
    large, small = large[hopeful], small[hopeful]
    place, _ = _mended(large, small, place[hopeful], _FINE)
    one, other = _between(large, *_DETAIL), _between(small, *_DETAIL)
    shown, inside = _moved(one, place)
    flat = np.minimum(one.std((1, 2)), other.std((1, 2))) < _FLAT
    found[hopeful] = np.where(flat, 0, _correlation(shown, other, inside))
    return found


def _halved(pictures: Floats) -> Floats:
    half = pictures.shape[1] // 2
    found: Floats = pictures.reshape(-1, half, 2, half, 2).mean((2, 4))
    return found


def _mended(large: Floats, small: Floats, place: Floats, how: tuple[float, float, int]) -> tuple[Floats, Floats]:
    """The place after so many steps on what is between two widths, and how alike the two are there."""
    narrow, wide, times = how
    one, other = _between(large, narrow, wide), _between(small, narrow, wide)
    for _ in range(times):
        place = np.clip(place + _step(one, other, place), -_FARTHEST, _FARTHEST).astype(np.float32)
    return place, _correlation(*_seen(one, other, place))


def _seen(one: Floats, other: Floats, place: Floats) -> tuple[Floats, Floats, Floats]:
    shown, inside = _moved(one, place)
    return shown, other, inside


def _step(one: Floats, other: Floats, place: Floats) -> Floats:
    """(P, 4): by how much to mend the place."""
    shown, inside = _moved(one, place)
    side = one.shape[1]
    down = np.gradient(shown, axis=1) * (side / (1 + place[:, 1]))[:, None, None]
    right = np.gradient(shown, axis=2) * (side / (1 + place[:, 3]))[:, None, None]
    axis = _axis(side)
    rows, columns = axis[None, :, None], axis[None, None, :]
    parts = (down, down * rows, right, right * columns, -other, -np.ones_like(other))
    slopes = np.stack([(part * inside).reshape(len(place), -1) for part in parts], 1)
    normal = slopes @ slopes.transpose(0, 2, 1)
    # Where a picture has no structure along an axis, nothing moves along it.
    normal += np.eye(6, dtype=np.float32) * (1e-4 * np.trace(normal, axis1=1, axis2=2) / 6 + 1e-3)[:, None, None]
    wanted = slopes @ -(shown * inside).reshape(len(place), -1, 1)
    mended: Floats = np.linalg.solve(normal, wanted)[:, :4, 0]
    return np.clip(mended, -_STRIDE, _STRIDE)


def _moved(pictures: Floats, place: Floats) -> tuple[Floats, Floats]:
    """The pictures as they are seen from the place, and where there is something of them."""
    tall, high = _samples(place[:, 0], place[:, 1], pictures.shape[1])
    wide, broad = _samples(place[:, 2], place[:, 3], pictures.shape[2])
    return tall @ pictures @ wide.transpose(0, 2, 1), high[:, :, None] * broad[:, None, :]


def _samples(shift: Floats, stretch: Floats, side: int) -> tuple[Floats, Floats]:
    places = (shift[:, None] + (1 + stretch[:, None]) * _axis(side)[None, :] + 0.5) * side - 0.5
    inside = ((places >= -0.5) & (places <= side - 0.5)).astype(np.float32)
    places = np.clip(places, 0, side - 1)
    left = np.minimum(places.astype(np.int64), side - 2)
    share = (places - left).astype(np.float32)
    found = np.zeros((len(shift), side, side), np.float32)
    row, line = np.ogrid[: len(shift), :side]
    found[row, line, left], found[row, line, left + 1] = 1 - share, share
    return found, inside


@cache
def _axis(side: int) -> Floats:
    """Middles of pixels in sides, about the middle."""
    return ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)


def _correlation(one: Floats, other: Floats, inside: Floats) -> Floats:
    size = np.maximum(inside.sum((1, 2)), 1)

    def centred(picture: Floats) -> Floats:
        mean = (picture * inside).sum((1, 2)) / size
        found: Floats = (picture - mean[:, None, None]) * inside
        return found

    first, second = centred(one), centred(other)
    spread = np.sqrt((first * first).sum((1, 2)) * (second * second).sum((1, 2)))
    found: Floats = (first * second).sum((1, 2)) / np.maximum(spread, 1e-6)
    return found


def _between(pictures: Floats, narrow: float, wide: float) -> Floats:
    """Details between two widths of a blur."""
    return _blurred(pictures, narrow) - _blurred(pictures, wide)


def _blurred(pictures: Floats, sigma: float) -> Floats:
    bell = _bell(sigma, pictures.shape[1])
    found: Floats = bell @ pictures @ bell.T
    return found


@cache
def _bell(sigma: float, side: int) -> Floats:
    apart = np.arange(side)[:, None] - np.arange(side)[None, :]
    weights = np.exp(-(apart**2) / (2 * sigma**2))
    found: Floats = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return found
