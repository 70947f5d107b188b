"""The training steps of one cell, as its recipes' needs ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from harness.cells import Course, Point
from harness.component import Component
from harness.components import ConflictRule, Student
from harness.identity import seed_from
from harness.plan import Plan, budget_of
from harness.recipe import Need, Recipe
from harness.types import Split


class Steps(Protocol):
    """Adds steps to a plan; an equal step is added once."""

    plan: Plan

    def fault(self, path: tuple[str | int, ...], cause: str, remedy: str = "") -> None: ...
    def annotate(self, teacher: str, benchmark: str, split: Split) -> str: ...
    def predict(self, student: Student, who: str, model: str | None, benchmark: str, split: Split) -> str: ...
    def add(
        self,
        kind: str,
        what: str,
        components: Mapping[str, Component],
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
    ) -> str: ...


class Chain:
    """The training steps of one cell, from its needs."""

    def __init__(self, planner: Steps, course: Course, point: Point) -> None:
        assert point.benchmark is not None
        self.planner = planner
        self.course = course
        self.point = point
        self.benchmark = point.benchmark
        self.model: str | None = None
        self.what = f"{point.student} untrained"
        self.stage1_model: str | None = None
        self.rank_key: str | None = None
        facts = planner.plan.facts[point.benchmark].splits["train"]
        fraction = point.label_fraction
        self.budget = 0 if fraction is None else budget_of(fraction, facts.items)
        self.labels_digest = facts.labels_digest
        self.validation_labels = 0
        self.cyclic = self.refuse_cycles()

    def refuse_cycles(self) -> bool:
        """Stage 1 cannot wait for what stage 1 makes."""
        rule = self.course.rule(self.point.rule) if self.point.rule else None
        for recipe in self.course.stage1:
            needs = recipe.needs()
            path = ""
            if Need.STAGE1_PREDICTIONS in needs:
                path = "stage 1 → stage1_predictions → stage 1"
            elif rule and needs & {Need.RANK, Need.LABELS} and Need.STAGE1_PREDICTIONS in rule.needs():
                path = f"stage 1 → rank by {self.point.rule} → stage1_predictions → stage 1"
            if path:
                self.planner.fault(("strategies", self.course.label), f"stage 1 waits for itself: {path}")
                return True
        return False

    def train(self) -> str | None:
        """Add every training step; the key of the last, None where nothing is trained."""
        for recipe in self.course.stage1:
            self.model = self.step(recipe, 1)
        self.stage1_model = self.model
        for recipe in self.course.stage2:
            self.model = self.step(recipe, 2)
        return self.model

    def step(self, recipe: Recipe, stage: int) -> str:
        assert self.point.student is not None
        planner, student = self.planner, self.planner.plan.matrix.every_student[self.point.student]
        needs = recipe.needs()
        inputs = {"start": self.model} if self.model else {}
        params: dict[str, Any] = {
            # Of the seed alone: the same for every strategy, rule and fraction, and through edits of a plugin's source.
            "seed": seed_from("train", self.point.seed)
        }
        if Need.ANNOTATIONS in needs:
            inputs |= self.annotations(only=recipe.teachers())
        if needs & {Need.RANK, Need.LABELS}:
            inputs["rank"] = self.rank()
        if Need.LABELS in needs:
            params |= {"budget": self.budget, "labels": self.labels_digest}
        if Need.STAGE1_PREDICTIONS in needs:
            inputs["predictions"] = self.stage1_predictions()
        if Need.VALIDATION in needs:
            said, params["validation"] = self.validation(needs, "strategy", recipe.teachers())
            inputs |= said
        components = {
            "recipe": recipe,
            "student": student,
            "benchmark": planner.plan.matrix.benchmarks[self.benchmark],
        }
        self.what = f"{self.point.student} by {self.course.label}, stage {stage}, seed {self.point.seed}"
        if Need.LABELS in needs:
            self.what += f", {self.budget} labels by {self.point.rule}"
        return planner.add("train", self.what, components, params, inputs)

    def annotations(self, split: Split = "train", only: frozenset[str] | None = None) -> dict[str, str]:
        assert self.point.teachers is not None
        members = self.planner.plan.matrix.teacher_sets[self.point.teachers]
        role = "annotations" if split == "train" else split
        heard = [teacher for teacher in members if only is None or teacher in only]
        return {f"{role}.{teacher}": self.planner.annotate(teacher, self.benchmark, split) for teacher in heard}

    def validation(
        self, needs: frozenset[Need], axis: Literal["strategy", "rule"], only: frozenset[str] | None = None
    ) -> tuple[dict[str, str], str]:
        """What a step that reads the validation split depends on besides: the teachers' answers, the labels' digest."""
        facts = self.planner.plan.facts[self.benchmark].splits.get("validation")
        if facts is None or not facts.classes:
            label = getattr(self.point, axis)
            self.planner.fault(
                ("strategies" if axis == "strategy" else "rules", label),
                f"reads a labelled validation split, and benchmarks.{self.benchmark} has none",
                f"Leave it out:  exclude: [{{benchmark: {self.benchmark}, {axis}: {label}}}]",
            )
            return {}, ""
        self.validation_labels = sum(facts.classes.values())
        return (self.annotations("validation", only) if Need.ANNOTATIONS in needs else {}), facts.labels_digest

    def rank(self) -> str:
        point = self.point
        assert point.rule is not None
        assert point.seed is not None
        rule: ConflictRule = self.course.rule(point.rule)
        inputs = self.annotations() if Need.ANNOTATIONS in rule.needs() else {}
        if Need.STAGE1_PREDICTIONS in rule.needs():
            inputs["predictions"] = self.stage1_predictions()
        components = {"rule": rule, "benchmark": self.planner.plan.matrix.benchmarks[self.benchmark]}
        params: dict[str, Any] = {"seed": seed_from("rank", point.seed)}
        if Need.VALIDATION in rule.needs():
            said, params["validation"] = self.validation(rule.needs(), "strategy" if self.course.own_rule else "rule")
            inputs |= said
        what = f"{point.rule} on {self.benchmark}, seed {point.seed}"
        self.rank_key = self.planner.add("rank", what, components, params, inputs)
        # A rule that asks the student has an order for each; what is shown of the rule is the first.
        self.planner.plan.ranks.setdefault(
            (point.rule, point.teachers or "", self.benchmark, point.seed), self.rank_key
        )
        return self.rank_key

    def stage1_predictions(self) -> str:
        assert self.point.student is not None
        student = self.planner.plan.matrix.every_student[self.point.student]
        return self.planner.predict(student, self.what, self.stage1_model, self.benchmark, "train")
