"""Rules for strategies and their recipes."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import cast

from harness.components import Strategy
from harness.errors import HarnessError, LabelNotBought, LedgerError, MissingDependency, TrainingError
from harness.handed import Panel
from harness.identity import digest, identity, seed_from
from harness.lookup import installed
from harness.recipe import Need, Recipe
from harness.steps.pool import DeclaredPool, Ledger
from harness.steps.train import refuse_undeclared
from harness.testing import fresh, material
from harness.testing.contract import broken, skip, told
from harness.types import Example, Preference, Ranked, Target, Verdict, opposite, verdict_of

ITEMS = 240
BUDGET = 80
TEACHERS = ("first", "second")

# Four standard deviations of a share among as many items as are learnt at the least.
CHANCE = 0.25


def check_makes_the_same_recipes_twice(strategy: Strategy) -> None:
    """Let stage1() and stage2() depend on the options alone: strategies with equal recipes share one training."""
    if [digest(identity(recipe)) for recipe in _recipes(strategy)] != [
        digest(identity(recipe)) for recipe in _recipes(strategy)
    ]:
        broken("the recipes have other identities when they are asked for again")


def check_recipes_can_be_sent_to_workers(strategy: Strategy) -> None:
    """Define recipes at the top of a module, with options that JSON and pickle can hold."""
    for recipe in _recipes(strategy):
        try:
            again = type(recipe).model_validate(
                json.loads(json.dumps(recipe.model_dump(mode="json"))), context=installed
            )
            same = again == recipe == pickle.loads(pickle.dumps(recipe))
        except Exception as error:
            broken(f"{type(recipe).__name__}: {told(error)}")
        if not same:
            broken(f"{type(recipe).__name__} is another recipe after pickling or JSON")


def check_makes_examples_without_raising(strategy: Strategy) -> None:
    """examples() turns what the pool holds into targets and preferences, and expects teachers that differ."""
    for recipe in _recipes(strategy):
        error = _try(recipe, pool(recipe))[1]
        if error is not None and not isinstance(error, LedgerError):
            broken(f"{type(recipe).__name__}.examples() raised {told(error)}")


def check_buys_only_what_it_declares(strategy: Strategy) -> None:
    """Read the labels in pool.labels and no other: they are exactly what the cell bought."""
    for recipe in _recipes(strategy):
        error = _try(recipe, pool(recipe))[1]
        if isinstance(error, LabelNotBought):
            broken(f"{type(recipe).__name__}: {error.cause}")


def check_reads_only_what_it_declares(strategy: Strategy) -> None:
    """Name in needs() each part of the pool that examples() reads: the plan inserts the steps that make it."""
    for recipe in _recipes(strategy):
        error = _try(recipe, pool(recipe))[1]
        if isinstance(error, LedgerError) and not isinstance(error, LabelNotBought):
            broken(f"{type(recipe).__name__}: {error.cause}")


def check_uses_the_labels_that_it_buys(strategy: Strategy) -> None:
    """Declare Need.LABELS only where the examples depend on them: a label costs money."""
    for recipe in _recipes(strategy):
        buys = Need.LABELS in recipe.needs()
        if buys and _examples(recipe, pool(recipe)) == _examples(recipe, pool(recipe, flipped=True)):
            broken(f"{type(recipe).__name__} buys labels, and its examples are the same with the opposite labels")


def check_examples_are_what_was_announced(strategy: Strategy) -> None:
    """asks() names every kind of example that examples() yields, and examples are about training items."""
    for recipe in _recipes(strategy):
        given = pool(recipe)
        try:
            refuse_undeclared(_examples(recipe, given), given.items, recipe.asks())
        except TrainingError as error:
            broken(f"{type(recipe).__name__}: {error.cause}")


def check_examples_come_in_a_fixed_order(strategy: Strategy) -> None:
    """Go through items in the pool's order and take chance from seed_from(pool.seed, item_id), never from a set."""
    recipes = _recipes(strategy)
    for recipe in recipes:
        _examples(recipe, pool(recipe))
        fresh.expect_sendable(recipe)
    here, again = digests_of_examples(recipes), digests_of_examples(recipes)
    there = fresh.call(digests_of_examples, recipes) if recipes else []
    for recipe, *made in zip(recipes, here, again, there, strict=True):
        if made[1] != made[0]:
            broken(f"{type(recipe).__name__} makes other examples when it is asked again")
        if made[2] != made[0]:
            broken(f"{type(recipe).__name__} makes other examples in another process")


def check_survives_teachers_without_an_answer(strategy: Strategy) -> None:
    """Expect annotations without a verdict (refused, unparsable, error), on some items from every teacher."""
    for recipe in _recipes(strategy):
        _examples(recipe, pool(recipe))
        error = _try(recipe, pool(recipe, gaps=True))[1]
        if error is not None:
            broken(f"where teachers have no answer, {type(recipe).__name__}.examples() raised {told(error)}")


