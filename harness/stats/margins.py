"""One-sided tests against a margin: not inferior, equivalent (Schuirmann's two one-sided tests)."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from harness.stats.crossed import Estimate


@dataclass(frozen=True, slots=True)
class Margin:
    """p-values against a margin, and the 90 % interval that tells the same at 5 %."""

    p_not_inferior: float
    """Small where the difference is surely above -margin."""
    p_inferior: float
    """Small where the difference is surely below -margin."""
    p_equivalent: float
    """Small where the difference is surely between -margin and margin."""
    low: float
    high: float


def against_margin(difference: Estimate, margin: float) -> Margin:
    """The difference against ±``margin`` > 0; NaN where the difference has no variance to test with."""
    if difference.error != difference.error or difference.components is None:
        return Margin(nan, nan, nan, nan, nan)
    above = difference.p_above(-margin)
    reach = difference.components.reach(0.1)
    return Margin(
        above,
        difference.p_below(-margin),
        max(above, difference.p_below(margin)),
        difference.mean - reach,
        difference.mean + reach,
    )
