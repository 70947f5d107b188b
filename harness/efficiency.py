"""What labels buy: the area under each label curve, and how many labels a curve needs to be as high as an arm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cells import Point
from harness.columns import CURVE_COLUMNS, CURVE_CONTRAST_COLUMNS, EQUIVALENCE_COLUMNS
from harness.contrasts import informed, verdict_of
from harness.families import QUESTIONS
from harness.plan import Plan
from harness.results import ArmResult, bought, stacked
from harness.scores import Scorer
from harness.stats import area, equivalent, holm, joint

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True)
class Curve:
    """Arms that differ in their label fraction only, by rising numbers of labels bought."""

    point: Point
    evaluated_on: str
    arms: tuple[ArmResult, ...]
    labels: tuple[float, ...]

    @property
    def name(self) -> str:
        """The arms' name without the fraction."""
        return self.point.arm


def curves_of(arms: Sequence[ArmResult]) -> list[Curve]:
    """Curves of two and more points; a saturated point that bought no more labels than the one before is no point."""
    groups: dict[tuple[Point, str], list[ArmResult]] = {}
    for arm in arms:
        if arm.done and arm.point.label_fraction is not None and arm.cells[0].role == "student":
            point = replace(arm.point, label_fraction=None, seed=None)
            groups.setdefault((point, arm.evaluated_on), []).append(arm)
    found = [_curve(point, on, own) for (point, on), own in groups.items()]
    return [curve for curve in found if len(curve.arms) > 1]


def _curve(point: Point, evaluated_on: str, arms: list[ArmResult]) -> Curve:
    kept: list[tuple[float, ArmResult]] = []
    for arm in sorted(arms, key=lambda arm: arm.point.label_fraction or 0.0):
        labels = bought(arm)
        if labels > (kept[-1][0] if kept else 0.0):
            kept.append((labels, arm))
    return Curve(point, evaluated_on, tuple(arm for _, arm in kept), tuple(labels for labels, _ in kept))


def curves_table(scorer: Scorer, curves: Sequence[Curve]) -> DataFrame:
    """`harness.columns.CURVE_COLUMNS`."""
    import pandas as pd

    return pd.DataFrame([_curve_row(scorer, curve) for curve in curves], columns=list(CURVE_COLUMNS))


def _curve_row(scorer: Scorer, curve: Curve) -> dict[str, Any]:
    right, seeds = stacked(curve.arms)
    row: dict[str, Any] = {
        "curve": curve.name,
        **{axis: getattr(curve.point, axis) or "" for axis in ("benchmark", "teachers", "student", "rule", "strategy")},
        "evaluated_on": curve.evaluated_on,
        "seeds": seeds,
        "points": len(curve.arms),
        "from_labels": curve.labels[0],
        "to_labels": curve.labels[-1],
        "aulc": nan,
        "aulc_low": nan,
        "aulc_high": nan,
    }
    if seeds:
        weights = area(curve.labels, curve.labels[0], curve.labels[-1])
        found = joint(right, scorer.truth(curve.evaluated_on).groups).of(weights)
        row |= {"aulc": found.mean, "aulc_low": max(found.low, 0.0), "aulc_high": min(found.high, 1.0)}
    return row


def curve_contrasts_table(scorer: Scorer, curves: Sequence[Curve]) -> DataFrame:
    """`harness.columns.CURVE_CONTRAST_COLUMNS`, Holm-adjusted within each question."""
    import pandas as pd

    rows = []
    for question in QUESTIONS:
        asked = [
            row
            for curve, against in _pairs(scorer.plan, curves, question)
            if (row := _contrast(scorer, question, curve, against))
        ]
        for row, adjusted in zip(asked, holm([row["p"] for row in asked]), strict=True):
            rows.append(row | {"p_holm": adjusted, "verdict": verdict_of(row["difference"], adjusted)})
    return pd.DataFrame(rows, columns=list(CURVE_CONTRAST_COLUMNS))


