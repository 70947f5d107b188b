"""Macro-F1, Brier score and calibration error in every resample, from sums within groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.stats.arrays import Floats, Ints, Weights
from harness.stats.metrics import ECE_BINS, bins_of

TALLIED = ("macro_f1", "brier", "ece", "recall", "false_alarms")


def tallied(falsified: Ints, answered: Ints, p: Floats, groups: Ints, weights: Weights) -> Mapping[str, Floats]:
    """Of one run, each (B,), for ``weights`` (G, B); ``recall`` and ``false_alarms`` are the verdict's."""
    count = len(weights)
    features = np.stack(
        [np.bincount(groups, weights=one, minlength=count) for one in _features(falsified, answered, p)]
    )
    sums = features.astype(np.float32) @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "macro_f1": (_f1(sums[0], sums[1] + sums[2]) + _f1(sums[3], sums[4] + sums[5])) / 2,
            "brier": sums[7] / sums[6],
            "ece": np.abs(sums[8:]).sum(axis=0) / sums[6],
            "recall": sums[0] / sums[2],
            "false_alarms": (sums[1] - sums[0]) / sums[5],
        }
    return {name: values.astype(np.float64) for name, values in found.items()}


def _features(falsified: Ints, answered: Ints, p: Floats) -> list[Floats]:
    """Of each item: hits, answers and truths of either side; whether rated, squared error, gap in its bin."""
    rated = ~np.isnan(p)
    gap = np.where(rated, p - falsified, 0.0)
    where = bins_of(np.where(rated, p, 0.0))
    found = []
    for side in (1, 0):
        found += [(answered == side) & (falsified == side), answered == side, falsified == side]
    return [
        *(values.astype(np.float64) for values in (*found, rated)),
        gap**2,
        *(np.where(where == one, gap, 0.0) for one in range(ECE_BINS)),
    ]


def _f1(hits: Weights, total: Weights) -> Weights:
    return np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
