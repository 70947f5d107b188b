"""Does one simple thing tell the label? Tests that are corrected for how many are made, and ask for an effect, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, lgamma, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truth = NDArray[np.bool_]

ALPHA = 0.001
"""Chance that any test of one kind cries wolf in one split (Bonferroni)."""

FEWEST = 20
"""Items of each class without which nothing is tested."""

LEAST_AUC = 0.1
"""How far from a half the area under the curve of a number must be."""

LEAST_SHARE = 0.05
"""How much more frequent a value must be in one class than in the other."""

SURE = 0.95
"""Share of the items with a word that must be of one class."""

_SEEN = 5


@dataclass(frozen=True, slots=True)
class Told:
    """A trait that tells the label."""

    trait: str
    p: float
    """After correction."""
    how: str
    """What differs between the classes, in words."""
    value: str = ""
    """The value that is more frequent in one class, where the trait is no number."""

    @property
    def chance(self) -> str:
        """The p value in words."""
        return chance(self.p)


def chance(p: float) -> str:
    """A corrected p value in words."""
    return f"p = {p:.1g}, corrected" if p >= 1e-12 else "p < 1e-12, corrected"


def tests_of(numbers: Mapping[str, Sequence[float]], values: Mapping[str, Sequence[str]]) -> int:
    """How many tests `telling` makes of these."""
    return len(numbers) + sum(len(_tested(found)) for found in values.values())


def telling(
    numbers: Mapping[str, Sequence[float]], values: Mapping[str, Sequence[str]], falsified: Sequence[bool]
) -> list[Told]:
    """Numbers by the area under their curve, values by how frequent each is in a class; in the order of the labels."""
    truth = np.array(falsified, bool)
    if min(int(truth.sum()), int((~truth).sum())) < FEWEST:
        return []
    values = {name: own for name, own in values.items() if own not in list(values.values())[: list(values).index(name)]}
    tests = tests_of(numbers, values)
    found = [_of_number(trait, np.array(own, float), truth, tests) for trait, own in numbers.items()]
    for trait, own in values.items():
        told = [_of_value(trait, value, own, truth, tests) for value in _tested(own)]
        found.append(min((one for one in told if one), key=lambda one: one.p, default=None))
    return [one for one in found if one]


def _tested(values: Sequence[str]) -> list[str]:
    """Values that are frequent enough to tell anything, and do not always occur."""
    counts = Counter(values)
    if counts.keys() == {"yes", "no"}:
        return ["yes"] if min(counts.values()) >= FEWEST // 2 else []
    kept = [value for value, count in counts.most_common(50) if FEWEST // 2 <= count < len(values)]
    # Of two values, one says all that the other does.
    return kept[:1] if len(counts) == 2 else kept


def _of_number(trait: str, values: Floats, truth: Truth, tests: int) -> Told | None:
    """Mann–Whitney's test, with ties."""
    known = ~np.isnan(values)
    values, truth = values[known], truth[known]
    high, low = int(truth.sum()), int((~truth).sum())
    if min(high, low) < FEWEST:
        return None
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    auc = float((ranks[truth].sum() - high * (high + 1) / 2) / (high * low))
    size = high + low
    ties = float((counts.astype(float) ** 3 - counts).sum()) / (size * (size - 1))
    spread = sqrt(max((size + 1 - ties) / (12 * high * low), 1e-12))
    p = min(1.0, tests * erfc(abs(auc - 0.5) / spread / sqrt(2)))
    if p >= ALPHA or abs(auc - 0.5) < LEAST_AUC:
        return None
    medians = [float(np.median(values[side])) for side in (truth, ~truth)]
    how = f"AUC {auc:.2f}: the median is {medians[0]:,.4g} of falsified and {medians[1]:,.4g} of pristine items"
    return Told(trait, p, how)


def _of_value(trait: str, value: str, values: Sequence[str], truth: Truth, tests: int) -> Told | None:
    having = np.array([own == value for own in values])
    sides = [int(having[truth].sum()), int(having[~truth].sum())]
    sizes = [int(truth.sum()), int((~truth).sum())]
    p = min(1.0, 2 * tests * min(excess(sides[side], sum(sides), sizes[side], len(values)) for side in (0, 1)))
    shares = [count / size for count, size in zip(sides, sizes, strict=True)]
    if p >= ALPHA or abs(shares[0] - shares[1]) < LEAST_SHARE:
        return None
    return Told(trait, p, f"{shares[0]:.0%} of falsified and {shares[1]:.0%} of pristine items", value)


def excess(seen: int, having: int, size: int, total: int) -> float:
    """Chance that at least ``seen`` of ``size`` items have what ``having`` of all ``total`` have (hypergeometric)."""
    most = min(having, size)
    if seen <= max(0, having - (total - size)):
        return 1.0
    whole = _chosen(total, size)
    terms = (_chosen(having, k) + _chosen(total - having, size - k) - whole for k in range(seen, most + 1))
    return min(1.0, sum(exp(term) for term in terms))


def _chosen(many: int, few: int) -> float:
    return lgamma(many + 1) - lgamma(few + 1) - lgamma(many - few + 1)


def telling_words(
    texts: Iterable[frozenset[str]], falsified: Sequence[bool], suspects: frozenset[str] = frozenset()
) -> list[tuple[str, bool, int, float]]:
    """Words that hardly occur but in one class: word, whether it is falsified, in how many items, corrected chance.

    ``suspects`` are words of a verdict: they are corrected for their own number, need not be as frequent as others,
    and come first; then the surest.
    """
    size, high = len(falsified), sum(falsified)
    if min(high, size - high) < FEWEST:
        return []
    having: dict[str, list[int]] = {}
    for found, label in zip(texts, falsified, strict=True):
        for word in found:
            having.setdefault(word, [0, 0])[label] += 1
    tried = Counter(word in suspects for word, counts in having.items() if sum(counts) >= _SEEN)
    told = []
    for word, (low, top) in having.items():
        label, most, sides, suspect = top >= low, max(low, top), low + top, word in suspects
        own = high if label else size - high
        if most < max(_SEEN, 0 if suspect else own // 50) or most < SURE * sides:
            continue
        p = min(1.0, 2 * tried[suspect] * excess(most, sides, own, size))
        if p < ALPHA:
            told.append((word, label, sides, p))
    return sorted(told, key=lambda one: (one[0] not in suspects, one[3], one[0]))
