"""The arms of an ablation beside their method: differences, and how much of the gap to the bound each has closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from harness.columns import ABLATION_COLUMNS
from harness.controls import ALL_LABELS, METHOD, ZERO_SHOT
from harness.families import ABLATION
from harness.plan import Ablated
from harness.results import ArmResult, bought, stacked
from harness.scores import Scorer
from harness.stats import Recovered, joint, recovered, share

if TYPE_CHECKING:
    from pandas import DataFrame

NO_GAP = Recovered(nan, nan, nan)


def ablation_table(scorer: Scorer, arms: Sequence[ArmResult], contrasts: DataFrame) -> DataFrame:
    """`harness.columns.ABLATION_COLUMNS`: every arm of the ablation, wherever its method is tested."""
    import pandas as pd

    found = {(arm.arm, arm.evaluated_on): arm for arm in arms}
    tested = {
        (row["arm"], row["against"], row["evaluated_on"]): row
        for row in contrasts.to_dict("records")
        if row["question"] == ABLATION
    }
    rows: list[dict[str, Any]] = []
    for method, benchmark in _places(scorer.plan.ablation, arms):
        own = [arm for arm in scorer.plan.ablation if arm.method == method.method]
        named = {arm.factor: arm.arm for arm in own}
        rows += [_row(scorer, arm, named, found, tested, benchmark) for arm in own]
    return pd.DataFrame(rows, columns=list(ABLATION_COLUMNS))


def _places(ablation: Sequence[Ablated], arms: Sequence[ArmResult]) -> Iterator[tuple[Ablated, str]]:
    """Every method that could be planned, with each benchmark on which it is tested."""
    for arm in ablation:
        if arm.kind == "method" and arm.arm:
            for benchmark in dict.fromkeys(other.evaluated_on for other in arms if other.arm == arm.arm):
                yield arm, benchmark


def _row(
    scorer: Scorer,
    arm: Ablated,
    named: dict[str, str],
    found: dict[tuple[str, str], ArmResult],
    tested: dict[tuple[str, str, str], Any],
    benchmark: str,
) -> dict[str, Any]:
    result = found.get((arm.arm, benchmark))
    own: dict[str, Any] = {
        "method": arm.method,
        "factor": arm.factor,
        "kind": arm.kind,
        "arm": arm.arm,
        "evaluated_on": benchmark,
        "state": "left out" if not arm.arm else "done" if result and len(result.done) == result.planned else "pending",
        "standing": arm.standing,
        "apart": arm.apart,
        "made_of": arm.made_of,
        "reason": arm.reason,
        "verdict": "",
        "seeds": len(result.done) if result else 0,
    }
    if result is None or not result.done:
        return own
    level = share(result.correct, scorer.truth(benchmark).groups)
    gap = _recovered(scorer, result, [found.get((named.get(name, ""), benchmark)) for name in (ZERO_SHOT, ALL_LABELS)])
    contrast = tested.get((arm.arm, named[METHOD], benchmark), {})
    return own | {
        "labels_bought": bought(result),
        "accuracy": level.mean,
        "accuracy_low": level.low,
        "accuracy_high": level.high,
        "difference": contrast.get("difference", nan),
        "difference_low": contrast.get("low", nan),
        "difference_high": contrast.get("high", nan),
        "p": contrast.get("p", nan),
        "p_holm": contrast.get("p_holm", nan),
        "verdict": contrast.get("verdict", ""),
        "recovered": gap.share,
        "recovered_low": gap.low,
        "recovered_high": gap.high,
    }


def _recovered(scorer: Scorer, arm: ArmResult, ends: Sequence[ArmResult | None]) -> Recovered:
    """NaN where floor or bound are not there, or are the arm itself."""
    there = [end for end in ends if end is not None and end.done and end.arm != arm.arm]
    if len(there) < 2:
        return NO_GAP
    right, seeds = stacked([arm, *there])
    return recovered(joint(right, scorer.truth(arm.evaluated_on).groups)) if seeds else NO_GAP
