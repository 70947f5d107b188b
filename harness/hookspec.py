"""One hook per kind of component; each takes no argument and returns classes."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from harness.components import Benchmark, ConflictRule, Executor, LabelModel, Report, Strategy, Student, Teacher

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_benchmarks() -> Iterable[type[Benchmark]]:
    """Provide data sets."""
    raise NotImplementedError


@hookspec
def harness_teachers() -> Iterable[type[Teacher]]:
    """Provide teachers, which annotate items."""
    raise NotImplementedError


@hookspec
def harness_students() -> Iterable[type[Student]]:
    """Provide students, which are trained."""
    raise NotImplementedError


@hookspec
def harness_rules() -> Iterable[type[ConflictRule]]:
    """Provide conflict rules, which say where labels are bought."""
    raise NotImplementedError


@hookspec
def harness_label_models() -> Iterable[type[LabelModel]]:
    """Provide label models, which infer verdicts from what several teachers said."""
    raise NotImplementedError


@hookspec
def harness_strategies() -> Iterable[type[Strategy]]:
    """Provide strategies, which say what is learnt in each stage."""
    raise NotImplementedError


@hookspec
def harness_reports() -> Iterable[type[Report]]:
    """Provide reports, which render a run."""
    raise NotImplementedError


@hookspec
def harness_executors() -> Iterable[type[Executor]]:
    """Provide executors, which say where steps run."""
    raise NotImplementedError


@hookspec
def harness_step_done(step: str, seconds: float, reused: bool) -> None:
    """Called after each step of a run: ``kind:key``, its time, and whether it was stored already."""


HOOKS = {
    "benchmark": "harness_benchmarks",
    "teacher": "harness_teachers",
    "student": "harness_students",
    "rule": "harness_rules",
    "label-model": "harness_label_models",
    "strategy": "harness_strategies",
    "report": "harness_reports",
    "executor": "harness_executors",
}
