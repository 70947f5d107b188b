"""The loop of a run: what is ready goes to the executor, what came of it back to the agenda."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import Executor as Workers
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.agenda import Agenda
from harness.components import Executor
from harness.events import Events, Name
from harness.handed import Placing
from harness.inquiries import Inquiries
from harness.leases import Leases
from harness.plan import Step
from harness.plugins import Registry
from harness.resources import Resources
from harness.steps import Report
from harness.store import Store
from harness.terms import Terms
from harness.work import StepWork, resources_of

StepState = Literal["stored", "done", "failed", "waiting", "blocked", "pending"]

LOOK_S = 0.5
"""How often a wish to stop, and steps that another run is at, are looked after."""

AWAITED = frozenset({"annotate", "rank", "predict"})
"""Kinds of step that are awaited when a run is asked to stop. Teachers are asked nothing more then."""

GRACE_S = 60.0
"""So long are they awaited: what takes longer is not cheap."""


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
    stopped: bool = False

    def count(self, state: StepState) -> int:
        """How many steps ended so."""
        return sum(found == state for found in self.states.values())


@dataclass(slots=True)
class Tried:
    """What became of a step that is tried once more."""

    reason: str
    halvings: int = 0


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of an executor that is open."""

    workers: Workers
    placing: Placing | None
    slots: int
    logged: bool
    """Whether what is printed goes into the logs of the steps; in the runner's own process it goes to its terminal."""

    @classmethod
    def of(cls, executor: Executor, workers: Workers) -> Crew:
        """What the executor has opened."""
        placing = workers if isinstance(workers, Placing) else None
        return cls(workers, placing, executor.slots(), not executor.in_process)

    def room(self, wanted: Resources, running: int) -> bool:
        """Whether what takes this would begin at once beside so much that runs."""
        return self.placing.room(wanted) if self.placing is not None else running < self.slots


