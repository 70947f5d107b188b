"""Strategies with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import uuid
from typing import ClassVar

from pydantic import Field

from harness.api import Accepts, Need, Preference, Recipe, Strategy, Target, hookimpl, opposite
from harness.testing import material


class Bought(Recipe):
    """The bought labels."""

    def needs(self):
        return frozenset({Need.LABELS})

    def examples(self, pool):
        return [Target(item, label) for item, label in pool.labels.items()]


class Labels(Strategy):
    """Learns what it bought."""

    name = "labels"

    def stage1(self):
        return (self.recipe(),)

    def stage2(self):
        return ()

    def recipe(self):
        return Bought()


class Stamped(Bought):
    stamp: str = Field(default_factory=lambda: uuid.uuid4().hex)


class Renewed(Labels):
    """Stamps its recipe."""

    name = "renewed"
    breaks: ClassVar = "makes the same recipes twice"
    seen: ClassVar = "the recipes have other identities when they are asked for again"

    def recipe(self):
        return Stamped()


class Hidden(Labels):
    """Makes its recipe's class inside a method."""

    name = "hidden"
    breaks: ClassVar = "recipes can be sent to workers"
    seen: ClassVar = "Inner: AttributeError: Can't pickle local object "

    def recipe(self):
        class Inner(Bought):
            revision = 1

        return Inner()


class Failing(Bought):
    def examples(self, pool):
        return [Target(item, pool.labels[item]) for item in pool.labels][len(pool.labels) // 0]


class Fails(Labels):
    """Divides by zero."""

    name = "fails"
    breaks: ClassVar = "makes examples without raising"
    seen: ClassVar = "Failing.examples() raised ZeroDivisionError: "

    def recipe(self):
        return Failing()


class All(Bought):
    def examples(self, pool):
        return [Target(item, pool.labels[item]) for item in pool.items]


class Greedy(Labels):
    """Asks for the label of every item."""

    name = "greedy"
    breaks: ClassVar = "buys only what it declares"
    seen: ClassVar = "was not bought (80 labels were)"

    def recipe(self):
        return All()


class Peeping(Bought):
    def examples(self, pool):
        return [Target(item, label, rationale=pool.panel.of(item)[0].rationale) for item, label in pool.labels.items()]


class Peeps(Labels):
    """Reads what the teachers said and does not declare it."""

    name = "peeps"
    breaks: ClassVar = "reads only what it declares"
    seen: ClassVar = "Peeping: the recipe reads its pool's annotations and does not declare them"

    def recipe(self):
        return Peeping()


class Unused(Bought):
    def needs(self):
        return frozenset({Need.LABELS, Need.ANNOTATIONS})

    def examples(self, pool):
        return [Target(item, verdict) for item in pool.items for verdict in pool.panel.verdicts(item)]


class Wastes(Labels):
    """Buys labels and does not look at them."""

    name = "wastes"
    breaks: ClassVar = "uses the labels that it buys"
    seen: ClassVar = "Unused buys labels, and its examples are the same with the opposite labels"

    def recipe(self):
        return Unused()


class Pairs(Bought):
    def examples(self, pool):
        return [
            Preference(item, Target(item, label), (Target(item, opposite(label)),))
            for item, label in pool.labels.items()
        ]


class Surprises(Labels):
    """Yields preferences and announces targets."""

    name = "surprises"
    breaks: ClassVar = "examples are what was announced"
    seen: ClassVar = "Pairs: the recipe yields preferences and does not announce them"

    def recipe(self):
        return Pairs()


class Elsewhere(Bought):
    def asks(self):
        return frozenset({Accepts.TARGETS})

    def examples(self, pool):
        return [Target(f"{item}-copy", label) for item, label in pool.labels.items()]


class Copies(Labels):
    """Makes examples of items that are not there."""

    name = "copies"
    breaks: ClassVar = "examples are what was announced"
    seen: ClassVar = "which is no training item"

    def recipe(self):
        return Elsewhere()


class Set(Bought):
    def examples(self, pool):
        return [Target(item, pool.labels[item]) for item in set(pool.labels)]


class Scattered(Labels):
    """Goes through a set."""

    name = "scattered"
    breaks: ClassVar = "examples come in a fixed order"
    seen: ClassVar = "Set makes other examples in another process"

    def recipe(self):
        return Set()


class First(Recipe):
    def needs(self):
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool):
        return [Target(item, pool.panel.verdicts(item)[0]) for item in pool.items]


class Expects(Labels):
    """Takes it that every teacher answered."""

    name = "expects"
    breaks: ClassVar = "survives teachers without an answer"
    seen: ClassVar = "where teachers have no answer, First.examples() raised IndexError: "

    def recipe(self):
        return First()


class Truth(Recipe):
    def needs(self):
        return frozenset()

    def examples(self, pool):
        return [Target(item, verdict) for item, verdict in material.truth(pool.items.values()).items()]


class Knows(Labels):
    """Knows the truth of every item."""

    name = "knows"
    breaks: ClassVar = "falls to chance on shuffled answers"
    seen: ClassVar = "teachers and labels are shuffled, and 240 of 240 verdicts that Truth teaches are the true ones"

    def recipe(self):
        return Truth()


@hookimpl
def harness_strategies():
    return [
        cls for cls in globals().values() if isinstance(cls, type) and issubclass(cls, Strategy) and cls is not Strategy
    ]
