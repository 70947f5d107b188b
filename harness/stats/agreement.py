"""How far raters agree beyond chance, where not every rater rated every item.

``ratings`` is (R, N) for R raters and N items: categories as whole numbers from 0, and -1 where there is no rating.
"""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np

from harness.stats.arrays import Floats, Ints
from harness.stats.crossed import Estimate
from harness.stats.proportions import wilson
from harness.stats.resampling import resampled, weights


def krippendorff(ratings: Ints, groups: Ints | None = None) -> Estimate:
    """Krippendorff's α for categories without an order, with an interval by drawing ``groups`` (N,) again.

    1 is perfect agreement and 0 that of chance; below 0 raters differ more than by chance. An item counts by its
    ratings, of which it needs two. NaN where no item has two or every rating is the same (Krippendorff 2011,
    "Computing Krippendorff's Alpha-Reliability", section C).
    """
    counts = _counts(ratings)
    rated = counts.sum(axis=1) > 1
    counts = counts[rated]
    parts = np.column_stack([_matching(counts), counts])
    value = np.atleast_1d(_alpha(parts.sum(axis=0)))
    if not len(counts):
        return Estimate(nan, nan, nan, nan)
    _, own = np.unique(np.arange(len(rated))[rated] if groups is None else groups[rated], return_inverse=True)
    total = int(own.max()) + 1
    sums = np.zeros((total, parts.shape[1]))
    np.add.at(sums, own, parts)
    found = resampled(value, _alpha(weights(own).T.astype(float) @ sums)[None], total)
    if found.mean == 1:
        # Nothing varies: as far as a share of 1 among so many may be from the true one, in units of what chance does.
        n, possible = _possible(counts.sum(axis=0))
        found = replace(found, low=1 - (1 - wilson(1.0, total)[0]) * float(n * (n - 1) / possible))
    return replace(found, high=min(found.high, 1.0))


def _counts(ratings: Ints) -> Floats:
    """How many raters gave each item each category (N, C)."""
    categories = np.arange(int(ratings.max(initial=0)) + 1)
    return np.asarray((ratings[:, :, None] == categories).sum(axis=0), dtype=float)


def _matching(counts: Floats) -> Floats:
    """The diagonal of each item's coincidences: pairs that match, weighed so that a rating counts once."""
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (counts.sum(axis=1) - 1))


def _alpha(sums: Floats) -> Floats:
    """α of sums over items (…, 1 + C): the matching pairs, then how often each category was given."""
    n, possible = _possible(sums[..., 1:])
    differing = (n - 1) * (n - sums[..., 0])
    return np.asarray(1 - np.divide(differing, possible, out=np.full(np.shape(n), nan), where=possible > 0))


def _possible(categories: Floats) -> tuple[Floats, Floats]:
    """Of how often each category was given (…, C): all ratings, and ordered pairs of them that differ."""
    n = categories.sum(axis=-1)
    return n, n * (n - 1) - (categories * (categories - 1)).sum(axis=-1)


def cohen(one: Ints, other: Ints) -> float:
    """Cohen's κ of two raters (N,) over the items that both rated; NaN where both gave one category (Cohen 1960)."""
    both = (one >= 0) & (other >= 0)
    one, other = one[both], other[both]
    if not one.size:
        return nan
    categories = np.arange(max(int(one.max()), int(other.max())) + 1)
    by_chance = sum(float((one == side).mean() * (other == side).mean()) for side in categories)
    return (float((one == other).mean()) - by_chance) / (1 - by_chance) if by_chance < 1 else nan
