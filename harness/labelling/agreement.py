"""How far the people agree who judged the same items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan
from typing import TYPE_CHECKING

from harness.given import Given
from harness.types import VERDICTS

if TYPE_CHECKING:
    from harness.stats import Ints


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over all items that at least two people judged."""

    people: int
    items: int
    pairs: int
    """Pairs of judgements of one item by two people."""
    alike: int
    """Pairs that agree."""
    kappa: float
    """Cohen's, of exactly two people; NaN otherwise, and where both always say the same one verdict."""
    alpha: float
    """Krippendorff's; NaN where every judgement is the same."""
    low: float
    high: float

    def told(self) -> str:
        """In one line."""
        parts = [f"{self.people} people judged {self.items} item{'s' if self.items > 1 else ''} together"]
        parts.append(f"they agree in {self.alike} of {self.pairs} pairs ({self.alike / self.pairs:.0%})")
        if self.kappa == self.kappa:
            parts.append(f"Cohen's κ {self.kappa:.2f}")
        if self.alpha == self.alpha:
            between = "" if self.low != self.low else f" [{self.low:.2f}, {self.high:.2f}]"
            parts.append(f"Krippendorff's α {self.alpha:.2f}{between}")
        else:
            parts.append("α and κ say nothing, since every judgement is the same")
        return ", ".join(parts)


def agreement(rows: Iterable[Given]) -> Agreement | None:
    """Of all judgements, what was settled later left aside; None where no two people judged one item.

    Who said both of one item says nothing about it.
    """
    from harness.stats import krippendorff

    said = _by_person(rows)
    shared = sorted({item_id for one, other in combinations(said.values(), 2) for item_id in one.keys() & other.keys()})
    if not shared:
        return None
    people = [own for own in said.values() if own.keys() & set(shared)]
    ratings = [[own.get(item_id, -1) for item_id in shared] for own in people]
    pairs = list(_pairs(ratings))
    alpha = krippendorff(_array(ratings))
    return Agreement(
        len(people),
        len(shared),
        len(pairs),
        sum(one == other for one, other in pairs),
        _kappa(ratings),
        alpha.mean,
        alpha.low,
        alpha.high,
    )


def _by_person(rows: Iterable[Given]) -> dict[str, dict[str, int]]:
    """The number of the verdict by person and item."""
    said: dict[str, dict[str, set[int]]] = {}
    for row in rows:
        if not row.settled:
            said.setdefault(row.annotator, {}).setdefault(row.item_id, set()).add(VERDICTS.index(row.verdict))
    return {
        person: {item_id: next(iter(found)) for item_id, found in own.items() if len(found) == 1}
        for person, own in said.items()
    }


def _pairs(ratings: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    for column in zip(*ratings, strict=True):
        yield from combinations([rating for rating in column if rating >= 0], 2)


def _kappa(ratings: Sequence[Sequence[int]]) -> float:
    from harness.stats import cohen

    if len(ratings) != 2:
        return nan
    one, other = _array(ratings)
    return cohen(one, other)


def _array(ratings: Sequence[Sequence[int]]) -> Ints:
    import numpy as np

    return np.array(ratings, dtype=np.int64)
