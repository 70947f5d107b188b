"""Rule, panel → the order in which labels are bought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from harness.components import Benchmark, ConflictRule
from harness.handed import Panel
from harness.plan import Step
from harness.recipe import Need
from harness.steps import rows
from harness.steps.bench import StepBench
from harness.store import Store
from harness.types import Ranked


def rank(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """Every training item once, checked."""
    rule = cast(ConflictRule, step.components["rule"])
    panel = panel_of(step, store, rule.needs())
    order = rule.rank(panel, step.params["seed"])
    rows.in_order(order, list(panel.items.values()), Ranked, rule.name)
    rows.write(bench.out / rows.FILES["rank"], order)
    return {"items": len(panel.items), "conflicts": sum(row.conflict for row in order)}


def panel_of(step: Step, store: Store, needs: frozenset[Need]) -> Panel:
    """The training items with what the step's inputs say about them, as far as that was declared."""
    items = cast(Benchmark, step.components["benchmark"]).items("train")
    annotations = {}
    if Need.ANNOTATIONS in needs:
        annotations = {
            role.removeprefix("annotations."): rows.read_annotations(store, key)
            for role, key in step.inputs.items()
            if role.startswith("annotations.")
        }
    predictions = None
    if Need.STAGE1_PREDICTIONS in needs:
        predictions = rows.read_predictions(store, step.inputs["predictions"])
    return Panel({item.id: item for item in items}, annotations, predictions)
