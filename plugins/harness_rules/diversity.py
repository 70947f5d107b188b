"""Items that are spread over the data, so that no label is bought twice for the same thing."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from harness.api import ConflictRule, Item, Need, Panel, Ranked, hookimpl, seed_from
from harness_rules.farthest import FARTHEST, farthest_first
from harness_rules.information import Vector
from harness_rules.text import Trigrams
from harness_rules.uncertainty import ConsensusMargin

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 8
"""A caption's letters are folded into 2⁸ numbers."""

DIGITS = 6


class Spread(ConflictRule):
    """A rule that takes one item after another, each the farthest from those before it, times a weight."""

    feature: str = ""
    """Name of the items' feature in which distances are taken; by default it is the caption's letters, three in a row,
    which needs no feature. Vectors are scaled to length 1."""
    picks: int = Field(default=10_000, ge=1)
    """Items that are taken one after another; the rest follow by their distance to these. It bounds the time, and
    should be no less than the largest budget."""

    def reads(self) -> frozenset[str]:
        """The feature."""
        return frozenset({f"features.{self.feature}"}) if self.feature else frozenset()

    def informed(self) -> bool:
        """Always: captions are known of every item."""
        return True

    @abstractmethod
    def weights(self, panel: Panel) -> Vector:
        """(N,), in [0, 1]; NaN for an item that is no conflict."""

    @abstractmethod
    def start(self, points: NDArray[np.float32]) -> int | None:
        """Place of the first item; None for that of the largest weight."""

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        every = list(panel.items.values())
        # What is equal keeps the order in which it comes, so it comes in that of the seed.
        places = sorted(range(len(every)), key=lambda place: (seed_from(seed, every[place].id), every[place].id))
        items, weights = [every[place] for place in places], self.weights(panel)[places]
        points = _unit(self._vectors(items))
        wanted = ~(np.isnan(weights) | np.isnan(points).any(axis=1))
        chosen = [item.id for item, taken in zip(items, wanted, strict=True) if taken]
        points = points[wanted]
        order, values = farthest_first(points, weights[wanted].astype(np.float32), self.picks, self.start(points))
        scores = np.round(values.astype(np.float64) / np.sqrt(FARTHEST), DIGITS).tolist()
        first = [Ranked(chosen[place], score, True) for place, score in zip(order.tolist(), scores, strict=True)]
        return [*first, *(Ranked(item.id, 0.0, False) for item, taken in zip(items, wanted, strict=True) if not taken)]

    def _vectors(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(N, D), of any length; not finite where an item has none."""
        if self.feature:
            return _features(items, self.feature)
        captions = [item.caption for item in items]
        return Trigrams(captions).dense(captions, BITS)


class KCenter(Spread):
    """Items that cover the data: each is the farthest from those before it (greedy k-center).

    s = min over the items before of ‖x − x'‖ / 2, in [0, 1], with vectors of length 1; the first is the item nearest to
    their mean. Its k first items leave no other farther from all of them than twice the least possible (Gonzalez 1985,
    "Clustering to Minimize the Maximum Intercluster Distance"); as a way to buy labels: Sener and Savarese 2018, arXiv
    1708.00489. Every item is a conflict, unless only conflicts are to be covered; there a teacher without an answer
    takes no side. An item without a usable vector, such as an empty caption, is no conflict and comes last. Reads no
    label.
    """

    name = "k-center"

    among: Literal["all", "conflicts"] = "all"
    """What is covered: all items, and no teacher is asked, or those on which two teachers gave different verdicts."""

    def fewest_teachers(self) -> int:
        """Two where their conflicts are covered."""
        return 2 if self.among == "conflicts" else 0

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS}) if self.among == "conflicts" else frozenset()

    def weights(self, panel: Panel) -> Vector:
        everything = self.among == "all"
        return np.array([1.0 if everything or panel.disagree(item) else np.nan for item in panel.items])

    def start(self, points: NDArray[np.float32]) -> int | None:
        if not len(points):
            return None
        middle = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        return int(np.argmax(np.round(points @ middle, DIGITS)))


class MarginDiversity(Spread):
    """Items on which the teachers are unsure together, and that are unlike those before them.

    s = (1 − |2 p̄ − 1|) · min over the items before of ‖x − x'‖ / 2, in [0, 1], where p̄ is the mean probability of the
    teachers that answered and vectors have length 1; the first item is the most uncertain. Uncertainty with diversity:
    Zhdanov 2019, arXiv 1901.05954, by weighted k-means; Citovsky et al. 2021, arXiv 2107.14263, by margin and clusters;
    here it is the greedy order of `k-center` with weights, so that budgets are nested. An item that no teacher answered
    or without a usable vector is no conflict and comes last. Reads no label.
    """

    name = "margin-diversity"
    min_teachers = 1

    threshold: float = Field(default=0.0, ge=0)
    """Uncertainty 1 − |2 p̄ − 1| above which an item is a conflict."""

    def weights(self, panel: Panel) -> Vector:
        margins = np.round(ConsensusMargin().scores(panel).values, DIGITS)
        return np.where(margins > self.threshold, margins, np.nan)

    def start(self, points: NDArray[np.float32]) -> int | None:
        return None


def _features(items: Sequence[Item], name: str) -> NDArray[np.float32]:
    """(N, D); NaN of an item whose vector is missing or has not the commonest length."""
    found = [item.features.get(name) for item in items]
    lengths = Counter(len(vector) for vector in found if vector is not None and vector.ndim == 1)
    width = max(lengths, key=lambda length: (lengths[length], length), default=1)
    rows = np.full((len(items), width), np.nan, dtype=np.float32)
    for place, vector in enumerate(found):
        if vector is not None and vector.shape == (width,):
            rows[place] = vector
    return rows


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row at length 1; NaN where it has no direction."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    norms = np.where(np.isfinite(norms) & (norms > 0), norms, np.nan)
    return (vectors / norms).astype(np.float32)


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [KCenter, MarginDiversity]
