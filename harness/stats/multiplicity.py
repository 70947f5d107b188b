"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given; NaN stays NaN and counts for nothing."""
    order = sorted((value, index) for index, value in enumerate(p) if not np.isnan(value))
    adjusted = [nan] * len(p)
    largest = 0.0
    for place, (value, index) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * value))
        adjusted[index] = largest
    return adjusted
