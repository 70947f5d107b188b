"""What an arm is worth at a desk: recall at a review budget, false alarms at 95 % recall, precision by prevalence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.columns import OPERATING_COLUMNS, PREVALENCE_COLUMNS
from harness.newsroom import Newsroom
from harness.results import ArmResult
from harness.scores import Score, Scorer, Truth
from harness.stats import Curve, Estimate, Floats, Weights, bounded, ranked, resampled, tallied

if TYPE_CHECKING:
    from pandas import DataFrame

PREVALENCES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
RECALL = 0.95


def operating_table(scorer: Scorer, arms: Sequence[ArmResult]) -> DataFrame:
    """`harness.columns.OPERATING_COLUMNS`: arms whose answers carry probabilities."""
    import pandas as pd

    rows = [row for arm in arms if arm.done for row in _operating(scorer, arm)]
    return pd.DataFrame(rows, columns=list(OPERATING_COLUMNS))


def prevalence_table(scorer: Scorer, arms: Sequence[ArmResult]) -> DataFrame:
    """`harness.columns.PREVALENCE_COLUMNS`."""
    import pandas as pd

    rows = [row for arm in arms if arm.done for row in _by_prevalence(scorer, arm)]
    return pd.DataFrame(rows, columns=list(PREVALENCE_COLUMNS))


def _operating(scorer: Scorer, arm: ArmResult) -> Iterator[dict[str, Any]]:
    scores = [result.score for result in arm.done if result.score and not np.isnan(result.score.p).all()]
    if not scores:
        return
    desk, truth, table = scorer.plan.matrix.newsroom, scorer.truth(arm.evaluated_on), scorer.weights(arm.evaluated_on)
    curves = [_with_point(truth, score, table) for score in scores]
    alarms = _over_seeds([curve.alarms_at(RECALL) for curve in curves], len(table))
    for reviews in desk.reviews_per_day:
        found = [curve.recall_at(reviews / desk.items_per_day, desk.prevalence) for curve in curves]
        recall = _over_seeds(found, len(table))
        # Of so many items looked at, precision is recall times what there is to be found.
        precision = _scaled(recall, desk.prevalence * desk.items_per_day / reviews)
        yield {
            "arm": arm.arm,
            "evaluated_on": arm.evaluated_on,
            "seeds": len(scores),
            "items_per_day": desk.items_per_day,
            "prevalence": desk.prevalence,
            "reviews_per_day": reviews,
            **_shown("recall", recall),
            **_shown("precision", precision),
            "found_per_day": recall.mean * desk.prevalence * desk.items_per_day,
            **_shown("alarms_at_95", alarms),
            "alarms_per_day_at_95": _pristine(desk) * alarms.mean,
        }


def _pristine(desk: Newsroom) -> float:
    return (1 - desk.prevalence) * desk.items_per_day


def _with_point(truth: Truth, score: Score, table: Weights) -> Curve:
    """The curve of the sample itself, as column 0, and of all resamples."""
    return ranked(truth.falsified, score.p, truth.groups, _and_once(table))


def _and_once(table: Weights) -> Weights:
    return np.column_stack([np.ones(len(table), np.float32), table])


def _over_seeds(values: list[Floats], groups: int) -> Estimate:
    """Of values (1 + B,) of each seed, the sample's first."""
    all_seeds = np.stack(values)
    return bounded(resampled(all_seeds[:, 0], all_seeds[:, 1:], groups), groups)


def _scaled(found: Estimate, factor: float) -> Estimate:
    return Estimate(found.mean * factor, found.low * factor, min(found.high * factor, 1.0), found.error * factor)


def _shown(name: str, found: Estimate) -> dict[str, float]:
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _by_prevalence(scorer: Scorer, arm: ArmResult) -> Iterator[dict[str, Any]]:
    """An arm that never says falsified has no precision at any prevalence."""
    truth, table = scorer.truth(arm.evaluated_on), _and_once(scorer.weights(arm.evaluated_on))
    scores = [result.score for result in arm.done if result.score]
    verdicts = [
        tallied(truth.falsified, score.answered.astype(np.int64), score.p, truth.groups, table) for score in scores
    ]
    for prevalence in PREVALENCES:
        hits = [prevalence * found["recall"] for found in verdicts]
        flagged = [
            right + (1 - prevalence) * found["false_alarms"] for right, found in zip(hits, verdicts, strict=True)
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = [right / all_of_them for right, all_of_them in zip(hits, flagged, strict=True)]
        yield {
            "arm": arm.arm,
            "evaluated_on": arm.evaluated_on,
            "seeds": len(scores),
            "prevalence": prevalence,
            **_shown("precision", _over_seeds(precision, len(table))),
            "flagged_share": float(np.mean([share[0] for share in flagged])),
        }