def _contrast(scorer: Scorer, question: str, curve: Curve, against: Curve) -> dict[str, Any] | None:
    """Over the labels that both have; None where they have no range or no seed in common."""
    low, high = max(curve.labels[0], against.labels[0]), min(curve.labels[-1], against.labels[-1])
    right, seeds = stacked([*curve.arms, *against.arms])
    if not seeds or low >= high:
        return None
    combination = np.concatenate([area(curve.labels, low, high), -area(against.labels, low, high)])
    panel = joint(right, scorer.truth(curve.evaluated_on).groups)
    found = panel.of(combination)
    return {
        "question": question,
        "curve": curve.name,
        "against": against.name,
        "evaluated_on": curve.evaluated_on,
        "from_labels": low,
        "to_labels": high,
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "seeds": seeds,
        "groups": panel.groups,
        "detectable": found.detectable,
    }


def equivalences_table(scorer: Scorer, arms: Sequence[ArmResult], curves: Sequence[Curve]) -> DataFrame:
    """`harness.columns.EQUIVALENCE_COLUMNS`: every arm that learnt from teachers, in labels of the curves beside it."""
    import pandas as pd

    taught = [arm for arm in arms if arm.done and arm.trained and arm.point.teachers and arm.cells[0].role == "student"]
    rows = [
        row
        for question in ("against labels alone", "against random conflicts")
        for arm in taught
        for curve in curves
        if arm.evaluated_on == curve.evaluated_on
        and _asks(scorer.plan, arm.point, curve.point, question)
        and (row := _equivalence(scorer, question, arm, curve))
    ]
    return pd.DataFrame(rows, columns=list(EQUIVALENCE_COLUMNS))


def _equivalence(scorer: Scorer, question: str, arm: ArmResult, curve: Curve) -> dict[str, Any] | None:
    right, seeds = stacked([arm, *curve.arms])
    if not seeds:
        return None
    found = equivalent(joint(right, scorer.truth(arm.evaluated_on).groups), curve.labels)
    labels = bought(arm)
    part = 1 / labels if labels else nan
    assert curve.point.benchmark is not None
    return {
        "question": question,
        "arm": arm.arm,
        "against": curve.name,
        "evaluated_on": arm.evaluated_on,
        "label_fraction": nan if arm.point.label_fraction is None else arm.point.label_fraction,
        "labels": labels,
        "equivalent": found.labels,
        "low": found.low,
        "high": found.high,
        "factor": found.labels * part,
        "factor_low": found.low * part,
        "factor_high": found.high * part,
        "from_labels": curve.labels[0],
        "to_labels": curve.labels[-1],
        "train_items": scorer.plan.facts[curve.point.benchmark].splits["train"].items,
        "seeds": seeds,
    }


def _pairs(plan: Plan, curves: Sequence[Curve], question: str) -> Iterator[tuple[Curve, Curve]]:
    """Each pair once where the question has no direction."""
    for place, curve in enumerate(curves):
        for other, against in enumerate(curves):
            wanted = place != other and (question.startswith("against") or place < other)
            together = curve.evaluated_on == against.evaluated_on
            if wanted and together and _asks(plan, curve.point, against.point, question):
                yield curve, against


def _asks(plan: Plan, mine: Point, theirs: Point, question: str) -> bool:
    """Whether the question is about these two; fractions and seeds do not matter."""
    if (mine.benchmark, mine.student) != (theirs.benchmark, theirs.student):
        return False
    axes = ("strategy", "rule", "teachers")
    unlike = [axis for axis in axes if getattr(mine, axis) != getattr(theirs, axis)]
    match question:
        case "against labels alone":
            return mine.teachers is not None and theirs.teachers is None
        case "against random conflicts":
            return unlike == ["rule"] and informed(plan, mine.rule) and not informed(plan, theirs.rule)
        case "other rule":
            return unlike == ["rule"] and informed(plan, mine.rule) == informed(plan, theirs.rule)
    return unlike == [question.removeprefix("other ")]
