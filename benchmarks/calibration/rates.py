"""How often the statistics are wrong, and how often they see what is there, over simulated runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from learners import LABELS, Learners
from rated import Scores
from worlds import Design

from harness.stats import (
    Estimate,
    Floats,
    against_margin,
    bounded,
    crossed,
    equivalent,
    holm,
    joint,
    mcnemar,
    metrics,
    ranked,
    resampled,
    tallied,
    weights,
)

CONTRASTS = 10


def differences(design: Design, rng: np.random.Generator, runs: int, difference: float = 0.0) -> Iterator[Floats]:
    """Answers (2, S, N) of a method and of one that gets ``difference`` less right."""
    logits = np.array([design.logits(difference), 0.0])
    for _ in range(runs):
        yield design.answers(rng, logits)


def false_positives(design: Design, rng: np.random.Generator, runs: int) -> dict[str, float]:
    """Shares of null differences that are called different at 5 %, by our verdict and by two others."""
    wrong = {"ours": 0, "satterthwaite": 0, "mcnemar": 0}
    for mine, theirs in differences(design, rng, runs):
        found = crossed(mine - theirs, design.groups)
        wrong["ours"] += found.p <= 0.05
        wrong["satterthwaite"] += satterthwaite(found) <= 0.05
        wrong["mcnemar"] += mcnemar(mine[0], theirs[0], np.arange(design.items)) <= 0.05
    return {name: number / runs for name, number in wrong.items()}


def satterthwaite(found: Estimate) -> float:
    """p of the usual way: the largest of the crossed variances, and a t with Satterthwaite's degrees of freedom."""
    from scipy.special import stdtr

    assert found.components is not None
    own = found.components
    variance = max(own.of_seeds + own.of_groups - own.residual, own.of_seeds, own.of_groups)
    df = variance**2 / (own.of_seeds**2 / (own.seeds - 1) + own.of_groups**2 / (own.groups - 1))
    return float(2 * stdtr(df, -abs(found.mean) / np.sqrt(variance)))


def family_wise(design: Design, rng: np.random.Generator, runs: int) -> dict[str, float]:
    """Shares of families of ten null contrasts against one baseline in which Holm calls any different."""
    wrong = {"ours": 0, "satterthwaite": 0}
    contrasts = np.column_stack([-np.ones(CONTRASTS), np.eye(CONTRASTS)])
    for _ in range(runs):
        panel = joint(design.answers(rng, np.zeros(CONTRASTS + 1)), design.groups)
        found = [panel.of(contrast) for contrast in contrasts]
        wrong["ours"] += min(holm([one.p for one in found])) <= 0.05
        wrong["satterthwaite"] += min(holm([satterthwaite(one) for one in found])) <= 0.05
    return {name: number / runs for name, number in wrong.items()}


def power(design: Design, rng: np.random.Generator, runs: int, difference: float) -> float:
    """Share of true differences of that size that are found at 5 %."""
    found = (crossed(mine - theirs, design.groups).p for mine, theirs in differences(design, rng, runs, difference))
    return sum(p <= 0.05 for p in found) / runs


def detectable(design: Design, rng: np.random.Generator, runs: int) -> float:
    """What runs without a difference say could be detected, in the mean."""
    pairs = differences(design, rng, runs)
    return float(np.mean([crossed(mine - theirs, design.groups).detectable for mine, theirs in pairs]))


def wrongly_not_inferior(design: Design, rng: np.random.Generator, runs: int, margin: float) -> float:
    """Share of methods that are worse by the whole margin and are called not inferior."""
    pairs = differences(design, rng, runs, -margin)
    found = (against_margin(crossed(mine - theirs, design.groups), margin) for mine, theirs in pairs)
    return sum(one.p_not_inferior <= 0.05 for one in found) / runs


def label_equivalence(scene: Learners, rng: np.random.Generator, runs: int) -> tuple[float, Floats]:
    """Coverage of the interval of equivalent labels, and its median ends about the median point."""
    truth = scene.labels * scene.factor
    found = [equivalent(joint(scene.answers(rng), scene.design.groups), LABELS) for _ in range(runs)]
    covered = sum(one.low <= truth <= one.high for one in found) / runs
    return covered, np.median([(one.low, one.labels, one.high) for one in found], axis=0)


def bootstrap(scene: Scores, rng: np.random.Generator, runs: int) -> dict[str, float]:
    """Coverage of the crossed bootstrap's intervals of metrics that are no means."""
    truth, groups = scene.truth(), scene.groups
    table = weights(groups)
    covered = dict.fromkeys(truth, 0)
    for _ in range(runs):
        falsified, p = scene.answers(rng)
        drawn: dict[str, list[Floats]] = {name: [] for name in truth}
        points = [metrics(falsified, (one >= 0.5).astype(np.int64), one) for one in p]
        for one in p:
            found = tallied(falsified, (one >= 0.5).astype(np.int64), one, groups, table)
            drawn["macro_f1"].append(found["macro_f1"])
            drawn["brier"].append(found["brier"])
            drawn["auroc"].append(ranked(falsified, one, groups, table).auroc())
        for name, resamples in drawn.items():
            values = np.array([point[name] for point in points])
            interval = bounded(resampled(values, np.stack(resamples), len(table)), len(table))
            covered[name] += interval.low <= truth[name] <= interval.high
    return {name: number / runs for name, number in covered.items()}
