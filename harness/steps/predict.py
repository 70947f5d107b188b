"""Student, model, items → predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from harness.components import Benchmark, Student
from harness.plan import Step
from harness.steps import rows
from harness.steps.bench import LOG, StepBench
from harness.store import Store
from harness.types import Prediction


def predict(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """One prediction per item of the split."""
    student = cast(Student, step.components["student"])
    items = cast(Benchmark, step.components["benchmark"]).items(step.params["split"])
    model = store.folder("train", step.inputs["model"]) if "model" in step.inputs else None
    found = rows.in_order(student.predict(items, model, bench), items, Prediction, student.name)
    (bench.out / LOG).unlink(missing_ok=True)
    rows.write(bench.out / rows.FILES["predict"], found)
    return {"items": len(items)}
