"""Metrics of one run, and intervals and verdicts over seeds × item groups: the only place where a ± is computed.

Method and evidence: docs/explanation/statistics.md. Arrays are ``correct`` (S, N) for S seeds and N items, 1.0 or 0.0,
and ``groups`` (N,) with the group of each item as a whole number from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ECE_BINS = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; ``df`` are the Satterthwaite degrees of freedom, ``error`` the standard error."""

    mean: float
    low: float
    high: float
    error: float
    df: float

    @property
    def p(self) -> float:
        """Two-sided p-value of the mean being 0."""
        from scipy.special import stdtr

        if self.error == 0:
            return 1.0 if self.mean == 0 else 0.0
        return float(2 * stdtr(self.df, -abs(self.mean) / self.error))

    @property
    def detectable(self) -> float:
        """The smallest true mean that is found at 5 % with a power of 80 %; NaN where nothing varies."""
        from scipy.special import stdtrit

        if self.error == 0:
            return nan
        return float((stdtrit(self.df, 0.975) + stdtrit(self.df, 0.8)) * self.error)


def crossed(values: Floats, groups: Ints) -> Estimate:
    """Mean of ``values`` (S, N) with a variance crossed over seeds and groups.

    V = max(V_seeds + V_groups - V_residual, V_seeds, V_groups) with Satterthwaite degrees of freedom
    (two-way clustering: Cameron, Gelbach, Miller 2011; the max: MacKinnon, Nielsen, Webb, arXiv 2406.08880).
    With one seed there is no variance over seeds, and the interval speaks of this run only.
    """
    from scipy.special import stdtrit

    seeds, items = values.shape
    mean = float(values.mean())
    count = int(groups.max()) + 1 if items else 0
    if count < 2:
        return Estimate(mean, nan, nan, nan, nan)
    # Linearised group sums, so that groups of unequal size weigh as their items do: (S, G).
    sums = np.stack([np.bincount(groups, weights=row, minlength=count) for row in values - mean])
    table = mean + sums * (count / items)
    of_groups = float(table.mean(axis=0).var(ddof=1)) / count
    of_seeds = residual = 0.0
    if seeds > 1:
        of_seeds = float(table.mean(axis=1).var(ddof=1)) / seeds
        rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
        residual = float((rest**2).sum()) / ((seeds - 1) * (count - 1)) / (seeds * count)
    variance = max(of_seeds + of_groups - residual, of_seeds, of_groups)
    if variance <= 0:
        return Estimate(mean, mean, mean, 0.0, float(count - 1))
    shares = of_groups**2 / (count - 1) + (of_seeds**2 / (seeds - 1) if seeds > 1 else 0.0)
    df = variance**2 / shares if shares > 0 else float(count - 1)
    reach = float(stdtrit(df, 0.975)) * sqrt(variance)
    return Estimate(mean, mean - reach, mean + reach, sqrt(variance), df)


def share(values: Floats, groups: Ints) -> Estimate:
    """`crossed` for a share: inside [0, 1], and by Wilson's interval where there is one run.

    Wilson's n is the number of independent items that would have the variance that the groups show.
    """
    found = crossed(values, groups)
    if values.shape[0] > 1 and found.error > 0:
        return Estimate(found.mean, max(found.low, 0.0), min(found.high, 1.0), found.error, found.df)
    independent = float(groups.max()) + 1 if groups.size else 0.0
    if found.error > 0 and 0 < found.mean < 1:
        independent = found.mean * (1 - found.mean) / found.error**2
    low, high = wilson(found.mean, independent)
    return Estimate(found.mean, low, high, found.error, found.df)


def wilson(proportion: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion among ``n`` independent trials."""
    if n <= 0 or np.isnan(proportion):
        return nan, nan
    z = 1.959963984540054
    centre = (proportion + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given; NaN stays NaN and counts for nothing."""
    order = sorted((value, index) for index, value in enumerate(p) if not np.isnan(value))
    adjusted = [nan] * len(p)
    largest = 0.0
    for place, (value, index) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * value))
        adjusted[index] = largest
    return adjusted


def metrics(falsified: Ints, answered: Ints, p: Floats) -> Mapping[str, float]:
    """Metrics of one run.

    ``falsified`` (N,) is the truth, 1 or 0. ``answered`` (N,) is the verdict, 1 or 0, or -1 where there is none,
    which counts as wrong. ``p`` (N,) is the probability of falsified, NaN where there is none; AUROC, Brier score
    and ECE are over the items that have one.
    """
    correct = answered == falsified
    rated = ~np.isnan(p)
    parsed = answered >= 0
    return {
        "accuracy": _mean(correct),
        "accuracy_falsified": _mean(correct[falsified == 1]),
        "accuracy_pristine": _mean(correct[falsified == 0]),
        "macro_f1": (_f1(falsified, answered, 1) + _f1(falsified, answered, 0)) / 2,
        "auroc": auroc(falsified[rated], p[rated]),
        "brier": _mean((p[rated] - falsified[rated]) ** 2),
        "ece": ece(falsified[rated], p[rated]),
        "accuracy_parsed": _mean(correct[parsed]),
        "share_falsified": _mean(answered[parsed] == 1),
    }


def _mean(values: NDArray[np.bool_] | Floats) -> float:
    return float(values.mean()) if values.size else nan


def _f1(truth: Ints, answered: Ints, side: int) -> float:
    hits = int(((answered == side) & (truth == side)).sum())
    total = int((answered == side).sum() + (truth == side).sum())
    return 2 * hits / total if total else 0.0


def auroc(falsified: Ints, p: Floats) -> float:
    """Probability that a falsified item has a higher p than a pristine one, ties counting half (Mann-Whitney)."""
    positive, negative = int((falsified == 1).sum()), int((falsified == 0).sum())
    if not positive or not negative:
        return nan
    _, where, counts = np.unique(p, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[where]
    return float((ranks[falsified == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def ece(falsified: Ints, p: Floats) -> float:
    """Expected calibration error of P(falsified) over ten bins of equal width (Guo et al. 2017)."""
    if not p.size:
        return nan
    bins = np.minimum((p * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(float((p[bins == b] - falsified[bins == b]).sum())) for b in range(ECE_BINS)]
    return sum(gaps) / p.size
