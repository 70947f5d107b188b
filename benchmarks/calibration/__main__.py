"""Simulate runs whose truth is known, and say how often the statistics are wrong: `make calibrate`.

Ends with status 1 where a bound is missed. Every run of it gives the same numbers.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import rates
from learners import SCENES
from rated import RATED
from worlds import DESIGNS

SEED = 5
FALSE_POSITIVES = (0.02, 0.08)
MOST_FAMILY_WISE = 0.06
LEAST_COVERAGE = 0.90
EFFECTS = (0.02, 0.04, 0.06)


def main(runs: int = 4000) -> int:
    """``runs`` simulated families; the rest takes a part of that."""
    start, rng = time.process_time(), np.random.default_rng(SEED)
    few = max(runs // 4, 1)
    single = verdicts(rng, runs)
    families = family_wise(rng, runs)
    powers(rng, few)
    coverage = equivalence(rng, few)
    bootstrap(rng, few)
    low, high = min(single), max(single)
    print(f"{time.process_time() - start:.0f} s of one core")
    print(
        f"false_positives=[{low:.3f}, {high:.3f}] family_wise={max(families):.3f}"
        f" coverage={min(coverage):.3f} designs={len(DESIGNS)}"
    )
    inside = FALSE_POSITIVES[0] <= low and high <= FALSE_POSITIVES[1]
    return int(not (inside and max(families) <= MOST_FAMILY_WISE and min(coverage) >= LEAST_COVERAGE))


def verdicts(rng: np.random.Generator, runs: int) -> list[float]:
    """A table of false positives; our own."""
    print(f"false positives at 5 %, {runs} runs a design")
    print(f"{'design':<38}{'ours':>8}{'Satterthwaite':>15}{'one-seed McNemar':>18}")
    found = []
    for design in DESIGNS:
        share = rates.false_positives(design, rng, runs)
        print(f"{design.name:<38}{share['ours']:>8.3f}{share['satterthwaite']:>15.3f}{share['mcnemar']:>18.3f}")
        found.append(share["ours"])
    return found


def family_wise(rng: np.random.Generator, runs: int) -> list[float]:
    """A table of families with any false positive; our own."""
    print(f"\nany false positive among {rates.CONTRASTS} contrasts after Holm, {runs} families a design")
    print(f"{'design':<38}{'ours':>8}{'Satterthwaite':>15}")
    found = []
    for design in DESIGNS:
        share = rates.family_wise(design, rng, runs)
        print(f"{design.name:<38}{share['ours']:>8.3f}{share['satterthwaite']:>15.3f}", flush=True)
        found.append(share["ours"])
    return found


def powers(rng: np.random.Generator, runs: int) -> None:
    """Tables of power, of what is said to be detectable, and of errors against a margin."""
    print(f"\npower at 5 %, {runs} runs a place; and where the smallest detectable difference is true")
    titles = "".join(f"{f'+{100 * effect:.0f} points':>12}" for effect in EFFECTS)
    print(f"{'design':<38}{titles}{'detectable':>12}{'power there':>13}{'wrongly not inferior':>22}")
    for design in DESIGNS:
        shares = "".join(f"{rates.power(design, rng, runs, effect):>12.2f}" for effect in EFFECTS)
        least = rates.detectable(design, rng, max(runs // 4, 1))
        there = rates.power(design, rng, runs, least)
        margin = rates.wrongly_not_inferior(design, rng, runs, 0.02)
        print(f"{design.name:<38}{shares}{100 * least:>12.1f}{there:>13.2f}{margin:>22.3f}", flush=True)


def equivalence(rng: np.random.Generator, runs: int) -> list[float]:
    """A table of the label-equivalence's coverage."""
    print(f"\ncoverage of the 95 % interval of equivalent labels, {runs} runs a scene")
    print(f"{'scene':<44}{'truth':>7}{'coverage':>10}   median point and ends")
    found = []
    for scene in SCENES:
        covered, (low, point, high) = rates.label_equivalence(scene, rng, runs)
        truth = scene.labels * scene.factor
        print(f"{scene.name:<44}{truth:>7.0f}{covered:>10.3f}   {point:.0f} [{low:.0f}, {high:.0f}]", flush=True)
        found.append(covered)
    return found


def bootstrap(rng: np.random.Generator, runs: int) -> None:
    """A table of the crossed bootstrap's coverage."""
    print(f"\ncoverage of the crossed bootstrap's 95 % intervals, {runs} runs a scene")
    print(f"{'scene':<38}{'macro-F1':>10}{'AUROC':>8}{'Brier':>8}")
    for scene in RATED:
        share = rates.bootstrap(scene, rng, runs)
        print(f"{scene.name:<38}{share['macro_f1']:>10.3f}{share['auroc']:>8.3f}{share['brier']:>8.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
