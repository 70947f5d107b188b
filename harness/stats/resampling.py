"""Crossed bootstrap for quantities that are no means of items: groups are drawn again, seeds beside them.

After Owen's pigeonhole bootstrap (2007), seeds and groups vary independently. Percentile intervals over five or fewer
seeds are far too short, so the resamples give variances, and the interval is that of `harness.stats.crossed`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.stats.arrays import Floats, Ints, Weights
from harness.stats.crossed import Components, Estimate, estimate
from harness.stats.proportions import wilson, within

SEED = 20250522
FEWEST, MOST = 200, 500


def draws_for(items: int) -> int:
    """Resamples, fewer for many items so that memory and time stay bounded; 200 give a standard error to 5 %."""
    return int(np.clip(300_000 // max(items, 1), FEWEST, MOST))


def weights(groups: Ints, draws: int = 0, seed: int = SEED) -> Weights:
    """How often each group stands in each resample (G, B); whole groups are drawn, with replacement.

    All arms that are tested on the same items share one table of weights, so that their intervals can be compared.
    """
    count = int(groups.max(initial=-1)) + 1
    if not count:
        return np.zeros((0, 0), np.float32)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=draws or draws_for(len(groups)))
    return np.ascontiguousarray(drawn.T, dtype=np.float32)


def resampled(values: Floats, resamples: Floats, groups: int) -> Estimate:
    """Mean over seeds of ``values`` (S,) with the interval that ``resamples`` (S, B) of them give.

    A resample in which the quantity is not defined counts for nothing; a seed without a value leaves the others.
    """
    known = ~np.isnan(values)
    values, resamples = values[known], resamples[known]
    seeds = len(values)
    resamples = resamples[:, ~np.isnan(resamples).any(axis=0)]
    if not seeds or resamples.shape[1] < FEWEST // 2:
        return Estimate(float(values.mean()) if seeds else np.nan, np.nan, np.nan, np.nan)
    return estimate(float(values.mean()), _components(values, resamples, seeds, groups))


def _components(values: Floats, resamples: Floats, seeds: int, groups: int) -> Components:
    by_draw = resamples.mean(axis=0)
    # A resample of G groups varies by (G - 1) / G of the variance of G new ones.
    unbiased = groups / max(groups - 1, 1)
    of_groups = float(by_draw.var(ddof=1)) * unbiased
    if seeds == 1:
        return Components(0.0, of_groups, 0.0, 1, groups)
    of_seeds = float(values.var(ddof=1)) / seeds
    rest = resamples - by_draw - resamples.mean(axis=1, keepdims=True) + resamples.mean()
    draws = resamples.shape[1]
    residual = float((rest**2).sum()) / ((seeds - 1) * (draws - 1)) / seeds * unbiased
    return Components(of_seeds, of_groups, residual, seeds, groups)


def bounded(found: Estimate, groups: int) -> Estimate:
    """An estimate of a quantity in [0, 1], with Wilson's interval where nothing varies and it is at an end."""
    if found.error == 0 and found.mean in (0.0, 1.0):
        low, high = wilson(found.mean, groups)
        return replace(found, low=low, high=high)
    return within(found, 0.0, 1.0)
