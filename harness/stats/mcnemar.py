"""McNemar's exact test: whether these two trained models differ, never whether two methods do."""

from __future__ import annotations

from math import nan

from harness.stats.arrays import Floats, Ints


def mcnemar(first: Floats, second: Floats, groups: Ints) -> float:
    """Two-sided exact p of two runs ``first`` and ``second`` (N,), 1.0 where right.

    It needs independent items: NaN where items hang together in groups. A training run with another seed is another
    model, about which it says nothing.
    """
    from scipy.special import bdtr

    if len(groups) != int(groups.max(initial=-1)) + 1:
        return nan
    won, lost = int((first > second).sum()), int((first < second).sum())
    if won + lost == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(won, lost), won + lost, 0.5)))
