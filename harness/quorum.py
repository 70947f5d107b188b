"""Whether the teachers of a set are enough for the label models that are fitted to what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.cells import Course, Point
from harness.component import Component
from harness.components import LabelModel
from harness.nesting import nested
from harness.recipe import Need


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a model that ``of`` names cannot be fitted; ``of`` is ``rule`` or ``strategy``."""

    of: str
    cause: str
    remedy: str


def shortages(course: Course, point: Point, teachers: int) -> Iterator[Shortage]:
    """What the rule and the recipes of a point lack; a rule has no true verdict, a recipe those that it buys."""
    if point.rule is not None:
        yield from _of("rule", course.rule(point.rule), frozenset(), point, teachers)
    for recipe in course.recipes:
        yield from _of("strategy", recipe, recipe.needs(), point, teachers)


def _of(of: str, user: Component, needs: frozenset[Need], point: Point, teachers: int) -> Iterator[Shortage]:
    gold = Need.LABELS in needs
    for model in nested(user):
        if not isinstance(model, LabelModel):
            continue
        name = f"the label model {model.name}"
        least = model.min_teachers_with_gold if gold else model.min_teachers
        if not gold and Need.LABELS in model.needs():
            remedy = "Name a model that can do without, such as  {uses: dawid-skene} ."
            yield Shortage(of, f"{name} needs true verdicts, and none are bought before it is fitted", remedy)
        elif teachers < least:
            yield Shortage(
                of,
                f"{name} needs {least} teachers{'' if gold else ' where no true verdict is given'}, and the teacher set"
                f" {point.teachers!r} has {teachers}",
                f"Leave it out:  exclude: [{{{of}: {getattr(point, of)}, teachers: {point.teachers}}}]",
            )
