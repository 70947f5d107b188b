"""What asking the teachers will still cost, from what their answers have cost so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any

from harness.asking import Asking, dollars
from harness.identity import digest, identity
from harness.plan import Plan, Step
from harness.stats import Total, total
from harness.store import Store

# The last answers tell best what the next ones cost.
MOST_SEEN = 2000

QUANTITIES = ("calls", "input_tokens", "output_tokens", "usd", "seconds")


@dataclass(frozen=True, slots=True)
class Forecast:
    """One teacher: ``items`` are at most to be asked about, ``seen`` answers say what that costs."""

    teacher: str
    items: int
    seen: int = 0
    totals: Mapping[str, Total] = field(default_factory=dict)
    """By `QUANTITIES`, as far as something is known of them."""

    def facts(self) -> dict[str, Any]:
        """For other programs; an end that is not known is null."""
        totals = {
            name: {end: None if isnan(value) else value for end, value in asdict(found).items()}
            for name, found in self.totals.items()
        }
        return {"items": self.items, "seen": self.seen, "totals": totals}

    def __str__(self) -> str:
        items = f"{self.teacher}: {self.items} item{'s' * (self.items != 1)}"
        if not self.totals:
            return f"{items}; nothing is known yet of tokens, price and time (--pilot 20 asks about 20 items)"
        parts = [shown(name, found) for name, found in self.totals.items() if found.mean or name == "calls"]
        return f"{items}; {', '.join(parts)}; from {self.seen} answer{'s' * (self.seen != 1)}"


def left(plan: Plan, told: Mapping[str, Asking], todo: Iterable[Step]) -> dict[str, int]:
    """Items that each teacher must at most be asked about. No image is read for it: an answer may be there already."""
    found = dict.fromkeys(plan.matrix.teachers, 0)
    keys = {step.key for step in todo}
    counted: set[str] = set()
    for (teacher, benchmark, split), key in plan.annotations.items():
        if key in keys - counted:
            counted.add(key)
            settled = told[key].settled if key in told else 0
            found[teacher] += max(plan.facts[benchmark].splits[split].items - settled, 0)
    return {teacher: items for teacher, items in found.items() if items}


def forecasts(plan: Plan, store: Store, todo: Iterable[Step]) -> list[Forecast]:
    """For every teacher that is still to be asked."""
    told: Mapping[str, Asking] = {}
    if store.has_accounts():
        with store.accounts() as accounts:
            told = accounts.told()
    return [_forecast(plan, store, teacher, items) for teacher, items in left(plan, told, todo).items()]


def _forecast(plan: Plan, store: Store, teacher: str, items: int) -> Forecast:
    who = digest(identity(plan.matrix.teachers[teacher]))
    if not store.has_journal(who):
        return Forecast(teacher, items)
    with store.journal(who) as journal:
        heard = journal.latest(MOST_SEEN)
    if not heard:
        return Forecast(teacher, items)
    usages = [one.answer["usage"] for one in heard]
    totals = {name: total([usage[name] for usage in usages], items) for name in QUANTITIES[:-1]}
    if seconds := [one.seconds for one in heard if one.seconds]:
        totals["seconds"] = total(seconds, items)
    return Forecast(teacher, items, len(heard), totals)


def shown(name: str, found: Total) -> str:
    """A quantity with its interval."""
    match name:
        case "usd":
            ends = "" if isnan(found.low) else f" ({dollars(found.low)} to {dollars(found.high)})"
            return f"{dollars(found.mean)}{ends}"
        case "seconds":
            ends = "" if isnan(found.low) else f" ({_time(found.low)} to {_time(found.high)})"
            return f"{_time(found.mean)}{ends}"
    ends = "" if isnan(found.low) else f" ({found.low:,.0f} to {found.high:,.0f})"
    return f"{found.mean:,.0f} {name.replace('_', ' ')}{ends}"


def _time(seconds: float) -> str:
    for unit, length in (("s", 1.0), ("min", 60.0)):
        if seconds < 100 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds / 3600:.2g} h"
