"""Whether a teacher set is enough for a rule, for a recipe, and for the label models that these are fitted with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.cells import Course, Point
from harness.component import Component
from harness.components import ConflictRule, LabelModel
from harness.nesting import nested
from harness.recipe import Need


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a rule or recipe means nothing, or its label model cannot be fitted; ``of`` is ``rule`` or ``strategy``."""

    of: str
    cause: str
    remedy: str


def shortages(course: Course, point: Point, members: Sequence[str]) -> Iterator[Shortage]:
    """What the rule and the recipes of a point lack; a rule has no true verdict, a recipe those that it buys."""
    if point.rule is not None:
        rule = course.rule(point.rule)
        of_models = list(_of("rule", rule, frozenset(), point, len(members)))
        yield from of_models
        # A rule that asks a model needs what the model does, which has been said in its own words.
        if not of_models:
            yield from _few("rule", rule.fewest_teachers(), point, members)
            yield from _absent("rule", "reads", named_teachers(rule), point, members)
    for recipe in course.recipes:
        yield from _of("strategy", recipe, recipe.needs(), point, len(members))
    for recipe in course.recipes:
        yield from _absent("strategy", "learns from", recipe.teachers() or frozenset(), point, members)
        yield from _few("strategy", recipe.min_teachers(), point, members)


def named_teachers(rule: ConflictRule) -> frozenset[str]:
    """Labels of the teachers that it names, itself or by a rule that it asks."""
    rules = [one for one in (rule, *nested(rule)) if isinstance(one, ConflictRule)]
    return frozenset(teacher for one in rules for teacher in one.teachers() or ())


def _few(of: str, least: int, point: Point, members: Sequence[str]) -> Iterator[Shortage]:
    if len(members) < least:
        cause = f"needs {least} teachers, and the teacher set {point.teachers!r} has {len(members)}"
        yield Shortage(of, cause, _without(of, point))


def _absent(of: str, verb: str, named: frozenset[str], point: Point, members: Sequence[str]) -> Iterator[Shortage]:
    if absent := sorted(named - set(members)):
        has = f"and the teacher set {point.teachers!r} has {', '.join(sorted(members))}"
        yield Shortage(of, f"{verb} {', '.join(absent)}, {has}", _without(of, point))


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
                _without(of, point),
            )


def _without(of: str, point: Point) -> str:
    return f"Leave it out:  exclude: [{{{of}: {getattr(point, of)}, teachers: {point.teachers}}}]"
