"""Label curves: the area under one over log2 labels, and how many labels another strategy would need.

Between two points a curve is straight over the logarithm of labels, so the area and the height anywhere are linear in
the accuracies of its points, and have `crossed` estimates like any mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log2, nan

import numpy as np

from harness.stats.arrays import Flags, Floats
from harness.stats.crossed import Joint

STEPS = 64
"""Places between two points of a curve at which the interval of the equivalent labels is looked for."""


def area(labels: Sequence[float], low: float, high: float) -> Floats:
    """Weights (P,) of a curve's points in its mean height over log2 labels from ``low`` to ``high``.

    By trapezoids, normalised by the range; ``labels`` rise, and the range lies within them.
    """
    x = np.log2(labels)
    least, most = log2(low), log2(high)
    nodes = np.unique([least, *x[(x > least) & (x < most)], most])
    steps = np.diff(nodes)
    trapezoids = (np.append(steps, 0.0) + np.append(0.0, steps)) / 2
    weights: Floats = trapezoids @ _heights(x, nodes) / (most - least)
    return weights


def _heights(x: Floats, at: Floats) -> Floats:
    """Weights of the points in the height at each place, (places, P)."""
    return np.stack([np.interp(at, x, unit) for unit in np.eye(len(x))], axis=1)


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Labels at which a curve is as high as an arm, with a 95 % interval.

    0 says fewer than the curve's fewest labels, infinity says more than its most.
    """

    labels: float
    low: float
    high: float


def equivalent(panel: Joint, labels: Sequence[float]) -> Equivalent:
    """Where the curve of arms 1, 2, … of ``panel``, at rising ``labels``, is as high as arm 0.

    The curve is made monotone (isotonic) for the point. The interval holds all labels at which the arm and the curve
    do not differ at 5 %: inverting the default test (Fieller) covers as well as that test does, also with few seeds.
    """
    if panel.groups < 2:
        return Equivalent(nan, nan, nan)
    point = crossing(panel.means[1:], labels, float(panel.means[0]))
    x = np.log2(labels)
    steps = [np.linspace(left, right, STEPS, endpoint=False) for left, right in pairwise(x)]
    places = np.concatenate([*steps, x[-1:]])
    heights = _heights(x, places)
    combinations = np.column_stack([np.ones(len(places)), -heights])
    between = np.clip(2**places, labels[0], labels[-1])
    low, high = _span(~panel.differ(combinations), float(combinations[0] @ panel.means) > 0, between)
    return Equivalent(point, min(low, point), max(high, point))


def _span(alike: Flags, above: bool, labels: Floats) -> tuple[float, float]:
    """The ends of the labels at which no difference is seen; ``above`` says whether the arm is above the first."""
    if not alike.any():
        # The curve is straight between places, so the arm is above all of it or below all of it.
        return (float(labels[-1]), inf) if above else (0.0, float(labels[0]))
    places = np.flatnonzero(alike)
    low = 0.0 if places[0] == 0 else float(labels[places[0] - 1])
    high = inf if places[-1] == len(labels) - 1 else float(labels[places[-1] + 1])
    return low, high


def crossing(heights: Floats, labels: Sequence[float], height: float) -> float:
    """The fewest labels at which the curve, made monotone, is that high; 0 below it and infinity above it."""
    from scipy.optimize import isotonic_regression

    rising = isotonic_regression(heights).x
    if height > rising[-1]:
        return inf
    place = int(np.searchsorted(rising, height))
    if place == 0:
        return float(labels[0]) if height == rising[0] else 0.0
    part = (height - rising[place - 1]) / (rising[place] - rising[place - 1])
    return float(labels[place - 1] * (labels[place] / labels[place - 1]) ** part)
