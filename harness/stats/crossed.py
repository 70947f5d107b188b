"""Means and their differences over seeds × item groups: the default interval and verdict.

V = V_seeds + max(V_groups - V_residual, 0): two-way clustering (Cameron, Gelbach, Miller 2011) that never goes below
what the seeds alone show (after MacKinnon, Nielsen, Webb, arXiv 2406.08880), held against `harness.stats.reference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from harness.stats import reference
from harness.stats.arrays import Flags, Floats, Ints

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Components:
    """Variance of a mean over ``seeds`` × ``groups``: what the spread over each of them shows, and their residual.

    Each is of the mean, so divided by its number already; ``of_seeds`` and ``of_groups`` hold the residual too.
    """

    of_seeds: float
    of_groups: float
    residual: float
    seeds: int
    groups: int

    @property
    def parts(self) -> tuple[float, float]:
        """The two variances whose sum is that of the mean: over seeds with the residual, and over groups without."""
        return self.of_seeds, max(self.of_groups - self.residual, 0.0)

    @property
    def variance(self) -> float:
        return sum(self.parts)

    @property
    def dfs(self) -> tuple[int, int]:
        """Degrees of freedom of the parts; one seed has none to give, and its part is 0."""
        return max(self.seeds - 1, 1), max(self.groups - 1, 1)

    @property
    def df(self) -> float:
        """Satterthwaite's degrees of freedom, as a measure of how much is known of the variance."""
        shares = sum(part**2 / df for part, df in zip(self.parts, self.dfs, strict=True))
        return self.variance**2 / shares if shares > 0 else float(self.groups - 1)

    def reach(self, alpha: float) -> float:
        """How far the mean strays from the truth with a probability of ``alpha`` on both sides together."""
        return reference.reach(alpha, *self.parts, *self.dfs) if self.variance > 0 else 0.0

    def detectable(self, alpha: float = 0.05, *, one_sided: bool = False) -> float:
        """The smallest true mean that is found at ``alpha`` with a power of 80 %."""
        from scipy.special import stdtrit

        surely = self.reach(2 * alpha if one_sided else alpha)
        return surely + float(stdtrit(self.df, POWER)) * sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; ``error`` is the standard error; all NaN but the mean where none is known."""

    mean: float
    low: float
    high: float
    error: float
    components: Components | None = None

    @property
    def p(self) -> float:
        """Two-sided p-value of the mean being 0."""
        above, below = self.p_above(0.0), self.p_below(0.0)
        return above if above != above else min(1.0, 2 * min(above, below))

    def p_above(self, bound: float) -> float:
        """One-sided p-value of the mean being at most ``bound``: small where it is surely above."""
        return self._tail(self.mean - bound)

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the mean being at least ``bound``: small where it is surely below."""
        return self._tail(bound - self.mean)

    def _tail(self, distance: float) -> float:
        if self.error != self.error or self.components is None:
            return nan
        if self.error == 0:
            return float(distance <= 0)
        first, second = (np.array([part]) for part in self.components.parts)
        return float(reference.tail(np.array([distance]), first, second, *self.components.dfs)[0])

    @property
    def detectable(self) -> float:
        """The smallest true mean that is found at 5 % with a power of 80 %; NaN where nothing varies."""
        return self.components.detectable() if self.components is not None and self.error > 0 else nan


def estimate(mean: float, components: Components) -> Estimate:
    """The mean with the interval of its components; without variance the interval is a point."""
    if components.groups < 2:
        return Estimate(mean, nan, nan, nan, components)
    reach = components.reach(0.05)
    return Estimate(mean, mean - reach, mean + reach, sqrt(components.variance), components)


@dataclass(frozen=True, slots=True)
class Joint:
    """Several arms on the same seeds and items: any linear combination of their means has an estimate.

    ``means`` (P,); the others are covariances (P, P) of the means, as in `Components`.
    """

    means: Floats
    of_seeds: Floats
    of_groups: Floats
    residual: Floats
    seeds: int
    groups: int

    def components(self, combination: Floats) -> Components:
        """Of the combination (P,)."""
        of_seeds, of_groups, residual = (
            max(float(combination @ part @ combination), 0.0) for part in (self.of_seeds, self.of_groups, self.residual)
        )
        return Components(of_seeds, of_groups, residual, self.seeds, self.groups)

    def of(self, combination: Floats) -> Estimate:
        """The combination (P,) of the means."""
        return estimate(float(combination @ self.means), self.components(combination))

    def differ(self, combinations: Floats) -> Flags:
        """Whether each combination (L, P) is surely not 0, at 5 %."""
        of_seeds, of_groups, residual = (
            np.maximum(((combinations @ part) * combinations).sum(axis=1), 0.0)
            for part in (self.of_seeds, self.of_groups, self.residual)
        )
        distance = np.abs(combinations @ self.means)
        first, second = of_seeds, np.maximum(of_groups - residual, 0.0)
        known = first + second > 0
        surely: Flags = distance > 0
        dfs = max(self.seeds - 1, 1), max(self.groups - 1, 1)
        surely[known] = 2 * reference.tail(distance[known], first[known], second[known], *dfs) < 0.05
        return surely


def joint(values: Floats, groups: Ints) -> Joint:
    """Moments of ``values`` (P, S, N), for P arms, S seeds and N items in ``groups`` (N,).

    With one seed there is no variance over seeds, and an interval speaks of these runs only.
    """
    arms, seeds, items = values.shape
    means = values.mean(axis=(1, 2))
    count = int(groups.max()) + 1 if items else 0
    if count < 2:
        nothing = np.full((arms, arms), nan)
        return Joint(means, nothing, nothing, nothing, seeds, count)
    # Linearised group sums, so that groups of unequal size weigh as their items do: (P, S, G), centred on 0.
    table = _summed(values - means[:, None, None], groups, count) * (count / items)
    by_group = table.mean(axis=1)
    by_seed = table.mean(axis=2)
    of_groups = by_group @ by_group.T / (count - 1) / count
    none = np.zeros((arms, arms))
    if seeds == 1:
        return Joint(means, none, of_groups, none, seeds, count)
    rest = (table - by_group[:, None, :] - by_seed[:, :, None]).reshape(arms, -1)
    of_seeds = by_seed @ by_seed.T / (seeds - 1) / seeds
    residual = rest @ rest.T / ((seeds - 1) * (count - 1)) / (seeds * count)
    return Joint(means, of_seeds, of_groups, residual, seeds, count)


def _summed(values: Floats, groups: Ints, count: int) -> Floats:
    """Sums within groups along the last axis."""
    rows = values.reshape(-1, values.shape[-1])
    sums: Floats = np.stack([np.bincount(groups, weights=row, minlength=count) for row in rows]).astype(np.float64)
    return sums.reshape(*values.shape[:-1], count)


def crossed(values: Floats, groups: Ints) -> Estimate:
    """Mean of ``values`` (S, N) with a variance crossed over seeds and groups."""
    return joint(values[None], groups).of(np.ones(1))
