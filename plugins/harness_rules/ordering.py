"""From scores to the order in which labels are bought."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from harness.api import ConflictRule, Panel, Ranked, seed_from
from harness_rules.information import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

Missing = Literal["ignore", "conflict", "last"]

DIGITS = 12
"""Scores that differ by less are equal: what is left of a difference there is the rounding of sums."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How much a label of each item would tell, in the order of the panel's items."""

    values: Vector
    """(N,), higher is bought first; NaN where nothing can be said."""
    gaps: NDArray[np.bool_]
    """(N,), whether something that the rule reads of the item is missing."""


class Scored(ConflictRule):
    """A rule that gives each item a score of its own.

    Conflicts come first; within conflicts, and within the rest, the highest score is first. Ties are broken by the
    seed and the item's id alone.
    """

    missing: Missing = "ignore"
    """What an item is of which the rule lacks an answer (refused, unparsable, error): ``ignore`` scores it by the
    answers that there are, and where there is none it is no conflict and comes last; ``conflict`` counts it as a
    conflict, whatever its score; ``last`` never does, and puts it behind all others."""

    @abstractmethod
    def scores(self, panel: Panel) -> Scores:
        """A score of every item, in the order of the panel's items."""

    def limit(self) -> float:
        """Score above which an item is a conflict."""
        return 0.0

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        return ordered(tuple(panel.items), self.scores(panel), seed, self.limit(), self.missing)


class Graded(Scored):
    """A rule whose scores are a matter of degree, so that a threshold says which are conflicts."""

    threshold: float = Field(default=0.0, ge=0)
    """Score above which an item is a conflict. With 0 every item counts on which anything can be told apart, and the
    budget buys the highest scores; raise it where the budget is not to be spent on small ones."""

    def limit(self) -> float:
        return self.threshold


def ordered(ids: Sequence[str], scores: Scores, seed: int, limit: float, missing: Missing) -> list[Ranked]:
    """Every item, first to be bought first."""
    known = ~np.isnan(scores.values)
    # Adding 0 makes 0 of −0.
    values = np.round(np.where(known, scores.values, 0.0), DIGITS) + 0.0
    conflicts = known & (values > limit)
    late = ~known
    if missing == "conflict":
        conflicts |= scores.gaps
    elif missing == "last":
        conflicts &= ~scores.gaps
        late |= scores.gaps
    groups = np.where(conflicts, 0, np.where(late, 2, 1)).tolist()
    rows = zip(groups, (-values).tolist(), (seed_from(seed, item) for item in ids), ids, strict=True)
    return [Ranked(item, 0.0 - value, group == 0) for group, value, _, item in sorted(rows)]
