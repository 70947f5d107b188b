"""What a sample says of the sum over what is still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np


@dataclass(frozen=True, slots=True)
class Total:
    """A sum that is expected, and the ends of its 95 % interval; NaN ends where one value was seen."""

    mean: float
    low: float
    high: float


def total(seen: Sequence[float], more: int) -> Total:
    """Of ``more`` values like the ones that were ``seen``, none of them negative.

    Student's prediction interval of a sum: n values tell the mean with variance s²/n, and the sum of m further ones
    strays by m s² besides.
    """
    from scipy.special import stdtrit

    values = np.asarray(seen, dtype=float)
    n, mean = len(values), float(values.mean())
    if n < 2:
        return Total(mean * more, nan, nan)
    reach = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) * sqrt(more**2 / n + more)
    return Total(mean * more, max(mean * more - reach, 0.0), mean * more + reach)
