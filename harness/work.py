"""One or several steps as an executor is given them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.components import Student, Teacher
from harness.logs import Logs, logged
from harness.plan import Step
from harness.resources import Resources
from harness.steps import Report
from harness.steps.several import perform_several
from harness.steps.together import perform_together
from harness.store import Store
from harness.terms import Terms


@dataclass(frozen=True, slots=True)
class StepWork:
    """Calling it does the steps and returns a report of each that was begun. It can be pickled, and raises nothing."""

    steps: tuple[Step, ...]
    root: Path
    provenance: Mapping[str, Any]
    terms: Terms
    halvings: int = 0
    logged: bool = False
    """Whether what is printed meanwhile goes into the logs of the steps: only in a process of its own."""

    @property
    def kind(self) -> str:
        return self.steps[0].kind

    @property
    def what(self) -> str:
        more = f" and {len(self.steps) - 1} more" if len(self.steps) > 1 else ""
        return f"{self.steps[0].title}{more}"

    @property
    def resources(self) -> Resources:
        return resources_of(self.steps[0])

    def __call__(self) -> list[Report]:
        if len(self.steps) > 1 and at_once(self.steps[0]) == 1:
            logs = Logs(Store(self.root)) if self.logged else None
            return perform_several(self.steps, self.root, self.provenance, self.terms, logs)
        with logged(Store(self.root).log(self.steps[0].key), self.what) if self.logged else nullcontext():
            return perform_together(self.steps, self.root, self.provenance, self.terms, self.halvings)


def resources_of(step: Step) -> Resources:
    """What the step takes; those that are done together take the same."""
    match step.kind:
        case "train":
            return cast(Student, step.components["student"]).resources()
        case "predict":
            return cast(Student, step.components["student"]).resources_to_predict()
        case "annotate":
            return cast(Teacher, step.components["teacher"]).resources()
    return Resources()


def at_once(step: Step) -> int:
    """How many steps like it can be done as one; others that are sent together are done one by one."""
    return max(1, cast(Student, step.components["student"]).at_once()) if step.kind == "train" else 1
