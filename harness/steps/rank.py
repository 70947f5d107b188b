"""Rule, panel → the order in which labels are bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from harness.components import Benchmark, ConflictRule
from harness.handed import Panel, Validation
from harness.plan import Step
from harness.recipe import Need
from harness.steps import rows
from harness.steps.bench import StepBench
from harness.store import Store
from harness.types import Annotation, Ranked


def rank(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """The order of the training items."""
    rule = cast(ConflictRule, step.components["rule"])
    panel = panel_of(step, store, rule.needs())
    order = order_of(rule, panel, step.params["seed"])
    rows.write(bench.out / rows.FILES["rank"], order)
    return {"items": len(panel.items), "conflicts": sum(row.conflict for row in order)}


def order_of(rule: ConflictRule, panel: Panel, seed: int) -> Sequence[Ranked]:
    """Every item of the panel once, checked."""
    order = list(rule.rank(panel, seed))
    rows.in_order(order, list(panel.items.values()), Ranked, rule.name)
    return order


def panel_of(step: Step, store: Store, needs: frozenset[Need]) -> Panel:
    """The training items with what the step's inputs say about them, as far as that was declared."""
    benchmark = cast(Benchmark, step.components["benchmark"])
    annotations = _said(step, store, "annotations.") if Need.ANNOTATIONS in needs else {}
    predictions = None
    if Need.STAGE1_PREDICTIONS in needs:
        predictions = rows.read_predictions(store, step.inputs["predictions"])
    validation = _validation(step, store, benchmark) if Need.VALIDATION in needs else None
    return Panel({item.id: item for item in benchmark.items("train")}, annotations, predictions, validation)


def _validation(step: Step, store: Store, benchmark: Benchmark) -> Validation:
    items, labels = benchmark.items("validation"), benchmark.labels("validation")
    labelled = {item.id: item for item in items if item.id in labels}
    panel = Panel(labelled, _said(step, store, "validation."))
    return Validation(panel, {item_id: labels[item_id] for item_id in labelled})


def _said(step: Step, store: Store, prefix: str) -> dict[str, dict[str, Annotation]]:
    """By teacher, whose label follows the prefix among the step's inputs."""
    return {
        role.removeprefix(prefix): rows.read_annotations(store, key)
        for role, key in step.inputs.items()
        if role.startswith(prefix)
    }
