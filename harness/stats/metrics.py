"""Metrics of one run.

``falsified`` (N,) is the truth, 1 or 0. ``answered`` (N,) is the verdict, 1 or 0, or -1 where there is none, which
counts as wrong. ``p`` (N,) is the probability of falsified, NaN where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan

import numpy as np
from numpy.typing import NDArray

from harness.stats.arrays import Floats, Ints

ECE_BINS = 10


def metrics(falsified: Ints, answered: Ints, p: Floats) -> Mapping[str, float]:
    """All of them; AUROC, Brier score and ECE are over the items that have a probability."""
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


def bins_of(p: Floats) -> Ints:
    """Which of ten bins of equal width each probability is in."""
    return np.minimum((p * ECE_BINS).astype(np.int64), np.int64(ECE_BINS - 1))


def ece(falsified: Ints, p: Floats) -> float:
    """Expected calibration error of P(falsified) over ten bins of equal width (Guo et al. 2017)."""
    if not p.size:
        return nan
    gaps = np.bincount(bins_of(p), weights=p - falsified, minlength=ECE_BINS)
    return float(np.abs(gaps).sum()) / p.size
