"""The arms of an ablation → cells, each once; what cannot be is left out, and why is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from harness.ablate import Extra, Unfit
from harness.cells import Course, Point
from harness.components import Strategy, Student
from harness.controls import METHOD
from harness.errors import Fault
from harness.plan import Ablated, Plan, Standing


class Planner(Protocol):
    """Checks places of the matrix and adds cells."""

    plan: Plan
    faults: list[Fault]

    def check_course(self, course: Course, student: str, fraction: float | None = None) -> None: ...
    def lay(self, course: Course, point: Point) -> None: ...


def place(planner: Planner) -> Iterator[Ablated]:
    """What becomes of every arm that the matrix's ablation asks for, in the order in which they are shown."""
    matrix = planner.plan.matrix
    known = {cell.point.cell for cell in planner.plan.cells}
    for arm in matrix.extras:
        if isinstance(arm, Unfit):
            yield Ablated(arm.method, arm.factor, arm.kind, "left out", "", "", arm.reason)
            continue
        course = Course(arm.made, arm.strategy, matrix)
        points = list(course.at(arm.benchmark, arm.student, arm.teachers, arm.rule, arm.label_fraction))
        missing = [point for point in points if point.cell not in known]
        if reason := _refused(planner, arm, course, missing):
            yield Ablated(arm.method, arm.factor, arm.kind, "left out", "", _words(arm), reason)
            continue
        known |= {point.cell for point in points}
        standing: Standing = "added" if missing else "there"
        yield Ablated(
            arm.method, arm.factor, arm.kind, standing, points[0].arm, _words(arm), apart=arm.apart and bool(missing)
        )


def _refused(planner: Planner, arm: Extra, course: Course, points: list[Point]) -> str:
    """Adds the cells, or says why they cannot be: of the method and of what is named a fault of the matrix."""
    before, planner.faults = planner.faults, []
    plan = planner.plan
    kept = len(plan.cells), dict(plan.steps), dict(plan.ranks), dict(plan.annotations)
    if points:
        planner.check_course(course, arm.student, arm.label_fraction)
    for point in points if not planner.faults else ():
        planner.lay(course, point)
    found, planner.faults = planner.faults, before
    if arm.factor == METHOD or (plan.matrix.ablate and arm.factor in plan.matrix.ablate.arms):
        planner.faults += found
    elif found:
        # What an impossible cell has added before its fault was found.
        del plan.cells[kept[0] :]
        plan.steps, plan.ranks, plan.annotations = kept[1:]
    return "; ".join(dict.fromkeys(fault.cause for fault in found))


def _words(arm: Extra) -> str:
    return f"{_spelled(arm.learner)} by {_spelled(arm.made)}"


def _spelled(component: Student | Strategy) -> str:
    """The component with the options that are not its defaults."""
    told = []
    for name, field in type(component).model_fields.items():
        value = getattr(component, name)
        if value != field.get_default():
            inner = isinstance(value, Student | Strategy)
            told.append(f"{name}: {_spelled(value) if inner else value}")
    return f"{component.name} ({', '.join(told)})" if told else component.name
