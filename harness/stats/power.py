"""How many seeds would do, from what is known or assumed of the variances of a difference."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from harness.stats.crossed import Components

MOST_SEEDS = 100
"""Beyond that, "more seeds" is no answer."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Variances of one difference: between seeds, between groups, and what is left of a group in a seed."""

    seeds: float
    groups: float
    residual: float

    def components(self, seeds: int, groups: int) -> Components:
        """Of the mean over so many seeds and groups."""
        rest = self.residual / (seeds * groups)
        if seeds == 1:
            return Components(0.0, self.groups / groups + rest, 0.0, 1, groups)
        return Components(self.seeds / seeds + rest, self.groups / groups + rest, rest, seeds, groups)


def spread_of(found: Components) -> Spread:
    """What a run shows of the variances; a part that comes out below 0 is 0."""
    return Spread(
        max(found.of_seeds - found.residual, 0.0) * found.seeds,
        max(found.of_groups - found.residual, 0.0) * found.groups,
        found.residual * found.seeds * found.groups,
    )


def seeds_needed(
    spread: Spread, groups: int, difference: float, alpha: float = 0.05, *, one_sided: bool = False
) -> float:
    """The fewest seeds, from two, that detect ``difference``; infinite where `MOST_SEEDS` do not."""

    def shows(seeds: int) -> bool:
        return spread.components(seeds, groups).detectable(alpha, one_sided=one_sided) <= difference

    if groups < 2 or not shows(MOST_SEEDS):
        return inf
    return float(next(seeds for seeds in range(2, MOST_SEEDS + 1) if shows(seeds)))
