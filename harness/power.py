"""Before anything runs: the smallest difference that each declared comparison could show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isinf

from harness.families import Family
from harness.pairing import pairs_of
from harness.plan import Plan
from harness.stats import Spread, seeds_needed

ASSUMED = Spread(seeds=0.02**2, groups=0.1, residual=0.1)
"""Where nothing has run: the difference of two arms varies by 2 points from seed to seed, and two runs answer a fifth
of the items differently, half of that from item to item and half from run to run. A group counts as one item."""

ASSUMPTION = "a seed spread of 2 points and a fifth of the items answered differently"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a family could show on one benchmark."""

    family: Family
    benchmark: str
    contrasts: int
    trained: bool
    """Whether any of its arms is; teachers and untrained students have no seeds."""
    seeds: int
    groups: int
    detectable: float
    """At the level of Holm's first step, with 80 % power."""
    seeds_needed: float
    """For what the family wants to be detected; infinite where no number would do."""

    @property
    def enough(self) -> bool:
        """Whether the family could see what it says must be detected; also true where it says nothing."""
        return self.family.wanted is None or self.detectable <= self.family.wanted

    def __str__(self) -> str:
        contrasts = f"{self.contrasts} contrast" + ("s" if self.contrasts != 1 else "")
        seeds = "1 seed" if self.seeds == 1 else f"{self.seeds} seeds"
        return (
            f"{self.family.name} on {self.benchmark}: {contrasts}, {seeds} × {self.groups} groups of items"
            f" would show {100 * self.detectable:.1f} points"
        )

    @property
    def warning(self) -> str:
        """What is missing and what would mend it; empty where nothing is."""
        if self.trained and self.seeds == 1:
            text = f"{self.family.name} on {self.benchmark}: one seed says something of two trained models only"
            return f"{text}, not of the methods"
        if self.enough or self.family.wanted is None:
            return ""
        asked = f"{self.family.name} on {self.benchmark} asks for {100 * self.family.wanted:g} points"
        if isinf(self.seeds_needed):
            return f"{asked}: no number of seeds would do, more test items would"
        return f"{asked}: {self.seeds_needed:.0f} seeds would do"


def outlook(plan: Plan) -> Iterator[Outlook]:
    """Every family of the matrix on every benchmark on which a pair of it is tested."""
    arms = plan.arms()
    tested: dict[str, set[str]] = {}
    for cell in plan.cells:
        tested.setdefault(cell.point.arm, set()).update(cell.answers)
    for family in plan.families():
        pairs = pairs_of(family, arms)
        together = [tested[one] & tested[other] for one, other in pairs]
        number = sum(map(len, together))
        trained = any(arms[arm].seed is not None for pair in pairs for arm in pair)
        for benchmark in dict.fromkeys(label for shared in together for label in sorted(shared)):
            yield _outlook(plan, family, benchmark, number, trained)


def _outlook(plan: Plan, family: Family, benchmark: str, contrasts: int, trained: bool) -> Outlook:
    groups, seeds = plan.facts[benchmark].splits["test"].groups, len(plan.matrix.seeds) if trained else 1
    alpha, one_sided = 0.05 / contrasts, family.test != "difference"
    detectable = ASSUMED.components(seeds, groups).detectable(alpha, one_sided=one_sided)
    wanted = detectable if family.wanted is None else family.wanted
    needed = seeds_needed(ASSUMED, groups, wanted, alpha, one_sided=one_sided) if trained else inf
    return Outlook(family, benchmark, contrasts, trained, seeds, groups, detectable, needed)
