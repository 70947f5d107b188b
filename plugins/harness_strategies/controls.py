"""Strategies that a claim is tested against: another one with its labels, its pairs or its second stage spoilt."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from pydantic import Field

from harness.api import (
    Accepts,
    Example,
    Item,
    Named,
    Need,
    Panel,
    Pool,
    Preference,
    Ranked,
    Recipe,
    Strategy,
    Target,
    Verdict,
    hookimpl,
    seed_from,
)

PAIRS = frozenset({Accepts.PREFERENCES, Accepts.IMAGE_PREFERENCES, Accepts.SEVERAL_REJECTED})
"""What a recipe asks of a student where it yields pairs."""


class _Spoilt(Recipe):
    """A recipe of another strategy, of which something is changed."""

    of: Named[Strategy]
    """The strategy."""
    stage: Literal[1, 2]
    """The stage in which the recipe stands."""
    place: int = Field(ge=0)
    """Its place in that stage."""

    @property
    def inner(self) -> Recipe:
        """The recipe that is changed."""
        return (self.of.stage1() if self.stage == 1 else self.of.stage2())[self.place]

    def needs(self) -> frozenset[Need]:
        return self.inner.needs()

    def asks(self) -> frozenset[Accepts]:
        return self.inner.asks()

    def teachers(self) -> frozenset[str] | None:
        return self.inner.teachers()

    def min_teachers(self) -> int:
        return self.inner.min_teachers()


class LearnShuffled(_Spoilt):
    """What the other recipe makes of the bought labels when these are permuted among the bought items."""

    def examples(self, pool: Pool) -> Iterable[Example]:
        return self.inner.examples(_Relabelled(pool, _permuted(pool)))


class LearnFlipped(_Spoilt):
    """The other recipe's examples, each rejected answer preferred to the chosen one."""

    def examples(self, pool: Pool) -> Iterable[Example]:
        for example in self.inner.examples(pool):
            if isinstance(example, Target):
                yield example
            elif example.image_of is None:
                yield from _flipped(example)


class LearnMore(_Spoilt):
    """The last examples of stage 1 again, at random, as many as the recipe has answers."""

    @property
    def again(self) -> Recipe:
        """The last recipe of stage 1."""
        return self.of.stage1()[-1]

    def needs(self) -> frozenset[Need]:
        return self.inner.needs() | self.again.needs()

    def asks(self) -> frozenset[Accepts]:
        return self.again.asks()

    def teachers(self) -> frozenset[str] | None:
        own, others = self.again.teachers(), self.inner.teachers()
        return None if own is None or others is None else own | others

    def min_teachers(self) -> int:
        return max(self.again.min_teachers(), self.inner.min_teachers())

    def examples(self, pool: Pool) -> Iterable[Example]:
        again = list(self.again.examples(pool))
        random.Random(seed_from(pool.seed, "more of stage 1")).shuffle(again)
        return list(islice(cycle(again), sum(map(_answers, self.inner.examples(pool)))))


@dataclass(frozen=True)
class _Relabelled:
    """A pool whose bought labels are others."""

    pool: Pool
    labels: Mapping[str, Verdict]

    @property
    def items(self) -> Mapping[str, Item]:
        return self.pool.items

    @property
    def panel(self) -> Panel:
        return self.pool.panel

    @property
    def rank(self) -> Sequence[Ranked]:
        return self.pool.rank

    @property
    def seed(self) -> int:
        return self.pool.seed


def _permuted(pool: Pool) -> Mapping[str, Verdict]:
    """The labels in another order over the same items in their order: as many of each class."""
    verdicts = [pool.labels[item_id] for item_id in sorted(pool.labels)]
    random.Random(seed_from(pool.seed, "shuffled labels")).shuffle(verdicts)
    drawn = dict(zip(sorted(pool.labels), verdicts, strict=True))
    return {item_id: drawn[item_id] for item_id in pool.labels}


def _flipped(pair: Preference) -> Iterator[Preference]:
    share = pair.weight / len(pair.rejected)
    for rejected in pair.rejected:
        yield Preference(pair.item_id, rejected, (pair.chosen,), weight=share)


def _answers(example: Example) -> int:
    return 1 if isinstance(example, Target) else 1 + len(example.rejected)


class _Around(Strategy):
    """Another strategy, of whose recipes something is changed."""

    of: Named[Strategy]
    """The strategy that is changed, as in the section ``strategies``. It buys by the matrix's rules, or by the one that
    ``rule`` names: the other strategy's own is not taken."""

    def stage1(self) -> Sequence[Recipe]:
        return tuple(self._changed(recipe, 1, place) for place, recipe in enumerate(self.of.stage1()))

    def stage2(self) -> Sequence[Recipe]:
        return tuple(self._changed(recipe, 2, place) for place, recipe in enumerate(self.of.stage2()))

    @abstractmethod
    def _changed(self, recipe: Recipe, stage: Literal[1, 2], place: int) -> Recipe:
        """What stands in the place of the recipe: itself where nothing of it is to be changed."""


class ShuffledLabels(_Around):
    """Another strategy whose bought labels are permuted among the bought items, by the seed: as many of each class.

    What is left of its gain was not in the labels. Costs as many labels. Labels of the validation split stay.
    """

    name = "shuffled-labels"

    def _changed(self, recipe: Recipe, stage: Literal[1, 2], place: int) -> Recipe:
        if Need.LABELS not in recipe.needs():
            return recipe
        return LearnShuffled(of=self.of, stage=stage, place=place, objective=recipe.objective)


class FlippedPairs(_Around):
    """Another strategy whose pairs are turned round: the wrong answer is preferred to the right one.

    It must do worse; where it does not, the pairs have taught nothing. Targets stay. Several rejected answers become as
    many pairs that share the weight; pairs that differ in the image have no other side and are left out.
    """

    name = "flipped-pairs"

    def _changed(self, recipe: Recipe, stage: Literal[1, 2], place: int) -> Recipe:
        if not recipe.asks() & PAIRS:
            return recipe
        return LearnFlipped(of=self.of, stage=stage, place=place, objective=recipe.objective)


class ComputeMatched(Strategy):
    """Another strategy's first stage, and in the place of its second more of the first: is it the training alone?

    Each recipe of stage 2 is replaced by as many targets of the last recipe of stage 1, drawn at random without
    repetition as far as they go, as that recipe has answers: one for a target, two for a pair, since both of its
    answers are read. They are gone over as often as the student goes over targets, unless ``epochs`` says otherwise: a
    student that goes over pairs more often than over targets needs it for an equal count. Bought labels are counted and
    not learnt.
    """

    name = "compute-matched"

    of: Named[Strategy]
    """The strategy whose stage 2 is matched, as in the section ``strategies``; it needs a stage 1 of targets."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes in the place of stage 2, where neither the recipe's nor the student's own are to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return self.of.stage1()

    def stage2(self) -> Sequence[Recipe]:
        first = self.of.stage1()
        recipes = enumerate(self.of.stage2())
        return tuple(self._matched(first[-1], recipe, place) for place, recipe in recipes) if first else ()

    def _matched(self, last: Recipe, recipe: Recipe, place: int) -> Recipe:
        epochs = self.epochs or recipe.objective.epochs or last.objective.epochs
        objective = last.objective.model_copy(update={"epochs": epochs})
        return LearnMore(of=self.of, stage=2, place=place, objective=objective)


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [ShuffledLabels, FlippedPairs, ComputeMatched]
