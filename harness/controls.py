"""What a method is held against in an ablation, besides itself with one factor off: floors, controls and bounds.

Components are looked up by their names, as a matrix does; the core knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from harness.ablate import Kind
from harness.cells import Course, Point, excluded
from harness.components import Strategy, Student
from harness.matrix import Matrix
from harness.plugins import Registry
from harness.recipe import Accepts, Need

ALL = 1.0
"""The label fraction of an arm that has every label."""

METHOD = "full method"
ZERO_SHOT = "zero-shot"
ALL_LABELS = "all labels"


class Meaningless(Exception):
    """A control that says nothing about this method; its text says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """What stands in the place of the method's own strategy, student, rule and label fraction, where it differs."""

    strategy: Strategy
    label: str = ""
    """Of a strategy that is no variant of the method."""
    learner: Student | None = None
    rule: str | None = None
    label_fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A method at its place in the matrix."""

    matrix: Matrix
    registry: Registry
    point: Point
    course: Course
    strategy: Strategy
    learner: Student

    def named(self, name: str, fraction: float | None = None) -> Made:
        """The matrix's own strategy of that name, as it is set there, at that label fraction; else a fresh one."""
        for label, strategy in self.matrix.strategies.items():
            if strategy.name == name and self._stands(label, strategy, fraction):
                return Made(strategy, label, label_fraction=fraction)
        label = f"{name}.default" if name in self.matrix.strategies else name
        return Made(self.strategy_of(name), label, label_fraction=fraction)

    def strategy_of(self, name: str, **options: object) -> Strategy:
        """A strategy by its name; raises `PluginError`."""
        return cast(Strategy, self.registry.find("strategy", name)(**options))

    def around(self, name: str, within: Strategy) -> Strategy:
        """A strategy that changes what another one learns; it buys as that one does."""
        return self.strategy_of(name, of=within, rule=within.rule)

    def student_of(self, name: str, **options: object) -> Student:
        """A student by its name; raises `PluginError`."""
        return cast(Student, self.registry.find("student", name)(**options))

    def _stands(self, label: str, strategy: Strategy, fraction: float | None) -> bool:
        """Whether the matrix has a cell of the strategy here, at that fraction."""
        assert self.point.benchmark is not None
        assert self.point.student is not None
        points = Course(strategy, label, self.matrix).points(self.point.benchmark, self.point.student)
        return any(
            point.label_fraction == fraction
            and point.teachers in (None, self.point.teachers)
            and not excluded(point, self.matrix.exclude)
            for point in points
        )


@dataclass(frozen=True, slots=True)
class Control:
    """One arm of every ablation; ``make`` raises `Meaningless` and `PluginError`."""

    factor: str
    kind: Kind
    make: Callable[[Site], Made]
    apart: bool = False
    """Whether nobody would use such a thing: it is for the ablation alone."""


def _zero_shot(site: Site) -> Made:
    return site.named("zero-shot")


def _majority_class(site: Site) -> Made:
    made = site.named("supervised", ALL)
    return Made(made.strategy, made.label, site.student_of("majority-class"), label_fraction=ALL)


def _seeing(part: str) -> Callable[[Site], Made]:
    """The whole method with a student from which all but one part of an item is hidden."""

    def make(site: Site) -> Made:
        if part == "evidence" and "evidence" not in site.learner.reads():
            raise Meaningless(f"students.{site.point.student} ({site.learner.name}) reads no evidence")
        if part == "image" and not any(read.startswith(("image", "features.")) for read in site.learner.reads()):
            raise Meaningless(f"students.{site.point.student} ({site.learner.name}) reads no image")
        return Made(site.strategy, learner=site.student_of("masked", of=site.learner, sees=(part,)))

    return make


def _label_shuffled(site: Site) -> Made:
    made = site.named("supervised", ALL)
    return Made(site.around("shuffled-labels", made.strategy), "label-shuffled", label_fraction=ALL)


def _best_teacher(site: Site) -> Made:
    return site.named("best-teacher")


def _majority_vote(site: Site) -> Made:
    return site.named("majority-vote")


def _labels_alone(site: Site) -> Made:
    _must_buy(site)
    return site.named("supervised", site.point.label_fraction)


def _random_conflicts(site: Site) -> Made:
    _must_buy(site)
    assert site.point.rule is not None
    if site.course.rule(site.point.rule).name == "random":
        raise Meaningless("it buys at random itself")
    drawn = next((label for label, rule in site.matrix.rules.items() if rule.name == "random"), None)
    if drawn is not None and site.strategy.rule is None:
        return Made(site.strategy, rule=drawn)
    site.registry.find("rule", "random")
    return Made(site.strategy.model_copy(update={"rule": "random"}))


def _shuffled_purchase(site: Site) -> Made:
    _must_buy(site)
    return Made(site.around("shuffled-labels", site.strategy))


def _compute_matched(site: Site) -> Made:
    if not site.course.stage1 or not site.course.stage2:
        raise Meaningless("it has one stage only")
    return Made(site.around("compute-matched", site.strategy))


def _flipped_pairs(site: Site) -> Made:
    pairs = {Accepts.PREFERENCES, Accepts.IMAGE_PREFERENCES, Accepts.SEVERAL_REJECTED}
    if not any(recipe.asks() & pairs for recipe in site.course.recipes):
        raise Meaningless("it learns from no pairs")
    return Made(site.around("flipped-pairs", site.strategy))


def _oracle(site: Site) -> Made:
    _must_buy(site)
    if site.point.label_fraction == ALL:
        raise Meaningless("it buys all labels itself")
    return Made(site.strategy, label_fraction=ALL)


def _all_labels(site: Site) -> Made:
    return site.named("supervised", ALL)


def _must_buy(site: Site) -> None:
    if Need.LABELS not in site.course.needs:
        raise Meaningless("it buys no labels")


BENEATH: Sequence[Control] = (
    Control(ZERO_SHOT, "floor", _zero_shot),
    Control("majority class", "floor", _majority_class, apart=True),
    Control("caption-only", "floor", _seeing("caption"), apart=True),
    Control("image-only", "floor", _seeing("image"), apart=True),
    Control("evidence-only", "floor", _seeing("evidence"), apart=True),
    Control("label-shuffled", "floor", _label_shuffled, apart=True),
    Control("best single teacher", "control", _best_teacher),
    Control("majority vote", "control", _majority_vote),
    Control("labels alone", "control", _labels_alone),
    Control("compute-matched stage 1", "control", _compute_matched, apart=True),
    Control("random conflicts", "control", _random_conflicts),
    Control("shuffled purchase", "control", _shuffled_purchase, apart=True),
    Control("flipped pairs", "control", _flipped_pairs, apart=True),
)
"""Floors and controls, in the order in which they are shown."""

ABOVE: Sequence[Control] = (
    Control("oracle on conflicts", "bound", _oracle),
    Control(ALL_LABELS, "bound", _all_labels),
)
"""What has labels that the method has not bought."""
