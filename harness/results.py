"""Finished cells → tables: one row per cell, arms over seeds, and the contrasts that answer the report's questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import caveats
from harness.cells import Point
from harness.columns import ARM_COLUMNS, AXES, METRICS, RESULT_COLUMNS
from harness.errors import StoreError
from harness.plan import REVISIONS, Cell, Plan
from harness.scores import Score, Scorer, Truth
from harness.stats import Estimate, Floats, bounded, crossed, ranked, resampled, share, tallied
from harness.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True)
class CellResult:
    """One cell on one evaluation benchmark; without a score it is not done, and the reason says why."""

    cell: Cell
    evaluated_on: str
    state: str
    reason: str
    labels_bought: int
    saturated: bool
    score: Score | None


@dataclass(frozen=True, slots=True)
class ArmResult:
    """All seeds of one point on one evaluation benchmark, those that are done."""

    arm: str
    point: Point
    evaluated_on: str
    planned: int
    done: tuple[CellResult, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that are done."""
        return tuple(result.cell for result in self.done)

    @property
    def trained(self) -> bool:
        """Whether there is a model to speak of: teachers and untrained students have none."""
        return self.cells[0].model is not None

    @property
    def correct(self) -> Floats:
        """(S, N), a row per seed that is done."""
        return np.stack([result.score.correct for result in self.done if result.score])


def cell_results(scorer: Scorer) -> list[CellResult]:
    """Every cell on every benchmark it is evaluated on, in the order of the plan."""
    return [_cell_result(scorer, cell, label) for cell in scorer.plan.cells for label in cell.answers]


def _cell_result(scorer: Scorer, cell: Cell, label: str) -> CellResult:
    bought, saturated = _bought(scorer.store, cell)
    if scorer.ready(cell, label):
        try:
            return CellResult(cell, label, "done", "", bought, saturated, scorer.score(cell, label))
        except StoreError as error:
            return CellResult(cell, label, "pending", str(error), bought, saturated, None)
    state, reason = state_of(scorer.plan, scorer.store, cell)
    return CellResult(cell, label, state, reason, bought, saturated, None)


def _bought(store: Store, cell: Cell) -> tuple[int, bool]:
    if cell.rank is None or not cell.budget or not store.has("rank", cell.rank):
        return 0, False
    conflicts = int(store.manifest("rank", cell.rank)["facts"]["conflicts"])
    return min(cell.budget, conflicts), conflicts < cell.budget


def state_of(plan: Plan, store: Store, cell: Cell) -> tuple[str, str]:
    """What has become of a cell: done, failed, waiting or pending, and why."""
    steps = [plan.steps[key] for key in plan.steps_of(cell)]
    if all(store.has(step.kind, step.key) for step in steps if step.key in cell.ends):
        return "done", ""
    for step in sorted(steps, key=lambda step: (tuple(REVISIONS).index(step.kind), step.key)):
        if not store.has(step.kind, step.key) and (failure := store.failure(step.key)):
            return str(failure["state"]), f"{step.title}: {failure['reason']}"
    return "pending", ""


def results_table(results: list[CellResult]) -> DataFrame:
    """`harness.columns.RESULT_COLUMNS`; no clock and no path, so that equal runs give equal bytes."""
    import pandas as pd

    rows = []
    for result in results:
        metrics = result.score.metrics if result.score else {}
        outcomes = result.score.outcomes if result.score else {}
        rows.append(
            {
                **_axes(result.cell.point),
                "cell": result.cell.point.cell,
                "arm": result.cell.point.arm,
                "role": result.cell.role,
                "seed": result.cell.point.seed,
                "evaluated_on": result.evaluated_on,
                "split": "test",
                "state": result.state,
                "reason": result.reason,
                "labels_bought": result.labels_bought,
                "saturated": result.saturated,
                "validation_labels": result.cell.validation_labels,
                "n": len(result.score.correct) if result.score else 0,
                **{name: metrics.get(name, nan) for name in (*METRICS, "accuracy_parsed", "share_falsified")},
                "rouge_l": result.score.rouge_l if result.score else nan,
                "unparsable": outcomes.get("unparsable", 0),
                "refused": outcomes.get("refused", 0),
                "errors": outcomes.get("error", 0),
            }
        )
    table = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    return table.astype({"seed": "Int64"})


def _axes(point: Point) -> dict[str, Any]:
    values = asdict(point)
    return {axis: nan if axis == "label_fraction" and values[axis] is None else values[axis] or "" for axis in AXES}


def bought(arm: ArmResult) -> float:
    """Labels that its training has seen, mean over seeds."""
    return float(np.mean([result.labels_bought for result in arm.done]))


def arm_results(results: list[CellResult]) -> list[ArmResult]:
    """Cells grouped over seeds, in the order of the plan."""
    groups: dict[tuple[str, str], list[CellResult]] = {}
    for result in results:
        groups.setdefault((result.cell.point.arm, result.evaluated_on), []).append(result)
    return [
        ArmResult(
            arm,
            group[0].cell.point,
            evaluated_on,
            len(group),
            tuple(result for result in group if result.score is not None),
        )
        for (arm, evaluated_on), group in groups.items()
    ]


def arms_table(scorer: Scorer, arms: list[ArmResult]) -> DataFrame:
    """`harness.columns.ARM_COLUMNS`, a row per arm that has at least one seed done."""
    import pandas as pd

    rows = [_arm_row(scorer, arm) for arm in arms if arm.done]
    return pd.DataFrame(rows, columns=list(ARM_COLUMNS))


