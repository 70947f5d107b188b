"""Pairs of arms that answer a question of the report, with verdicts adjusted within each question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.components import Need
from harness.plan import Plan
from harness.results import ArmResult
from harness.scores import Scorer
from harness.stats import Estimate, crossed, holm
from harness.view import CONTRAST_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame


def contrasts_table(scorer: Scorer, arms: list[ArmResult]) -> DataFrame:
    """`harness.view.CONTRAST_COLUMNS`, Holm-adjusted within each question."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for question, arm, against in _questions(scorer.plan, [arm for arm in arms if arm.done]):
        estimate, seeds = _difference(arm, against, scorer)
        truth = scorer.truth(arm.evaluated_on)
        rows.append(
            {
                "question": question,
                "arm": arm.arm,
                "against": against.arm,
                "evaluated_on": arm.evaluated_on,
                "difference": estimate.mean,
                "low": estimate.low,
                "high": estimate.high,
                "p": estimate.p,
                "detectable": estimate.detectable,
                "seeds": seeds,
                "items": len(truth.ids),
                "groups": int(truth.groups.max()) + 1,
            }
        )
    for question in {row["question"] for row in rows}:
        family = [row for row in rows if row["question"] == question]
        for row, adjusted in zip(family, holm([row["p"] for row in family]), strict=True):
            row["p_holm"] = adjusted
            row["verdict"] = _verdict(row["difference"], adjusted)
    return pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS))


def _verdict(difference: float, p: float) -> str:
    if not p <= 0.05:
        return "inconclusive"
    return "better" if difference > 0 else "worse"


def _difference(arm: ArmResult, against: ArmResult, scorer: Scorer) -> tuple[Estimate, int]:
    """Paired by seed; an arm without seeds stands beside every seed of the other."""
    mine = {result.cell.point.seed: result.score.correct for result in arm.done if result.score}
    theirs = {result.cell.point.seed: result.score.correct for result in against.done if result.score}
    seeds = [seed for seed in mine if seed in theirs or None in theirs]
    difference = np.stack([mine[seed] - theirs.get(seed, theirs.get(None, mine[seed])) for seed in seeds])
    return crossed(difference, scorer.truth(arm.evaluated_on).groups), len(seeds)


def _questions(plan: Plan, arms: list[ArmResult]) -> Iterator[tuple[str, ArmResult, ArmResult]]:
    """Which arms are compared follows from what they are made of, never from their names."""
    students = [arm for arm in arms if arm.cells[0].role == "student"]
    for arm in students:
        beside = [
            other
            for other in students
            if other is not arm
            and other.evaluated_on == arm.evaluated_on
            and other.point.student == arm.point.student
            and other.point.benchmark == arm.point.benchmark
            and _share_a_seed(arm, other)
        ]
        yield from (("above the floor", arm, other) for other in beside if not other.trained)
        yield from (("stage 2 adds", arm, other) for other in beside if _goes_on_from(arm, other))
        yield from (("against labels alone", arm, other) for other in beside if _labels_alone(arm, other))
        yield from (("against random conflicts", arm, other) for other in beside if _chance(plan, arm, other))


def _share_a_seed(arm: ArmResult, other: ArmResult) -> bool:
    mine = {cell.point.seed for cell in arm.cells}
    theirs = {cell.point.seed for cell in other.cells}
    return bool(mine & theirs) or None in theirs


def _goes_on_from(arm: ArmResult, other: ArmResult) -> bool:
    """The other arm's final model is what this one's stage 2 started from."""
    starts = {cell.stage1 for cell in arm.cells if cell.stage1 != cell.model}
    return other.trained and bool(starts & {cell.model for cell in other.cells})


def _labels_alone(arm: ArmResult, other: ArmResult) -> bool:
    mine, theirs = arm.point, other.point
    return (
        mine.teachers is not None
        and theirs.teachers is None
        and mine.label_fraction is not None
        and mine.label_fraction == theirs.label_fraction
    )


def _chance(plan: Plan, arm: ArmResult, other: ArmResult) -> bool:
    """Same but for the rule, and the other's rule knows nothing of the items."""
    mine, theirs = asdict(arm.point), asdict(other.point)
    same = all(mine[axis] == theirs[axis] for axis in mine if axis not in ("rule", "seed"))
    if not same or arm.point.rule is None or other.point.rule is None or arm.point.rule == other.point.rule:
        return False
    return bool(_informed(plan, arm.point.rule)) and not _informed(plan, other.point.rule)


def _informed(plan: Plan, rule: str) -> frozenset[Need]:
    return plan.matrix.every_rule[rule].needs()
