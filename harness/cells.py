"""The points of the matrix: which axes a strategy uses, and which cells follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Literal

from harness.components import ConflictRule, Strategy
from harness.matrix import Matrix
from harness.recipe import Need, Recipe

Role = Literal["student", "teacher", "majority"]


@dataclass(frozen=True, slots=True)
class Point:
    """The labels of a cell on every axis; None on an axis that the cell does not use."""

    benchmark: str | None = None
    teachers: str | None = None
    student: str | None = None
    rule: str | None = None
    strategy: str | None = None
    label_fraction: float | None = None
    seed: int | None = None

    @property
    def arm(self) -> str:
        """What all seeds of one point share, as a path."""
        parts = (self.benchmark, self.student, self.strategy, self.teachers, self.rule)
        fraction = [f"{self.label_fraction:g}"] if self.label_fraction is not None else []
        return "/".join([part for part in parts if part is not None] + fraction)

    @property
    def cell(self) -> str:
        """The arm and the seed."""
        return self.arm if self.seed is None else f"{self.arm}/seed-{self.seed}"


class Course:
    """A strategy's recipes, and which axes follow from what they need."""

    def __init__(self, strategy: Strategy, label: str, matrix: Matrix) -> None:
        self.label = label
        self.stage1: Sequence[Recipe] = tuple(strategy.stage1())
        self.stage2: Sequence[Recipe] = tuple(strategy.stage2())
        self.own_rule = strategy.rule
        self._matrix = matrix

    @property
    def recipes(self) -> Sequence[Recipe]:
        return (*self.stage1, *self.stage2)

    @cached_property
    def needs(self) -> frozenset[Need]:
        """What the recipes need, without what their rule needs."""
        needs = frozenset(need for recipe in self.recipes for need in recipe.needs())
        return needs | {Need.RANK} if Need.LABELS in needs else needs

    def rule(self, label: str) -> ConflictRule:
        """The rule of that label: the strategy's own, or one of the matrix."""
        return self._matrix.own_rules[label] if self.own_rule else self._matrix.rules[label]

    def rules(self) -> Sequence[str | None]:
        """Rules on this strategy's axis."""
        if Need.RANK not in self.needs:
            return (None,)
        return (self.own_rule,) if self.own_rule else tuple(self._matrix.rules)

    def uses_teachers(self, rule: str | None) -> bool:
        """Whether anything that is learnt depends on the teachers."""
        return Need.ANNOTATIONS in self.needs or (rule is not None and Need.ANNOTATIONS in self.rule(rule).needs())

    def points(self, benchmark: str, student: str) -> Iterator[Point]:
        """Every point of this strategy for one benchmark and student."""
        fractions = self._matrix.label_fractions if Need.LABELS in self.needs else (None,)
        for rule in self.rules():
            sets = tuple(self._matrix.teacher_sets) if self.uses_teachers(rule) else (None,)
            for teachers, fraction in product(sets, fractions):
                yield from self.at(benchmark, student, teachers, rule, fraction)

    def at(
        self, benchmark: str, student: str, teachers: str | None, rule: str | None, fraction: float | None
    ) -> Iterator[Point]:
        """The points of one place over the seeds, without the axes that this strategy does not use."""
        rule = (self.own_rule or rule) if Need.RANK in self.needs else None
        teachers = teachers if self.uses_teachers(rule) else None
        fraction = fraction if Need.LABELS in self.needs else None
        for seed in self._matrix.seeds if self.recipes else (None,):
            yield Point(benchmark, teachers, student, rule, self.label, fraction, seed)


def excluded(point: Point, exclude: Sequence[Mapping[str, tuple[Any, ...]]]) -> list[int]:
    """Places of the entries that leave the point out."""
    return [
        index
        for index, entry in enumerate(exclude)
        if all(getattr(point, axis) in values for axis, values in entry.items())
    ]
