"""Simulated learners on label curves: one needs a known factor fewer labels than the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from worlds import Design

from harness.stats import Floats

LABELS = (6, 15, 30, 60, 120, 300)
CEILING = 2.2


@dataclass(frozen=True)
class Learners:
    """The reference's curve over `LABELS`, and an arm with ``labels`` that is worth ``factor`` times as many.

    In logits a curve rises to `CEILING` with a power of the labels, and it wavers with every draw of labels, less
    where there are more of them.
    """

    name: str
    design: Design
    labels: float
    factor: float

    def answers(self, rng: np.random.Generator) -> Floats:
        """The arm, then the reference at each number of labels (1 + P, S, N)."""
        worth = np.array([self.labels * self.factor, *LABELS])
        return self.design.answers(rng, _height(worth) - self.design.level)


def _height(labels: Floats) -> Floats:
    """Logits above those of an item of middling hardness, for methods that know so many labels."""
    return CEILING - 3.0 * labels**-0.35


SCENES = (
    Learners("factor 3, 5 seeds", Design("", 5, run=0.15, draw=0.2), 15, 3),
    Learners("factor 3, 3 seeds", Design("", 3, run=0.15, draw=0.2), 15, 3),
    Learners("factor 1, 5 seeds", Design("", 5, run=0.15, draw=0.2), 60, 1),
    Learners("factor 4, 5 seeds, 200 items in pairs", Design("", 5, 200, 2, run=0.15, draw=0.2), 15, 4),
    Learners("factor 2, 10 seeds, 2,000 items", Design("", 10, 2000, run=0.1, draw=0.1), 30, 2),
    Learners("beyond the curve: 120 labels worth 480", Design("", 5, run=0.15, draw=0.2), 120, 4),
)
