"""Simulated answers of methods whose truth is known: who is right how often, over seeds × items in groups.

Designs and spreads are chosen so that seeds hardly matter in some and matter most in others.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from harness.stats import Floats, Ints


@dataclass(frozen=True)
class Design:
    """How many seeds and items there are, and what makes answers vary; all spreads are in logits.

    An item is hard or easy for every method; each method has its own strengths over items and over groups; a seed
    draws labels that every method shares, and each training has its own luck.
    """

    name: str
    seeds: int
    items: int = 600
    group: int = 1
    run: float = 0.2
    draw: float = 0.3
    item: float = 1.5
    of_group: float = 0.5
    method_item: float = 0.7
    method_group: float = 0.3
    level: float = 1.4

    @property
    def groups(self) -> Ints:
        return np.arange(self.items) // self.group

    @property
    def spread(self) -> float:
        """Standard deviation, in logits, of one answer of one training."""
        parts = (self.run, self.draw, self.item, self.of_group, self.method_item, self.method_group)
        return sqrt(sum(part**2 for part in parts))

    def accuracy(self, logits: float) -> float:
        """What a method that is so much above the common level gets right, over all seeds and items."""
        places, weights = np.polynomial.hermite_e.hermegauss(80)
        right = 1 / (1 + np.exp(-(self.level + logits + self.spread * places)))
        return float(right @ weights / weights.sum())

    def logits(self, difference: float) -> float:
        """How far above the common level a method is that gets so much more right."""
        low, high = -5.0, 5.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.accuracy(middle) - self.accuracy(0.0) < difference else (low, middle)
        return low

    def answers(self, rng: np.random.Generator, logits: Floats) -> Floats:
        """Right (1.0) or wrong of each method, (M, S, N), for what each method has above the common level (M,)."""
        methods, count = len(logits), int(self.groups[-1]) + 1
        hardness = rng.normal(0, self.item, self.items) + rng.normal(0, self.of_group, count)[self.groups]
        own = rng.normal(0, self.method_item, (methods, self.items))
        own += rng.normal(0, self.method_group, (methods, count))[:, self.groups]
        luck = rng.normal(0, self.draw, self.seeds) + rng.normal(0, self.run, (methods, self.seeds))
        score = self.level + hardness + own[:, None, :] + luck[:, :, None] + logits[:, None, None]
        return (rng.random(score.shape, dtype=np.float32) < 1 / (1 + np.exp(-score))).astype(float)


DESIGNS = (
    Design("3 seeds, large seed spread", 3, run=0.35),
    Design("5 seeds, large seed spread", 5, run=0.35),
    Design("10 seeds, large seed spread", 10, run=0.35),
    Design("5 seeds, large spread, groups of 10", 5, group=10, run=0.35),
    Design("5 seeds, hardly any seed spread", 5, run=0.02, draw=0.05),
    Design("5 seeds, small seed spread", 5, run=0.08, draw=0.1),
    Design("3 seeds, medium seed spread", 3, run=0.2),
    Design("5 seeds, 150 items in pairs", 5, items=150, group=2, run=0.2),
)
