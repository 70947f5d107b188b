"""Simulated probabilities of students, for metrics that are no means of items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.stats import Floats, Ints, metrics

MANY = 200_000


@dataclass(frozen=True)
class Scores:
    """Items of both classes, at random; logits vary with the item, its group, the training, and by chance."""

    name: str
    seeds: int
    items: int
    group: int = 1
    gap: float = 1.0
    run: float = 0.2
    bias: float = 0.3
    item: float = 1.0
    of_group: float = 0.6
    noise: float = 0.5

    @property
    def groups(self) -> Ints:
        return np.arange(self.items) // self.group

    def answers(self, rng: np.random.Generator) -> tuple[Ints, Floats]:
        """Truth (N,) and probabilities (S, N)."""
        return self._drawn(rng, self.seeds, self.groups)

    def _drawn(self, rng: np.random.Generator, seeds: int, groups: Ints) -> tuple[Ints, Floats]:
        count = len(groups)
        falsified = rng.integers(0, 2, count)
        gap = self.gap + rng.normal(0, self.run, (seeds, 1))
        bias = rng.normal(0, self.bias, (seeds, 1))
        item = rng.normal(0, self.item, count) + rng.normal(0, self.of_group, int(groups[-1]) + 1)[groups]
        logits = gap * (2 * falsified - 1) + bias + item + rng.normal(0, self.noise, (seeds, count))
        return falsified, 1 / (1 + np.exp(-logits))

    def truth(self) -> dict[str, float]:
        """What the metrics are for new trainings on new items: the mean over many of both."""
        rng = np.random.default_rng(99)
        found = []
        for _ in range(300):
            falsified, p = self._drawn(rng, 1, np.arange(MANY // 20))
            found.append(metrics(falsified, (p[0] >= 0.5).astype(np.int64), p[0]))
        return {name: float(np.mean([one[name] for one in found])) for name in ("macro_f1", "auroc", "brier")}


RATED = (
    Scores("5 seeds, 600 items", 5, 600),
    Scores("5 seeds, 600 items in fours", 5, 600, 4),
    Scores("3 seeds, 200 items in pairs", 3, 200, 2),
    Scores("one seed, 300 items, no seed spread", 1, 300, run=0.0, bias=0.0),
)
