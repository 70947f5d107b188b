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
from harness.steps.sentry import Sentry
from harness.store import Store
from harness.terms import Terms, terms_of
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
    terms = terms_of(plan)
    return sum(
        _ask(plan.matrix.teachers[label], label, store, terms, list(own.values()), number)
        for label, own in steps.items()
    )


def _ask(teacher: Teacher, label: str, store: Store, terms: Terms, steps: list[Step], number: int) -> int:
    pool = [(step, item) for step in steps for item in _items(step)]
    random.Random(seed_from("pilot", digest(identity(teacher)))).shuffle(pool)
    drawn = pool[:number]
    try:
        return sum(
            _ask_of_step(teacher, label, store, terms, step, [item for of, item in drawn if of.key == step.key])
            for step in steps
        )
    except HarnessError:
        raise
    # A stranger's teacher may fail in any way.
    except Exception as error:
        raise HarnessError(f"{type(error).__name__}: {error}", place=f"teachers.{label}") from error


def _ask_of_step(teacher: Teacher, label: str, store: Store, terms: Terms, step: Step, drawn: list[Item]) -> int:
    who = digest(identity(teacher))
    with store.journal(who) as journal, store.accounts() as accounts, Purse(accounts, terms, label, step.what) as purse:
        known = answered(journal, teacher, drawn)
        asked = [item for item in drawn if item.id not in known]
        if asked:
            kept = [(item, known[item.id]) for item in drawn if item.id in known]
            Sentry(store.canaries(who), terms, teacher, label, purse).before(kept)
        before = accounts.told().get(step.key)
        settled = max(before.settled if before else 0, len(known))
        progress = Asking.of(step.key, label, step.what, len(_items(step)), settled, time.time())
        return len(ask(teacher, asked, journal, purse, accounts, progress))


def _items(step: Step) -> list[Item]:
    benchmark = step.components["benchmark"]
    return list(benchmark.items(step.params["split"]))  # type: ignore[attr-defined]
