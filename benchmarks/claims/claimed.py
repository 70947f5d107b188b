"""What must be so of a finished run if nothing leaks and every lesson is learnt, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from harness.results import ArmResult, stacked
from harness.stats import Estimate, Floats, Ints, against_margin, crossed

BOUND = "world/tiny-llava/all-labels/random/1"
METHOD = "world/tiny-llava/mmkd/all/disagreement/0.1"
ORACLE = "world/tiny-llava/mmkd/all/disagreement/1"
FLIPPED = "world/tiny-llava/flipped-pairs/all/disagreement/1"
BLIND = {
    "labels shuffled": "world/tiny-llava/label-shuffled/random/1",
    "caption only": "world/caption-only/all-labels/random/1",
    "image only": "world/image-only/all-labels/random/1",
}
"""Arms that have every label and must be at chance."""

CHANCE = 0.5
"""Accuracy of any guess, since the test split has as many items of either class."""
MARGIN = 0.05
"""What is no more than this from chance is as good as chance."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, what was seen, and whether it holds."""

    text: str
    seen: str
    held: bool

    def __str__(self) -> str:
        return f"{'held' if self.held else 'BROKEN':<7} {self.text}: {self.seen}"


def claims(arms: Mapping[str, ArmResult], groups: Ints) -> Iterator[Claim]:
    """Every claim on the arms by name, which are tested on items in ``groups`` (N,)."""
    for name in arms:
        if name != BOUND:
            found = _difference(arms[name], arms[BOUND], groups)
            yield Claim(f"no more than all labels: {name}", _points(found), found.low <= 0)
    for what, name in BLIND.items():
        yield from at_chance(what, arms[name].correct, groups)
    hurt = _difference(arms[FLIPPED], arms[ORACLE], groups)
    yield Claim("flipped pairs hurt", _points(hurt), hurt.high < 0)
    oracle = _difference(arms[ORACLE], arms[METHOD], groups)
    yield Claim("all conflicts' labels are no worse than a tenth of the labels", _points(oracle), oracle.high >= 0)


def at_chance(what: str, correct: Floats, groups: Ints) -> Iterator[Claim]:
    """That the interval of what is right (S, N) holds one half, and that it is no more than the margin away.

    The latter is claimed where the 90 % interval is shorter than both margins: a longer one could never lie within.
    """
    level = crossed(correct, groups)
    seen = f"{100 * level.mean:.1f} % [{100 * level.low:.1f}, {100 * level.high:.1f}]"
    yield Claim(f"at chance: {what}", seen, level.low <= CHANCE <= level.high)
    margin = against_margin(crossed(correct - CHANCE, groups), MARGIN)
    if margin.high - margin.low < 2 * MARGIN:
        seen = f"[{100 * margin.low:+.1f}, {100 * margin.high:+.1f}] points from it, p {margin.p_equivalent:.3f}"
        yield Claim(f"within {100 * MARGIN:g} points of chance: {what}", seen, margin.p_equivalent <= 0.05)


def _difference(arm: ArmResult, against: ArmResult, groups: Ints) -> Estimate:
    right, seeds = stacked([arm, against])
    assert seeds, (arm.arm, against.arm)
    return crossed(np.asarray(right[0] - right[1]), groups)


def _points(found: Estimate) -> str:
    return f"{100 * found.mean:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