def _arm_row(scorer: Scorer, arm: ArmResult) -> dict[str, Any]:
    truth = scorer.truth(arm.evaluated_on)
    estimates = {"accuracy": share(arm.correct, truth.groups), **resampled_metrics(scorer, arm)}
    for side, name in ((1, "accuracy_falsified"), (0, "accuracy_pristine")):
        chosen = truth.falsified == side
        _, groups = np.unique(truth.groups[chosen], return_inverse=True)
        estimates[name] = share(arm.correct[:, chosen], groups)
    scores = [result.score for result in arm.done if result.score]
    row: dict[str, Any] = {
        **_axes(arm.point),
        "arm": arm.arm,
        "role": arm.cells[0].role,
        "evaluated_on": arm.evaluated_on,
        "seeds": len(arm.done),
        "seeds_planned": arm.planned,
        "labels_bought": bought(arm),
        "saturated": any(result.saturated for result in arm.done),
        "validation_labels": arm.cells[0].validation_labels,
        "n": len(truth.ids),
        "groups": int(truth.groups.max()) + 1,
        "unparsable": sum(score.outcomes["unparsable"] for score in scores),
        "refused": sum(score.outcomes["refused"] for score in scores),
        "errors": sum(score.outcomes["error"] for score in scores),
    }
    for name in (*METRICS, "accuracy_parsed", "share_falsified"):
        row[name] = _mean([score.metrics[name] for score in scores])
        if name in METRICS:
            found = estimates.get(name)
            row |= {f"{name}_low": found.low if found else nan, f"{name}_high": found.high if found else nan}
    row |= _rouge(arm, truth)
    needed = [set[str]().union(*map(scorer.plan.needed, cell.answers[arm.evaluated_on])) for cell in arm.cells]
    keys = set[str]().union(*needed)
    manifests = {key: scorer.store.manifest(scorer.plan.steps[key].kind, key) for key in keys}
    known = (
        *caveats.of_answers(row),
        *caveats.of_data(scorer.plan, (arm.point.benchmark, arm.evaluated_on)),
        *caveats.of_steps(manifests.values()),
    )
    return row | _costs(scorer.plan, arm, needed, manifests) | {"warnings": "; ".join(known)}


def _rouge(arm: ArmResult, truth: Truth) -> dict[str, float]:
    """ROUGE-L over the items with a reference, of the seeds that gave texts."""
    chosen = truth.referenced
    told = [result.score.rouge[chosen] for result in arm.done if result.score and not np.isnan(result.score.rouge_l)]
    if not told:
        return {"rouge_l": nan, "rouge_l_low": nan, "rouge_l_high": nan}
    _, groups = np.unique(truth.groups[chosen], return_inverse=True)
    found = crossed(np.stack(told), groups)
    # The scale ends at 0 and 1, whatever the interval says.
    return {"rouge_l": found.mean, "rouge_l_low": max(found.low, 0.0), "rouge_l_high": min(found.high, 1.0)}


def resampled_metrics(scorer: Scorer, arm: ArmResult) -> dict[str, Estimate]:
    """Estimates of the metrics that are no means of items, by the crossed bootstrap."""
    truth, table = scorer.truth(arm.evaluated_on), scorer.weights(arm.evaluated_on)
    scores = [result.score for result in arm.done if result.score]
    drawn: dict[str, list[Floats]] = {name: [] for name in ("macro_f1", "brier", "ece", "auroc")}
    for score in scores:
        found = tallied(truth.falsified, score.answered.astype(np.int64), score.p, truth.groups, table)
        for name in ("macro_f1", "brier", "ece"):
            drawn[name].append(found[name])
        rated = ~np.isnan(score.p)
        curve = ranked(truth.falsified[rated], score.p[rated], truth.groups[rated], table)
        drawn["auroc"].append(curve.auroc())
    groups = len(table)
    return {
        name: bounded(
            resampled(np.array([score.metrics[name] for score in scores]), np.stack(resamples), groups), groups
        )
        for name, resamples in drawn.items()
    }


def stacked(arms: Sequence[ArmResult]) -> tuple[Floats, int]:
    """What the arms got right on the seeds that all of them have, (P, S, N), and whether there are such seeds.

    Paired by seed; an arm without seeds stands beside every seed of the others.
    """
    runs = [{result.cell.point.seed: result.score.correct for result in arm.done if result.score} for arm in arms]
    seeded = [run for run in runs if None not in run]
    seeds = [seed for seed in (seeded or runs)[0] if all(seed in run for run in seeded)]
    return np.array([[run.get(seed, run.get(None)) for seed in seeds] for run in runs]), len(seeds)


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else nan


def _costs(
    plan: Plan, arm: ArmResult, needed: Sequence[set[str]], manifests: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Mean over seeds of what leads to the arm; steps that arms share are counted whole for each."""
    totals = {"training_seconds": 0.0, "prediction_seconds": 0.0, "teacher_calls": 0.0, "teacher_usd": 0.0}
    for cell, keys in zip(arm.cells, needed, strict=True):
        for key in sorted(keys):
            step, manifest = plan.steps[key], manifests[key]
            if step.kind == "annotate":
                totals["teacher_calls"] += manifest["facts"]["calls"]
                totals["teacher_usd"] += manifest["facts"]["usd"]
            elif step.kind == "train":
                totals["training_seconds"] += manifest["provenance"]["seconds"]
            elif step.kind == "predict" and key in cell.ends:
                totals["prediction_seconds"] += manifest["provenance"]["seconds"]
    means = {name: total / len(arm.cells) for name, total in totals.items()}
    # What was never trained, or answered by no student, took no time that could be compared.
    unknown = {"training_seconds": not arm.trained, "prediction_seconds": arm.cells[0].role != "student"}
    return means | {name: nan for name, missing in unknown.items() if missing}
