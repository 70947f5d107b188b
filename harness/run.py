"""Execute a plan: skip what the store has, run what is ready, and say what became of every step."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import Executor as Workers
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.agenda import Agenda
from harness.components import Executor
from harness.plan import Plan, Step
from harness.plugins import Registry
from harness.steps import Report
from harness.steps.together import perform_together
from harness.store import Store
from harness.terms import Terms, terms_of

StepState = Literal["stored", "done", "failed", "waiting", "blocked", "pending"]


class Progress(Protocol):
    """Watches a run."""

    def begin(self, total: int, reused: int) -> None: ...
    def started(self, step: Step) -> None: ...
    def ended(self, step: Step, report: Report) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What a run did."""

    states: dict[str, StepState] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    inspected: dict[str, Report] = field(default_factory=dict)
    """How those steps ended that looked at the data; no cell is the worse for one that failed."""
    seconds: float = 0.0

    def count(self, state: StepState) -> int:
        """How many steps ended so."""
        return sum(found == state for found in self.states.values())


def missing(plan: Plan, store: Store, *, verify: bool) -> dict[str, Step]:
    """Steps that must run, each after its inputs, cells one after the other.

    What is stored is trusted by its manifest, or by all checksums when ``verify``; a damaged artifact is set aside.
    """
    needed: dict[str, Step] = {}
    seen: dict[str, bool] = {}

    def stored(step: Step) -> bool:
        if step.key not in seen:
            seen[step.key] = _stored(step, store, verify=verify)
        return seen[step.key]

    def visit(key: str) -> None:
        step = plan.steps[key]
        if key not in needed and not stored(step):
            for upstream in step.inputs.values():
                visit(upstream)
            needed[key] = step

    for cell in plan.cells:
        for key in cell.ends:
            visit(key)
    return needed


def _stored(step: Step, store: Store, *, verify: bool) -> bool:
    there = store.has(step.kind, step.key)
    if there and verify and not store.sound(step.kind, step.key):
        aside = store.set_aside(step.kind, step.key)
        warnings.warn(f"{step.kind} {step.key[:12]} was damaged, moved to {aside}", stacklevel=4)
        return False
    return there


def run(
    plan: Plan,
    store: Store,
    executor: Executor,
    registry: Registry,
    provenance: Mapping[str, Any],
    progress: Progress,
) -> Outcome:
    """Run what is missing. A step that fails blocks only the steps that need it."""
    start = time.perf_counter()
    todo = missing(plan, store, verify=True)
    outcome = Outcome(dict.fromkeys(plan.steps, "stored"))
    outcome.states |= dict.fromkeys(todo, "pending")
    progress.begin(len(todo), len(plan.steps) - len(todo))
    for key in plan.steps.keys() - todo.keys():
        registry.step_done(f"{plan.steps[key].kind}:{key}", 0.0, True)
    looks = [found.step for found in plan.inspections.values() if not _stored(found.step, store, verify=True)]
    if todo or looks:
        with executor.open() as workers:
            loop = _Loop(outcome, store, registry, provenance, progress, terms_of(plan), Agenda(todo), looks)
            loop.go(workers, executor.slots())
    outcome.seconds = time.perf_counter() - start
    return outcome


@dataclass(slots=True)
class _Loop:
    outcome: Outcome
    store: Store
    registry: Registry
    provenance: Mapping[str, Any]
    progress: Progress
    terms: Terms
    agenda: Agenda
    looks: list[Step]
    """Inspections that are still to be done, where a worker has nothing else to do."""
    running: dict[Future[list[Report]], list[Step]] = field(default_factory=dict)
    fallen: dict[str, str] = field(default_factory=dict)
    """What became of a common training whose steps are done alone now."""

    def go(self, workers: Workers, slots: int) -> None:
        while self.fill(workers, slots) or self.running:
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                self.settle(self.running.pop(future), future)

    def fill(self, workers: Workers, slots: int) -> bool:
        """Give every free worker what is ready; whether one got something."""
        before = len(self.running)
        while len(self.running) < slots and (steps := self.agenda.take(slots - len(self.running)) or self.look()):
            for step in steps:
                if step.kind != "inspect":
                    self.progress.started(step)
            after = self.fallen.get(steps[0].key)
            known = {**self.provenance, **({"alone_after": after} if after else {})}
            future = workers.submit(perform_together, steps, self.store.root, known, self.terms)
            self.running[future] = steps
        return len(self.running) > before

    def look(self) -> list[Step]:
        """The next inspection; empty where there is none."""
        return [self.looks.pop(0)] if self.looks else []

    def settle(self, steps: Sequence[Step], future: Future[list[Report]]) -> None:
        error = future.exception()
        if error is None:
            for step, report in zip(steps, future.result(), strict=True):
                self.end(step, report)
            return
        reason = f"the worker died: {type(error).__name__}: {error}"
        if len(steps) == 1:
            self.end(steps[0], Report(steps[0].key, "failed", 0.0, reason))
            return
        # Which of them it was that the worker died of shows when each is done alone.
        for step in steps:
            self.fallen[step.key] = reason
            self.agenda.again(step)

    def end(self, step: Step, report: Report) -> None:
        if step.kind == "inspect":
            self.looked(step, report)
            return
        self.outcome.states[step.key] = report.state
        if report.state == "done":
            self.agenda.done(step.key)
            self.store.clear_failure(step.key)
            self.registry.step_done(f"{step.kind}:{step.key}", report.seconds, False)
        else:
            self.outcome.states |= dict.fromkeys(self.agenda.drop(step.key), "blocked")
            self.outcome.reasons[step.key] = report.reason
            self.remember(step, report)
        self.progress.ended(step, report)

    def looked(self, step: Step, report: Report) -> None:
        self.outcome.inspected[step.key] = report
        if report.state == "done":
            self.store.clear_failure(step.key)
        else:
            self.remember(step, report)

    def remember(self, step: Step, report: Report) -> None:
        """Why it did not come to its end."""
        failure = {"state": report.state, "reason": report.reason, "log": report.log, "what": step.what}
        self.store.record_failure(step.key, failure)
