"""How much of the way from a floor to a bound an arm has gone."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan

import numpy as np

from harness.stats.arrays import Flags, Floats
from harness.stats.crossed import Joint

REACH, STEP = 3.0, 0.002
"""Shares from -REACH to REACH are tried, so far apart; beyond them the interval has no end."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A share, 0 at the floor and 1 at the bound, with its 95 % interval; NaN where the two surely do not differ."""

    share: float
    low: float
    high: float


def recovered(panel: Joint) -> Recovered:
    """Of arm 0 of ``panel``, between arm 1, the floor, and arm 2, the bound: (a0 - a1) / (a2 - a1).

    The interval holds every share r at which a0 - a1 - r (a2 - a1) is not seen to differ from 0 at 5 %: the default
    test, over seeds and groups, inverted (Fieller 1954). It gets long, and loses its ends, as the gap nears 0; where
    the bound is not seen to lie above the floor, there is no gap of which anything could be a share.
    """
    gap = panel.of(np.array([0.0, -1.0, 1.0]))
    if panel.groups < 2 or not gap.mean > 0 or not gap.p < 0.05:
        return Recovered(nan, nan, nan)
    shares = np.arange(-REACH, REACH + STEP / 2, STEP)
    combinations = np.column_stack([np.ones_like(shares), shares - 1.0, -shares])
    point = float(panel.means[0] - panel.means[1]) / gap.mean
    return Recovered(point, *_ends(shares, ~panel.differ(combinations), point))


def _ends(shares: Floats, alike: Flags, point: float) -> tuple[float, float]:
    """The ends of the shares that are not ruled out; without end where they go on beyond what was tried."""
    places = np.flatnonzero(alike)
    if not len(places):
        return point, point
    low = -inf if places[0] == 0 else min(float(shares[places[0]]), point)
    high = inf if places[-1] == len(shares) - 1 else max(float(shares[places[-1]]), point)
    return low, high
