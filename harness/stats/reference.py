"""The distribution to hold a difference against whose variance is the sum of two estimated ones (Behrens–Fisher).

A t with Satterthwaite's degrees of freedom is right at 5 % and too light in its far tail where few seeds have met a
small variance by luck: with three seeds, 2 % of null differences are beyond its 0.5 % point, so ten contrasts
adjusted by Holm went wrong 17 % of the time. Here each variance keeps its own t, sqrt(V₁) t₁ + sqrt(V₂) t₂, which is
calibrated in the tail too (docs/explanation/statistics.md).
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np

from harness.stats.arrays import Floats


@cache
def _nodes(df: int) -> tuple[Floats, Floats]:
    """Values of χ²/df and their weights: Gauss–Legendre over its quantiles, denser where it is small."""
    from scipy.special import chdtri

    # With many degrees of freedom χ²/df hardly varies, and few values are enough.
    place, weight = np.polynomial.legendre.leggauss(40 if df < 20 else 16)
    place, weight = (place + 1) / 2, weight / 2
    values: Floats = chdtri(df, 1 - place**3) / df
    return values, weight * 3 * place**2


@cache
def _grid(first_df: int, second_df: int) -> tuple[Floats, Floats, Floats]:
    """What the two variances are divided by, and the weight of each pair."""
    first, weight = _nodes(first_df)
    second, other = _nodes(second_df)
    return np.repeat(1 / first, len(second)), np.tile(1 / second, len(first)), np.outer(weight, other).ravel()


def tail(distance: Floats, first: Floats, second: Floats, first_df: int, second_df: int) -> Floats:
    """P(deviation > ``distance``) for variances ``first`` and ``second``, all (L,); not both variances are 0."""
    from scipy.special import ndtr

    one, two, weight = _grid(first_df, second_df)
    scale = np.sqrt(first[:, None] * one + second[:, None] * two)
    found: Floats = ndtr(-distance[:, None] / scale) @ weight
    return found


def reach(alpha: float, first: float, second: float, first_df: int, second_df: int) -> float:
    """The distance that is passed with a probability of ``alpha`` / 2 on either side."""
    from scipy.special import ndtr, ndtri

    one, two, weight = _grid(first_df, second_df)
    scale = np.sqrt(first * one + second * two)
    # The tail is convex, so Newton's steps from the normal distribution's point come from the left and stay there.
    distance = -float(ndtri(alpha / 2)) * sqrt(first + second)
    for _ in range(60):
        standard = distance / scale
        excess = float(ndtr(-standard) @ weight) - alpha / 2
        density = float(np.exp(-(standard**2) / 2) / scale @ weight) / sqrt(2 * np.pi)
        distance += excess / density
        if abs(excess) < 1e-10:
            break
    return distance