def check_falls_to_chance_on_shuffled_answers(strategy: Strategy) -> None:
    """Take verdicts from pool.labels and pool.panel alone. What reads captions, images or evidence is a teacher, and
    what knows the truth of an item that was not bought has cheated."""
    truth = material.truth(material.items(ITEMS))
    for recipe in _recipes(strategy):
        examples = _examples(recipe, pool(recipe, shuffled=True))
        learnt = [(item_id, verdict) for item_id, verdict in _verdicts(examples) if item_id in truth]
        right = sum(truth[item_id] == verdict for item_id, verdict in learnt)
        if learnt and abs(right / len(learnt) - 0.5) > CHANCE:
            broken(
                f"teachers and labels are shuffled, and {right} of {len(learnt)} verdicts that"
                f" {type(recipe).__name__} teaches are the true ones"
            )


def pool(recipe: Recipe, *, flipped: bool = False, gaps: bool = False, shuffled: bool = False) -> DeclaredPool:
    """A pool with exactly what the recipe declares as its needs."""
    items = material.items(ITEMS)
    truth = material.truth(items)
    seen = material.shuffled(truth, seed=5) if shuffled else truth
    teachers = _teachers(recipe)
    said = {teacher: material.one_teacher(items, seen, teacher) for teacher in teachers}
    rank = _rank(Panel({item.id: item for item in items}, said))
    labels = {item_id: opposite(verdict) if flipped else verdict for item_id, verdict in seen.items()}
    needs = recipe.needs()
    if gaps:
        said = {teacher: material.with_gaps(said[teacher], 2 + place) for place, teacher in enumerate(teachers)}
    panel = Panel(
        {item.id: item for item in items},
        said if Need.ANNOTATIONS in needs else {},
        material.as_student(said[teachers[0]]) if Need.STAGE1_PREDICTIONS in needs else None,
        material.validation(teachers if Need.ANNOTATIONS in needs else (), gaps) if Need.VALIDATION in needs else None,
    )
    ledger = Ledger.buy(rank, BUDGET, labels) if Need.LABELS in needs else Ledger({})
    return DeclaredPool(panel.items, seed_from("pool"), needs, panel=panel, rank=rank, labels=ledger)


def _teachers(recipe: Recipe) -> tuple[str, ...]:
    """Labels of the teachers that it hears; of as many as it needs where it hears all."""
    if heard := recipe.teachers():
        return tuple(sorted(heard))
    more = range(len(TEACHERS) + 1, recipe.min_teachers() + 1)
    return (*TEACHERS, *(f"teacher-{number}" for number in more))


def _rank(panel: Panel) -> list[Ranked]:
    """Conflicts first, then the rest, which count as conflicts too so that plain labels are bought as well."""
    order = sorted(panel.items, key=lambda item_id: (not panel.disagree(item_id), seed_from(item_id)))
    return [Ranked(item_id, float(panel.disagree(item_id)), True) for item_id in order]


def digests_of_examples(recipes: Sequence[Recipe]) -> list[str]:
    """Digest of the examples that each recipe makes of the kit's pool."""
    return [
        digest([[type(example).__name__, asdict(example)] for example in recipe.examples(pool(recipe))])
        for recipe in recipes
    ]


def _recipes(strategy: Strategy) -> list[Recipe]:
    return [*strategy.stage1(), *strategy.stage2()]


def _try(recipe: Recipe, given: DeclaredPool) -> tuple[list[Example], Exception | None]:
    try:
        return list(recipe.examples(given)), None
    except MissingDependency:
        raise
    except Exception as error:
        return [], error


def _examples(recipe: Recipe, given: DeclaredPool) -> list[Example]:
    """The examples; where it does not get so far, another rule says so."""
    examples, error = _try(recipe, given)
    if error is not None:
        cause = error.cause if isinstance(error, HarnessError) else told(error)
        skip(f"{type(recipe).__name__}.examples() raised: {cause}")
    return examples


def _verdicts(examples: list[Example]) -> list[tuple[str, Verdict]]:
    """What is taught of each item, once for each verdict."""
    return list(dict.fromkeys(_taught(examples)))


def _taught(examples: list[Example]) -> Iterator[tuple[str, Verdict]]:
    for example in examples:
        answer: Target = example.chosen if isinstance(example, Preference) else example
        verdict = answer.verdict or verdict_of(cast(float, answer.p_falsified))
        yield example.item_id, verdict


CHECKS = (
    check_makes_the_same_recipes_twice,
    check_recipes_can_be_sent_to_workers,
    check_makes_examples_without_raising,
    check_buys_only_what_it_declares,
    check_reads_only_what_it_declares,
    check_uses_the_labels_that_it_buys,
    check_examples_are_what_was_announced,
    check_examples_come_in_a_fixed_order,
    check_survives_teachers_without_an_answer,
    check_falls_to_chance_on_shuffled_answers,
)
