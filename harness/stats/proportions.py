"""Shares and their intervals, inside [0, 1] and honest at its ends."""

from __future__ import annotations

from dataclasses import replace
from math import nan, sqrt

import numpy as np

from harness.stats.arrays import Floats, Ints
from harness.stats.crossed import Estimate, crossed


def share(values: Floats, groups: Ints) -> Estimate:
    """`crossed` for a share: inside [0, 1], and by Wilson's interval where there is one run.

    Wilson's n is the number of independent items that would have the variance that the groups show.
    """
    found = crossed(values, groups)
    if values.shape[0] > 1 and found.error > 0:
        return within(found, 0.0, 1.0)
    independent = float(groups.max()) + 1 if groups.size else 0.0
    if found.error > 0 and 0 < found.mean < 1:
        independent = found.mean * (1 - found.mean) / found.error**2
    low, high = wilson(found.mean, independent)
    return replace(found, low=low, high=high)


def within(found: Estimate, least: float, most: float) -> Estimate:
    """The estimate with the ends of its interval moved into the range that its quantity has."""
    return replace(found, low=max(found.low, least), high=min(found.high, most))


def wilson(proportion: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion among ``n`` independent trials."""
    if n <= 0 or np.isnan(proportion):
        return nan, nan
    z = 1.959963984540054
    centre = (proportion + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(centre - reach, 0.0), min(centre + reach, 1.0)
