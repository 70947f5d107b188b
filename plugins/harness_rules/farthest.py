"""Points one after another, each the farthest from those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRESH = 2_048
"""Points that are compared with each new one; of the others it is known that their distance can only fall."""

AT_ONCE = 256
"""New points with which all others are compared in one product."""

GRID = 1e-5
"""Squared distances that differ by less are equal: what is left of a difference is rounding of single precision."""

FARTHEST = 4.0
"""The square of the largest distance of two points of length 1, which is that to no point at all."""


def farthest_first(
    points: NDArray[np.float32], weights: NDArray[np.float32], picks: int, start: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The order of all points (N, D) of length 1, and in that order the value by which each was taken, in [0, 2].

    A point's value is its weight times its distance to the nearest one before it; next is the point of the largest
    value, of equal ones the first. The first of all is ``start``, or the one of the largest weight. After ``picks``
    points the rest follow by the values they then have. Exact, in O(N · picks · D).
    """
    walk = _Walk(points, weights)
    if start is not None and len(points):
        walk.take(start, 2.0 * float(weights[start]))
    while len(walk.order) < min(picks, len(points)):
        walk.refresh()
        walk.go_on(picks)
    walk.refresh()
    values = walk.values()
    rest = np.argsort(-values, kind="stable")[: len(points) - len(walk.order)]
    order = np.concatenate([np.array(walk.order, dtype=np.int64), rest])
    return order, np.concatenate([np.array(walk.reached, dtype=np.float32), values[rest].astype(np.float32)])


class _Walk:
    """The points taken so far, and how near to them the others are."""

    def __init__(self, points: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        self.points = points
        self.weights = weights
        self.order: list[int] = []
        self.reached: list[float] = []
        self._squares = np.full(len(points), FARTHEST, dtype=np.float32)
        self._free = np.ones(len(points), dtype=bool)
        self._compared = 0

    def take(self, place: int, value: float) -> None:
        self.order.append(place)
        self.reached.append(value)
        self._free[place] = False

    def values(self) -> NDArray[np.float32]:
        """As far as is known from above; −1 of what is taken."""
        return np.where(self._free, self.weights * np.sqrt(self._squares), np.float32(-1.0))

    def refresh(self) -> None:
        """Compare all points with those that were taken since the last time."""
        for start in range(self._compared, len(self.order), AT_ONCE):
            new = self.points[self.order[start : start + AT_ONCE]]
            np.minimum(self._squares, _squares((self.points @ new.T).max(axis=1)), out=self._squares)
        self._compared = len(self.order)

    def go_on(self, picks: int) -> None:
        """Take points from among the farthest for as long as none of the others can be farther."""
        values = self.values()
        ahead = np.argsort(-values, kind="stable")
        fresh, others = np.sort(ahead[:FRESH]), ahead[FRESH:]
        bound = (-float(values[others[0]]), int(others[0])) if len(others) else (np.inf, 0)
        points, weights = self.points[fresh], self.weights[fresh]
        squares, free = self._squares[fresh], self._free[fresh]
        while len(self.order) < picks and free.any():
            near = np.where(free, weights * np.sqrt(squares), np.float32(-1.0))
            best = int(np.argmax(near))
            if (-float(near[best]), int(fresh[best])) > bound:
                break
            self.take(int(fresh[best]), float(near[best]))
            free[best] = False
            np.minimum(squares, _squares(points @ points[best]), out=squares)


def _squares(products: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances of points of length 1 by their scalar products."""
    return (np.round(np.clip(2 - 2 * products, 0, FARTHEST) / GRID) * GRID).astype(np.float32)
