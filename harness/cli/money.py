"""What teachers have cost and will cost, as `harness plan` and `harness status` say it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import INCOMPLETE

if TYPE_CHECKING:
    from harness.accounts import Spent
    from harness.forecast import Forecast
    from harness.plan import Plan, Step
    from harness.store import Store


@dataclass(frozen=True, slots=True)
class Account:
    """What all runs of a matrix have spent, held against its budget."""

    plan: Plan
    by_teacher: dict[str, Spent]

    @property
    def calls(self) -> int:
        return sum(spent.calls for spent in self.by_teacher.values())

    @property
    def usd(self) -> float:
        return sum(spent.usd for spent in self.by_teacher.values())

    def facts(self) -> dict[str, Any]:
        budget = self.plan.matrix.budget
        teachers = {teacher: {"calls": spent.calls, "usd": spent.usd} for teacher, spent in self.by_teacher.items()}
        bounds = {"usd": budget.usd, "calls": budget.calls}
        return {"calls": self.calls, "usd": self.usd, "budget": bounds, "by_teacher": teachers}

    def line(self) -> str:
        from harness.asking import dollars

        budget = self.plan.matrix.budget
        spent = budget.told(self.calls, self.usd) if budget else f"{self.calls} calls and {dollars(self.usd)}"
        return f"spent by all runs of {self.plan.matrix.title}: {spent}"


def spent_of(plan: Plan, store: Store) -> Account:
    """The account of a matrix; nothing is written for it."""
    if not store.has_accounts():
        return Account(plan, {})
    with store.accounts() as accounts:
        return Account(plan, accounts.by_teacher(plan.matrix.title))


def asked_of(plan: Plan, store: Store) -> list[tuple[str, str, str]]:
    """Key, state and text of the annotate steps that have begun and are not done."""
    if not store.has_accounts():
        return []
    with store.accounts() as accounts:
        told = accounts.told()
    begun = [told[key] for key in plan.steps if key in told and not store.has("annotate", key)]
    return [(one.step, one.word(time.time()), str(one)) for one in begun]


@dataclass(frozen=True, slots=True)
class Outlay:
    """What a run would cost, and why a pilot broke off."""

    spent: Account
    forecasts: list[Forecast]
    stopped: str

    @classmethod
    def of(cls, plan: Plan, store: Store, todo: Iterable[Step], pilot_items: int | None) -> Outlay:
        """Asks teachers where a pilot is wanted."""
        from harness.errors import BudgetSpent
        from harness.forecast import forecasts
        from harness.pilot import pilot

        steps, stopped = list(todo), ""
        try:
            if pilot_items:
                pilot(plan, store, steps, pilot_items)
        except BudgetSpent as error:
            stopped = str(error)
        return cls(spent_of(plan, store), forecasts(plan, store, steps), stopped)

    def facts(self) -> dict[str, Any]:
        items = {found.teacher: found.facts() for found in self.forecasts}
        return {"forecast": items, "spent": self.spent.facts()}

    def lines(self) -> Iterator[str]:
        if self.forecasts:
            yield f"still to be asked about: {sum(found.items for found in self.forecasts)} items at most"
        for found in self.forecasts:
            yield f"  {found}"
        budget = self.spent.plan.matrix.budget
        if self.spent.calls or budget:
            yield self.spent.line()
        expected = [
            sum(found.totals[name].mean for found in self.forecasts if found.totals) for name in ("calls", "usd")
        ]
        if self.forecasts and not budget.covers(self.spent.calls + int(expected[0]) - 1, self.spent.usd + expected[1]):
            yield "  warning: the forecast goes beyond the budget; the run will stop there"

    def end(self) -> None:
        """Leave with the status of an incomplete run where the budget ended the pilot."""
        if self.stopped:
            click.echo(f"the pilot stopped: {self.stopped}", err=True)
            sys.exit(INCOMPLETE)
