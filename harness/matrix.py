"""What a matrix holds once it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import yaml
from harness.ablate import Ablate, Extra, Unfit
from harness.budget import Budget
from harness.components import Benchmark, ConflictRule, Executor, Report, Strategy, Student, Teacher
from harness.errors import Fault
from harness.families import Family
from harness.newsroom import Newsroom
from harness.sentinel import Sentinel


@dataclass(frozen=True, slots=True)
class Matrix:
    """What is to be compared: labelled components on every axis."""

    file: str
    text: str
    places: yaml.Places
    benchmarks: Mapping[str, Benchmark]
    evaluate_on: Mapping[str, Benchmark]
    teachers: Mapping[str, Teacher]
    teacher_sets: Mapping[str, tuple[str, ...]]
    teachers_as_arms: bool
    students: Mapping[str, Student]
    rules: Mapping[str, ConflictRule]
    strategies: Mapping[str, Strategy]
    own_rules: Mapping[str, ConflictRule]
    """The rules that strategies name as their own, by name."""
    label_fractions: tuple[float, ...]
    seeds: tuple[int, ...]
    exclude: tuple[Mapping[str, tuple[Any, ...]], ...]
    executor: Executor
    reports: Mapping[str, Report]
    compare: tuple[Family, ...] = ()
    """Comparisons that were declared; the report's own questions are exploratory beside them."""
    newsroom: Newsroom = field(default_factory=Newsroom)
    budget: Budget = field(default_factory=Budget)
    sentinel: Sentinel | None = None
    ablate: Ablate | None = None
    extras: tuple[Extra | Unfit, ...] = ()
    """Arms that ``ablate:`` asks for, those too that the matrix has anyway; method after method, floors first."""

    @property
    def every_benchmark(self) -> Mapping[str, Benchmark]:
        """Those that are trained on and those that are only tested on, by label."""
        return {**self.benchmarks, **self.evaluate_on}

    @property
    def every_rule(self) -> Mapping[str, ConflictRule]:
        """The rules of the matrix and those that strategies name as their own."""
        return {**self.own_rules, **self.rules}

    @property
    def every_student(self) -> Mapping[str, Student]:
        """The students of the matrix and those of its ablation."""
        added = {extra.student: extra.learner for extra in self.extras if isinstance(extra, Extra)}
        return {**added, **self.students}

    @property
    def title(self) -> str:
        """The file's name without its ending."""
        return Path(self.file).stem

    def fault(self, path: yaml.Path, cause: str, remedy: str = "") -> Fault:
        """A fault at a place of this matrix."""
        return Fault(*self.places.of(path, key=True), ".".join(map(str, path)), cause, remedy)
