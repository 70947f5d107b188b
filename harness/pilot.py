"""Ask each teacher about a few items for real, to learn what all of them will cost. The answers are kept."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

from harness.asking import Asking
from harness.components import Teacher
from harness.errors import HarnessError
from harness.identity import digest, identity, seed_from
from harness.plan import Plan, Step
from harness.steps.annotate import answered, ask
from harness.steps.purse import Purse
from harness.store import Store
from harness.terms import terms_of
from harness.types import Item


def pilot(plan: Plan, store: Store, todo: Iterable[Step], number: int) -> int:
    """Answers that were fetched; raises `BudgetSpent`, and what a teacher raises.

    The items are drawn at random from all that the teacher is to be asked about, the same ones each time: a second
    pilot of the same size asks nobody.
    """
    keys = {step.key for step in todo}
    steps: dict[str, dict[str, Step]] = {}
    for (teacher, _, _), key in plan.annotations.items():
        if key in keys:
            steps.setdefault(teacher, {})[key] = plan.steps[key]
    return sum(_ask(plan, store, teacher, list(own.values()), number) for teacher, own in steps.items())


def _ask(plan: Plan, store: Store, label: str, steps: list[Step], number: int) -> int:
    teacher = plan.matrix.teachers[label]
    pool = [(step, item) for step in steps for item in _items(step)]
    random.Random(seed_from("pilot", digest(identity(teacher)))).shuffle(pool)
    drawn = pool[:number]
    try:
        return sum(
            _ask_of_step(plan, store, label, step, [item for of, item in drawn if of.key == step.key]) for step in steps
        )
    except HarnessError:
        raise
    # A stranger's teacher may fail in any way.
    except Exception as error:
        raise HarnessError(f"{type(error).__name__}: {error}", place=f"teachers.{label}") from error


def _ask_of_step(plan: Plan, store: Store, label: str, step: Step, drawn: list[Item]) -> int:
    teacher: Teacher = plan.matrix.teachers[label]
    terms = terms_of(plan)
    with (
        store.journal(digest(identity(teacher))) as journal,
        store.accounts() as accounts,
        Purse(accounts, terms, label, step.what) as purse,
    ):
        known = answered(journal, teacher, drawn)
        asked = [item for item in drawn if item.id not in known]
        before = accounts.told().get(step.key)
        settled = max(before.settled if before else 0, len(known))
        progress = Asking.of(step.key, label, step.what, len(_items(step)), settled, time.time())
        return len(ask(teacher, asked, journal, purse, accounts, progress))


def _items(step: Step) -> list[Item]:
    benchmark = step.components["benchmark"]
    return list(benchmark.items(step.params["split"]))  # type: ignore[attr-defined]