@dataclass(slots=True)
class Dispatch:
    """One run, until all is done or its terms say that it is to stop."""

    outcome: Outcome
    store: Store
    registry: Registry
    provenance: Mapping[str, Any]
    progress: Progress
    terms: Terms
    agenda: Agenda
    leases: Leases
    events: Events
    looks: list[Step]
    """Inspections that are still to be done, where a worker has nothing else to do."""
    far: Inquiries = field(default_factory=Inquiries)
    """Steps that somebody far away may have done meanwhile; their leases are ours."""
    running: dict[Future[Any], StepWork] = field(default_factory=dict)
    elsewhere: dict[str, Step] = field(default_factory=dict)
    """Steps that another run of this store is at."""
    tried: dict[str, Tried] = field(default_factory=dict)

    def go(self, executor: Executor) -> None:
        """Until nothing is left to do, or all that is worth awaiting has ended."""
        with executor.open() as workers:
            crew = Crew.of(executor, workers)
            while not self.terms.stopped():
                self.fill(crew)
                if not (self.running or self.elsewhere or self.far.open):
                    return
                self.turn()
            self.wind_down()

    def turn(self) -> None:
        """Take what has come, or wait for it a while."""
        coming: set[Future[Any]] = {*self.running, *self.far.open}
        if coming:
            wait(coming, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        else:
            time.sleep(LOOK_S)
        for future in [future for future in self.running if future.done()]:
            self.settle(self.running.pop(future), future)
        self.look_elsewhere()
        self.look_far()

    def wind_down(self) -> None:
        """Nothing new; what is cheap comes to its end, trainings go on from their checkpoints another time."""
        self.outcome.stopped = True
        self.events.tell("stopping", running=[work.what for work in self.running.values()])
        until = time.monotonic() + GRACE_S
        for future, work in self.running.items():
            if work.kind not in AWAITED:
                future.cancel()
        while self.running:
            done, _ = wait(self.running, timeout=max(0.0, until - time.monotonic()), return_when=FIRST_COMPLETED)
            for future in done or list(self.running):
                work = self.running.pop(future)
                if future.done() and not future.cancelled() and future.exception() is None:
                    self.settle(work, future)
                else:
                    future.cancel()
                for step in work.steps:
                    self.leases.release(step.key)

    def fill(self, crew: Crew) -> None:
        """Give to the executor what is ready, as long as there is room."""

        def room(wanted: Resources) -> bool:
            return crew.room(wanted, len(self.running))

        while not self.far.full(crew.slots) and (
            steps := self.agenda.take(max(1, crew.slots - len(self.running)), room)
        ):
            if mine := self.ours(steps):
                self.start(crew, mine)
        while self.looks and not self.agenda.ready and room(Resources()):
            self.look(crew, self.looks.pop(0))
        if self.agenda.ready and not (self.running or self.elsewhere or self.far.open):
            self.refuse(crew)

    def look(self, crew: Crew, step: Step) -> None:
        """Inspect some data, unless another run does it already: nothing here waits for what is found."""
        if self.leases.take(step.key, step.title):
            if self.store.has(step.kind, step.key):
                self.leases.release(step.key)
            else:
                self.start(crew, [step])

    def refuse(self, crew: Crew) -> None:
        """Nothing runs, and yet there is no room: there never will be."""
        for step in self.agenda.take(crew.slots, lambda _: True):
            reason = f"no worker has room for it, even alone: it takes {resources_of(step)}"
            self.end(step, Report(step.key, "failed", 0.0, reason))

    def ours(self, steps: Sequence[Step]) -> list[Step]:
        """Those that are for us to do now; they may have been done since we looked, or somebody is at them."""
        taken = self.leases.take_all({step.key: step.title for step in steps})
        mine = []
        for step in steps:
            if step.key not in taken:
                self.elsewhere[step.key] = step
                self.events.about("elsewhere", step)
            elif self.store.has(step.kind, step.key):
                self.leases.release(step.key)
                self.adopt(step)
            else:
                mine.append(step)
        # What is tried once more is done alone, and was asked about before.
        again = any(step.key in self.tried for step in mine)
        return mine if again else self.far.let(mine, self.agenda.pace)

    def adopt(self, step: Step, event: Name = "reused") -> None:
        """Another run has done it."""
        self.outcome.states[step.key] = "stored"
        self.agenda.done(step.key)
        self.events.about(event, step)
        if event == "reused":
            self.far.done(step)
        self.registry.step_done(f"{step.kind}:{step.key}", 0.0, True)
        self.progress.ended(step, Report(step.key, "done", 0.0))

    def look_elsewhere(self) -> None:
        """What another run was at is done, still going on, or ours now."""
        for key, step in list(self.elsewhere.items()):
            if self.store.has(step.kind, key):
                del self.elsewhere[key]
                self.adopt(step)
            elif self.leases.take(key, step.title):
                del self.elsewhere[key]
                self.leases.release(key)
                self.agenda.again(step)

    def look_far(self) -> None:
        """What was asked about is in our store now, or ours to do."""
        for step, here in self.far.news():
            self.leases.release(step.key)
            if here:
                self.adopt(step, "fetched")
            else:
                self.agenda.back(step)

    def start(self, crew: Crew, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.kind != "inspect":
                self.progress.started(step)
            self.events.about("started", step)
        tried = self.tried.get(steps[0].key, Tried(""))
        after = "tried_after" if tried.halvings else "alone_after"
        known = {**self.provenance, **({after: tried.reason} if tried.reason else {})}
        work = StepWork(tuple(steps), self.store.root.resolve(), known, self.terms, tried.halvings, crew.logged)
        self.running[crew.workers.submit(work)] = work

    def settle(self, work: StepWork, future: Future[Any]) -> None:
        error = future.exception()
        if error is None:
            reports = future.result()
            for step, report in zip(work.steps, reports, strict=False):
                self.judge(step, report)
            for step in work.steps[len(reports) :]:
                self.put_back(step)
            return
        lacking = isinstance(error, MemoryError)
        reason = str(error) if isinstance(error, TimeoutError) else f"the worker died: {type(error).__name__}: {error}"
        for step in work.steps:
            # Which of several it was that the worker died of shows when each is done alone.
            if len(work.steps) > 1:
                self.again(step, Tried(reason))
            else:
                self.judge(step, Report(step.key, "failed", 0.0, reason, memory=lacking))

    def judge(self, step: Step, report: Report) -> None:
        """The end of a step, unless another try may help."""
        halvings = self.tried.get(step.key, Tried("")).halvings
        if report.memory and step.kind in ("train", "predict") and not halvings:
            self.again(step, Tried(report.reason, halvings=1))
        else:
            self.end(step, report)

    def again(self, step: Step, tried: Tried) -> None:
        self.tried[step.key] = tried
        self.leases.release(step.key)
        self.agenda.again(step)
        self.events.about("again", step, reason=tried.reason, halvings=tried.halvings)

    def put_back(self, step: Step) -> None:
        """Its worker was busy for too long with those before it."""
        self.leases.release(step.key)
        self.agenda.back(step)
        self.events.about("back", step)

    def end(self, step: Step, report: Report) -> None:
        self.leases.release(step.key)
        self.tell_end(step, report)
        if report.state == "done":
            self.store.clear_failure(step.key)
        else:
            failure = {"state": report.state, "reason": report.reason, "log": report.log, "what": step.what}
            self.store.record_failure(step.key, failure)
        if step.kind == "inspect":
            self.outcome.inspected[step.key] = report
            return
        self.outcome.states[step.key] = report.state
        if report.state == "done":
            self.agenda.done(step.key)
            self.agenda.pace.note(step, report.seconds)
            self.far.done(step)
            self.registry.step_done(f"{step.kind}:{step.key}", report.seconds, False)
        else:
            self.outcome.states |= dict.fromkeys(self.agenda.drop(step.key), "blocked")
            self.outcome.reasons[step.key] = report.reason
        self.progress.ended(step, report)

    def tell_end(self, step: Step, report: Report) -> None:
        told = {"reason": report.reason} if report.reason else {}
        self.events.about("ended", step, state=report.state, seconds=round(report.seconds, 3), **told)
