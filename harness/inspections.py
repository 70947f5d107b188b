"""Plan → the steps that look at its data: beside all cells, and shared by every matrix with the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.component import Component
from harness.components import Teacher
from harness.intake import BenchmarkFacts
from harness.plan import INSPECTION, Inspection, Plan, Step


def of(plan: Plan, identity: Callable[[Component], str]) -> dict[str, Inspection]:
    """By key: each benchmark, each one's training items beside another one's test items, and what teachers are sent."""

    def step(what: str, components: Mapping[str, Component], params: Mapping[str, Any]) -> Step:
        identities = {role: identity(component) for role, component in components.items()}
        return Step.of("inspect", INSPECTION, what, components, identities, params, {})

    every = (*_alone(plan, step), *_pairs(plan, step), *_prompts(plan, step))
    found: dict[str, Inspection] = {}
    for inspection in every:
        found.setdefault(inspection.step.key, inspection)
    return found


_Make = Callable[[str, Mapping[str, Component], Mapping[str, Any]], Step]


def _alone(plan: Plan, step: _Make) -> Iterator[Inspection]:
    for label, benchmark in plan.matrix.every_benchmark.items():
        yield Inspection(step(label, {"benchmark": benchmark}, {"data": _seen(plan.facts[label])}), label)


def _pairs(plan: Plan, step: _Make) -> Iterator[Inspection]:
    """The same data under another label is in no other set."""
    for trained, benchmark in plan.matrix.benchmarks.items():
        for label, other in plan.matrix.every_benchmark.items():
            facts, others = plan.facts[trained], plan.facts[label]
            if facts.identity != others.identity and "train" in facts.splits and "test" in others.splits:
                params = {"data": _seen(facts), "other": _seen(others)}
                made = step(f"{label} beside {trained}", {"benchmark": benchmark, "other": other}, params)
                yield Inspection(made, label, trained=trained)


def _prompts(plan: Plan, step: _Make) -> Iterator[Inspection]:
    for teacher, label in dict.fromkeys((teacher, label) for teacher, label, _ in plan.annotations):
        component = plan.matrix.teachers[teacher]
        # Most teachers ask nobody in words.
        if type(component).preview is not Teacher.preview:
            components = {"benchmark": plan.matrix.every_benchmark[label], "teacher": component}
            made = step(f"prompts of {teacher} on {label}", components, {"data": _seen(plan.facts[label])})
            yield Inspection(made, label, teacher=teacher)


def _seen(facts: BenchmarkFacts) -> Mapping[str, Any]:
    """What may change about data while the benchmark stays what it is: labels that came, files that were missing."""
    return {
        "gives": sorted(facts.gives),
        "splits": {split: [found.items, found.labels_digest] for split, found in facts.splits.items()},
        "notes": dict(facts.notes),
    }
