"""Several short steps as one piece of work: done one after the other, and brought to the disk side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.logs import Logs
from harness.plan import Step
from harness.steps import Report, attempt, fill
from harness.store import Store
from harness.terms import Terms

LONGEST_S = 1.0
"""After so many seconds no further one is begun: another worker may be idle."""

# A disk that is told to sync many files at once does it in about the time of one.
_WRITERS = 16


def perform_several(
    steps: Sequence[Step],
    root: Path,
    provenance: Mapping[str, Any],
    terms: Terms,
    logs: Logs | None,
) -> list[Report]:
    """Reports of those that were begun, in their order; the rest is for another time. Runs in a worker.

    Each has its own artifact, which is complete as soon as it exists, as if it had been alone.
    """
    store, begun = Store(root), time.monotonic()
    ends: list[Future[Report]] = []
    try:
        with logs or nullcontext():
            for step in steps:
                if ends and time.monotonic() - begun > LONGEST_S:
                    break
                report, draft = _act(step, store, provenance, terms)
                ends.append(_writers().submit(_commit, step, store, report, draft))
                if logs:
                    logs.cut(step.key, step.title)
    finally:
        # Also where this process is asked to end: no part of an artifact is to be left behind.
        wait(ends)
    return _lasting(store, steps[0], [end.result() for end in ends])


def _lasting(store: Store, first: Step, reports: Sequence[Report]) -> list[Report]:
    """The reports, of which those that are done survive a loss of power; all steps are of one kind."""
    if not any(report.state == "done" for report in reports):
        return list(reports)
    kept = attempt(first, lambda _: store.last(first.kind))
    if kept.state == "done":
        return list(reports)
    return [replace(kept, key=report.key) if report.state == "done" else report for report in reports]


@cache
def _writers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WRITERS)


def _act(step: Step, store: Store, provenance: Mapping[str, Any], terms: Terms) -> tuple[Report, ExitStack]:
    """How the step went; closing what comes with it makes the artifact of its draft, or takes the draft away."""
    with ExitStack() as open_:

        def act(start: float) -> None:
            draft = open_.enter_context(store.writing(step.kind, step.key, lasting=False))
            fill(step, store, draft, provenance, terms, 0, start)

        return attempt(step, act), open_.pop_all()


def _commit(step: Step, store: Store, report: Report, draft: ExitStack) -> Report:
    committed = attempt(step, lambda _: draft.close())
    if report.state != "done" or committed.state != "done":
        return committed if report.state == "done" else report
    store.forget_checkpoints(step.key)
    return report
