"""What a step may spend: each answer is paid as it comes, and nobody is asked when the budget is spent."""

from __future__ import annotations

import operator
import time
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, overload

from harness.accounts import Accounts, Purpose
from harness.asking import dollars
from harness.components import Teacher
from harness.errors import BudgetSpent, Stopped, TeacherError
from harness.terms import Terms
from harness.types import Annotation, Item, Usage

# So many answers are waited for when the budget is spent; a teacher that has asked for more is broken off.
MOST_IN_FLIGHT = 64

SETTLE_S = 1.0


class Purse:
    """The matrix's money in the hands of one step; other workers spend from it, too."""

    def __init__(self, accounts: Accounts, terms: Terms, teacher: str, what: str) -> None:
        self._accounts = accounts
        self._terms = terms
        self._teacher = teacher
        self._what = what
        self._owed: dict[Purpose, Usage] = {}
        self._paid = time.monotonic()

    def __enter__(self) -> Purse:
        return self

    def __exit__(self, *_: object) -> None:
        self._settle()

    @property
    def bounded(self) -> bool:
        """Whether asking may have to end before all is asked."""
        return bool(self._terms.budget) or bool(self._terms.stop)

    def empty(self) -> bool:
        """Whether nothing more may be asked."""
        if self._terms.stopped():
            return True
        if not self._terms.budget:
            return False
        spent = self._accounts.spent(self._terms.matrix)
        return not self._terms.budget.covers(spent.calls, spent.usd)

    def pay(self, usage: Usage, purpose: Purpose) -> None:
        """Count what an answer cost; raises `ValueError` where that is no price."""
        if not all(isfinite(number) and number >= 0 for number in _numbers(usage)):
            raise ValueError(f"{self._teacher} says that an answer cost {usage}")
        owed = self._owed.get(purpose, Usage(calls=0))
        self._owed[purpose] = Usage(*map(operator.add, _numbers(owed), _numbers(usage)))
        # What costs nothing may be written down a little later.
        if self._terms.budget or usage.usd or time.monotonic() - self._paid > SETTLE_S:
            self._settle()

    def _settle(self) -> None:
        for purpose, usage in self._owed.items():
            self._accounts.pay(self._terms.matrix, self._teacher, purpose, usage)
        self._owed.clear()
        self._paid = time.monotonic()

    def refusal(self, left: int) -> TeacherError:
        """Says why nothing more is asked, and what to do."""
        if self._terms.stopped():
            return Stopped(
                f"the run was stopped; {left} items of {self._what} are left",
                remedy="Run again: every answer is kept, and only the rest is asked for.",
            )
        spent = self._accounts.spent(self._terms.matrix)
        by = ", ".join(
            f"{teacher} {found.calls} calls" + (f" and {dollars(found.usd)}" if found.usd else "")
            for teacher, found in self._accounts.by_teacher(self._terms.matrix).items()
        )
        return BudgetSpent(
            f"the budget of {self._terms.matrix} is spent: {self._terms.budget.told(spent.calls, spent.usd)} ({by});"
            f" {left} items of {self._what} are left",
            remedy="Raise budget:, or ask about fewer items. Every answer is kept, and a run goes on from there.",
        )


def _numbers(usage: Usage) -> tuple[int, int, int, float]:
    return usage.calls, usage.input_tokens, usage.output_tokens, usage.usd


class Tap(Sequence[Item]):
    """Items for a teacher, one after the other as long as there is money."""

    def __init__(self, items: Sequence[Item], purse: Purse) -> None:
        self._items = items
        self._purse = purse
        self._handed = 0
        self._at_once = False

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | Sequence[Item]:
        found = self._items[at]
        self._handed += len(found) if isinstance(found, Sequence) else 1
        return found

    def __iter__(self) -> Iterator[Item]:
        for item in self._items:
            if self._purse.empty():
                return
            self._handed += 1
            yield item

    def waits(self, heard: int, since: int) -> bool:
        """Whether answers are on their way after ``heard`` of them, ``since`` of which came for no more money.

        A teacher that took all items before its first answer does not show what it has asked.
        """
        if heard == 1:
            self._at_once = self._handed >= len(self._items)
        return not self._at_once and since < MOST_IN_FLIGHT and heard < self._handed


def asking(teacher: Teacher, items: Sequence[Item], purse: Purse, purpose: Purpose) -> Iterator[Any]:
    """What the teacher says, a stranger's values; raises `BudgetSpent` or `Stopped` where items are left."""
    if not items:
        return
    if purse.empty():
        raise purse.refusal(len(items))
    tap = Tap(items, purse)
    answers = iter(teacher.annotate(tap if purse.bounded else items))
    close = getattr(answers, "close", None)
    heard = since = 0
    for said in answers:
        heard += 1
        if isinstance(said, Annotation):
            purse.pay(said.usage, purpose)
        yield said
        spent = purse.empty()
        since += spent
        if not tap.waits(heard, since) and spent and close:
            close()
            break
    if heard < len(items) and purse.empty():
        raise purse.refusal(len(items) - heard)
