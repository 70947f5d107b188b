"""Declared comparisons → pairs of arms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import combinations, product

from harness.cells import Point
from harness.families import Family
from harness.loading import did_you_mean

Arms = Mapping[str, Point]
"""Points by the names of their arms."""

_EXAMPLE = "An arm is called  benchmark/student/strategy/teachers/rule/fraction,  without what it does not use."


def pairs_of(family: Family, arms: Arms) -> list[tuple[str, str]]:
    """Each pair once: the arm, and the arm that it is held against.

    Patterns pair arms that have the same training benchmark, student and label fraction, where both have one.
    """
    mine = _all(family.arms, arms)
    beside = list(product(mine, _all(family.against, arms))) if family.against else list(combinations(mine, 2))
    found = [pair for pair in beside if _alike(arms[pair[0]], arms[pair[1]])]
    for arm, against in family.pairs:
        found += product(_all((arm,), arms), _all((against,), arms))
    kept: dict[frozenset[str], tuple[str, str]] = {}
    for pair in found:
        if pair[0] != pair[1]:
            kept.setdefault(frozenset(pair), pair)
    return list(kept.values())


def faults_of(family: Family, arms: Arms) -> Iterator[tuple[str, str]]:
    """Causes and remedies: patterns that fit no arm, and a family without a pair."""
    patterns = dict.fromkeys((*family.arms, *family.against, *(arm for pair in family.pairs for arm in pair)))
    strange = [pattern for pattern in patterns if not _all((pattern,), arms)]
    for pattern in strange:
        yield f"no arm is called {pattern!r}{did_you_mean(pattern, arms)}", _EXAMPLE
    if not strange and not pairs_of(family, arms):
        yield (
            "no pair follows: patterns pair arms of the same benchmark, student and label fraction",
            "Write the pairs out, as in  - [arm, arm].",
        )


def _all(patterns: Sequence[str], arms: Arms) -> list[str]:
    return [name for name in arms if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _alike(mine: Point, theirs: Point) -> bool:
    pairs = (
        (mine.benchmark, theirs.benchmark),
        (mine.student, theirs.student),
        (mine.label_fraction, theirs.label_fraction),
    )
    return all(one is None or other is None or one == other for one, other in pairs)
