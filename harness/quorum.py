"""Whether the teachers of a set are enough for a rule, and for the label models that are fitted to what they say."""

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
    """Why a rule means nothing, or a model that ``of`` names cannot be fitted; ``of`` is ``rule`` or ``strategy``."""

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
            yield from _of_rule(rule, point, members)
    for recipe in course.recipes:
        yield from _of("strategy", recipe, recipe.needs(), point, len(members))


def _of_rule(rule: ConflictRule, point: Point, members: Sequence[str]) -> Iterator[Shortage]:
    """Too few teachers, or not those that it names, itself or by a rule that it asks."""
    has = f"and the teacher set {point.teachers!r} has"
    if len(members) < (least := rule.fewest_teachers()):
        yield Shortage("rule", f"needs {least} teachers, {has} {len(members)}", _without("rule", point))
    rules = [one for one in (rule, *nested(rule)) if isinstance(one, ConflictRule)]
    named = {teacher for one in rules for teacher in one.teachers() or ()}
    if absent := sorted(named - set(members)):
        cause = f"reads {', '.join(absent)}, {has} {', '.join(sorted(members))}"
        yield Shortage("rule", cause, _without("rule", point))


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
