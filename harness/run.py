"""Execute a plan: skip what the store has, run what is ready, and say what became of every step."""

from __future__ import annotations

import errno
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from harness.agenda import Agenda
from harness.components import Executor
from harness.dispatch import Dispatch, Outcome, Progress
from harness.errors import StoreError
from harness.events import Events
from harness.inquiries import Inquiries, Source
from harness.leases import Leases
from harness.mounts import demand_locks
from harness.plan import Plan, Step
from harness.plugins import Registry
from harness.store import Store
from harness.terms import Terms, terms_of

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG})


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
    # Reports read what was said and ranked, too, also where all that was made of it is there.
    for key in (*plan.annotations.values(), *plan.ranks.values()):
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
    source: Source | None = None,
) -> Outcome:
    """Run what is missing. A step that fails blocks only the steps that need it.

    A ``source`` is asked about each step before it is begun, and told of each that was done.

    Ctrl-C ends it cleanly: nothing new is begun, and what is cheap is awaited. A second one ends it at once.
    """
    start = time.perf_counter()
    todo = missing(plan, store, verify=True)
    outcome = Outcome(dict.fromkeys(plan.steps, "stored"))
    outcome.states |= dict.fromkeys(todo, "pending")
    progress.begin(len(todo), len(plan.steps) - len(todo))
    for key in plan.steps.keys() - todo.keys():
        registry.step_done(f"{plan.steps[key].kind}:{key}", 0.0, True)
    looks = [found.step for found in plan.inspections.values() if not _stored(found.step, store, verify=True)]
    if todo or looks:
        with writable(store):
            demand_locks(*store.locked())
            terms = terms_of(plan)
            terms = replace(terms, stop=str((store.root / "stops" / terms.run).resolve()))
            with Events(store.root, terms.run) as events, Leases(store.root, terms.run) as leases, _stoppable(terms):
                events.begun(plan.matrix.title, steps=len(plan.steps), to_run=len(todo), cells=len(plan.cells))
                agenda = Agenda(todo)
                asked = Inquiries(source)
                Dispatch(
                    outcome, store, registry, provenance, progress, terms, agenda, leases, events, looks, asked
                ).go(executor)
                events.tell("finished", states=dict(Counter(outcome.states.values())))
    outcome.seconds = time.perf_counter() - start
    return outcome


@contextmanager
def writable(store: Store) -> Iterator[None]:
    """A store that cannot be written to ends the run, with an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise StoreError(
            f"cannot be written to: {error.strerror}",
            place=str(store.root),
            remedy="Nothing that is done is lost: make room or give leave to write, and run again.",
        ) from None


@contextmanager
def _stoppable(terms: Terms) -> Iterator[None]:
    """The first Ctrl-C makes the file of the terms, which all workers see, too; the second one is as ever."""
    stop = Path(terms.stop)
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.exists():
            signal.default_int_handler(number, frame)
        stop.parent.mkdir(parents=True, exist_ok=True)
        stop.touch()
        print(
            "\nstopping: what is cheap is finished, and nothing is lost; Ctrl-C once more stops at once",
            file=sys.stderr,
        )

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        stop.unlink(missing_ok=True)
