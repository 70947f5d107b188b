"""How far a matrix is: steps that are done, that somebody is at, and what is left to do."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.leases import Lease, running
from harness.pace import sort_of
from harness.plan import REVISIONS, Plan
from harness.store import Store


@dataclass(frozen=True, slots=True)
class Standing:
    """Steps of a plan as they stand now; nothing is read of what other matrices do."""

    done: Counter[str]
    total: Counter[str]
    running: tuple[Lease, ...]
    seconds_left: float | None
    """At the mean of what is done of each kind, on the workers that the executor has; None where that is not known."""

    @classmethod
    def of(cls, plan: Plan, store: Store) -> Standing:
        """What the store and the leases in it say."""
        stored = {key for key, step in plan.steps.items() if store.has(step.kind, step.key)}
        kinds = Counter(step.kind for step in plan.steps.values())
        at_work = tuple(lease for lease in running(store.root) if lease.step in plan.steps and lease.step not in stored)
        return cls(
            Counter(plan.steps[key].kind for key in stored),
            Counter({kind: count for kind in REVISIONS if (count := kinds[kind])}),
            at_work,
            _seconds_left(plan, store, stored, at_work),
        )

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.done == self.total

    def lines(self) -> Iterator[str]:
        """For people."""
        for lease in self.running:
            yield f"running  {lease.what} for {spelled(time.time() - lease.since)}, on {lease.host}"
        kinds = ", ".join(f"{kind} {self.done[kind]}/{self.total[kind]}" for kind in self.total)
        left = "" if self.seconds_left is None or self.finished else f"; about {spelled(self.seconds_left)} left"
        yield f"steps: {self.done.total()} of {self.total.total()} done ({kinds}){left}"

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "steps": {kind: {"done": self.done[kind], "total": self.total[kind]} for kind in self.total},
            "running": [
                {"step": lease.step, "what": lease.what, "host": lease.host, "since": lease.since}
                for lease in self.running
            ],
            "seconds_left": self.seconds_left,
        }


def _seconds_left(plan: Plan, store: Store, stored: set[str], at_work: tuple[Lease, ...]) -> float | None:
    """From the seconds of what is stored, by sort of step or else by kind; None where a kind was never done."""
    spent: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for key in stored:
        step = plan.steps[key]
        seconds = float(store.manifest(step.kind, key)["provenance"]["seconds"])
        for group in ((step.kind,), sort_of(step)):
            spent[group].append(seconds)
    begun = {lease.step: time.time() - lease.since for lease in at_work}
    left = 0.0
    for key in plan.steps.keys() - stored:
        step = plan.steps[key]
        known = spent.get(sort_of(step)) or spent.get((step.kind,))
        if not known:
            return None
        left += max(0.0, sum(known) / len(known) - begun.get(key, 0.0))
    return left / plan.matrix.executor.slots()


def spelled(seconds: float) -> str:
    """A span in two units at most, such as ``2 h 5 min``."""
    whole = max(0, round(seconds))
    for unit, size, below, small in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"
