"""How far the arms of two runs lie apart, by the statistics that compare arms within a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from harness.changes import files
from harness.contrasts import METHODS, MODELS, verdict_of
from harness.errors import HarnessError
from harness.record import Run
from harness.results import ArmResult, CellResult, arm_results, cell_results, stacked
from harness.scores import Scorer, Truth
from harness.stats import Components, Estimate, crossed, estimate, holm

SAME = "same answers"


@dataclass(frozen=True, slots=True)
class Move:
    """One arm in both runs; ``difference`` is in accuracy, the second run minus the first.

    ``verdict`` is better, worse or inconclusive, or says that the answers are the very same, or what is missing;
    ``p_holm`` is adjusted over all arms whose answers are not the same. ``scope`` and ``detectable`` are those of
    contrasts.
    """

    arm: str
    evaluated_on: str
    accuracy_a: float
    accuracy_b: float
    verdict: str
    difference: float = nan
    low: float = nan
    high: float = nan
    p: float = nan
    p_holm: float = nan
    detectable: float = nan
    seeds: int = 0
    paired: bool = False
    """Whether the same seeds answered the same items."""
    scope: str = ""

    @property
    def tested(self) -> bool:
        return self.difference == self.difference and self.verdict != SAME


@dataclass(frozen=True, slots=True)
class Side:
    """A run with its cells' results and its arms."""

    run: Run
    scorer: Scorer
    results: Sequence[CellResult]

    @property
    def arms(self) -> dict[tuple[str, str], ArmResult]:
        return {(arm.arm, arm.evaluated_on): arm for arm in arm_results([*self.results])}

    @property
    def states(self) -> dict[str, int]:
        """Cells by state; a cell is as far as the least of its benchmarks."""
        least: dict[str, str] = {}
        for result in self.results:
            name = result.cell.point.cell
            least[name] = result.state if least.get(name, "done") == "done" else least[name]
        return {state: [*least.values()].count(state) for state in sorted({*least.values()})}


def scored(run: Run) -> Side:
    """The run with what is stored of it; raises `HarnessError` where its answers are about other items."""
    scorer = Scorer(run.plan, run.store)
    try:
        return Side(run, scorer, cell_results(scorer))
    except KeyError as error:
        raise HarnessError(
            f"its answers do not cover item {error} of a benchmark as it is now",
            place=run.name,
            remedy="Run the matrix again on the data of today.",
        ) from None


def moves(mine: Side, theirs: Side) -> list[Move]:
    """Every arm of both runs, in the order of the first, adjusted by Holm over those whose answers are not the same."""
    others = theirs.arms
    found = [_move(mine, theirs, arm, others[key]) for key, arm in mine.arms.items() if key in others]
    adjusted = iter(holm([move.p for move in found if move.tested]))
    return [_judged(move, next(adjusted)) if move.tested else move for move in found]


def _judged(move: Move, p_holm: float) -> Move:
    return replace(move, p_holm=p_holm, verdict=verdict_of(move.difference, p_holm))


def _move(mine: Side, theirs: Side, arm: ArmResult, other: ArmResult) -> Move:
    known = [float(one.correct.mean()) if one.done else nan for one in (arm, other)]
    bare = Move(arm.arm, arm.evaluated_on, known[0], known[1], "")
    lacking = [side for side, one in (("A", arm), ("B", other)) if not one.done]
    if lacking:
        return replace(bare, verdict=f"no result in {' and '.join(lacking)}")
    truths = (mine.scorer.truth(arm.evaluated_on), theirs.scorer.truth(other.evaluated_on))
    right, seeds = stacked([arm, other]) if _alike(*truths) else (np.empty(0), 0)
    if seeds and _same(mine, theirs, arm, other):
        return replace(bare, verdict=SAME, difference=0.0, seeds=seeds, paired=True)
    if seeds:
        found = crossed(right[1] - right[0], truths[0].groups)
    else:
        found = _apart(crossed(arm.correct, truths[0].groups), crossed(other.correct, truths[1].groups))
        seeds = min(len(arm.done), len(other.done))
    return replace(
        bare,
        difference=found.mean,
        low=found.low,
        high=found.high,
        p=found.p,
        detectable=found.detectable,
        seeds=seeds,
        paired=right.size > 0,
        scope=METHODS if seeds > 1 else MODELS,
    )


def _alike(one: Truth, other: Truth) -> bool:
    """Whether both runs were asked about the same items in the same groups, with the same labels."""
    return one.ids == other.ids and bool(
        (one.falsified == other.falsified).all() and (one.groups == other.groups).all()
    )


def _same(mine: Side, theirs: Side, arm: ArmResult, other: ArmResult) -> bool:
    """Whether the answers of every shared seed are the very same files."""
    beside = {result.cell.point.seed: result for result in other.done}
    pairs = [(result, beside[result.cell.point.seed]) for result in arm.done if result.cell.point.seed in beside]
    return all(
        [*_contents(mine.run, one, arm.evaluated_on)] == [*_contents(theirs.run, two, arm.evaluated_on)]
        for one, two in pairs
    )


def _contents(run: Run, result: CellResult, label: str) -> Iterator[object]:
    for key in result.cell.answers[label]:
        yield key, files(run, run.plan.steps[key].kind, key)


def _apart(one: Estimate, other: Estimate) -> Estimate:
    """The difference of two means that share neither seeds nor items: their variances add, part by part, and each
    part has Welch's degrees of freedom. Where the items are the same after all, it is too careful.
    """
    mine, theirs = one.components, other.components
    assert mine is not None
    assert theirs is not None
    parts = [*zip(mine.parts, theirs.parts, strict=True)]
    of_seeds, of_groups = map(sum, parts)
    seeds, groups = (
        _welch(own, dfs) + 1 for own, dfs in zip(parts, zip(mine.dfs, theirs.dfs, strict=True), strict=True)
    )
    return estimate(other.mean - one.mean, Components(of_seeds, of_groups, 0.0, seeds, groups))


def _welch(variances: Sequence[float], dfs: Sequence[int]) -> int:
    """Degrees of freedom of a sum of variances, rounded down."""
    spread = sum(variance**2 / df for variance, df in zip(variances, dfs, strict=True))
    return int(sum(variances) ** 2 / spread + 1e-9) if spread > 0 else min(dfs)
