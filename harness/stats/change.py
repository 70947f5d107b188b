"""Fisher's exact test, one-sided: whether one share is larger than another."""

from __future__ import annotations

from math import comb


def larger(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Exact p of at least so many ``hits`` of ``n``, were their share that of ``other_hits`` of ``other_n``."""
    both = hits + other_hits
    ways = sum(comb(n, k) * comb(other_n, both - k) for k in range(hits, min(n, both) + 1))
    return ways / comb(n + other_n, both)
