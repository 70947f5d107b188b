"""Several trainings of one student as one piece of work; each has its own artifact, as if it had been alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.components import Student
from harness.plan import Step
from harness.recipe import Job
from harness.steps import Report, attempt, bench_of, manifest, perform
from harness.steps.bench import StepBench
from harness.steps.train import learns_nothing, prepare
from harness.store import Draft, Store
from harness.terms import Terms


def perform_together(
    steps: Sequence[Step],
    root: Path,
    provenance: Mapping[str, Any],
    terms: Terms | None = None,
    halvings: int = 0,
) -> list[Report]:
    """A report of each step, in their order; where there are several, they are trainings. Runs in a worker.

    One that cannot be prepared, or has nothing to learn, is done alone. So is each where the common training fails:
    then its provenance says after what.
    """
    if len(steps) == 1:
        return [perform(steps[0], root, provenance, terms, halvings)]
    done: dict[str, Report] = {}
    joint = attempt(steps[0], lambda _: done.update(_train(steps, Store(root), provenance)))
    after = {} if joint.state == "done" else {"alone_after": joint.reason}
    return [done.get(step.key) or perform(step, root, {**provenance, **after}, terms) for step in steps]


@dataclass(frozen=True, slots=True)
class _Training:
    step: Step
    draft: Draft
    bench: StepBench
    job: Job
    facts: Mapping[str, Any]


def _train(steps: Sequence[Step], store: Store, provenance: Mapping[str, Any]) -> dict[str, Report]:
    """Reports of those that were trained; their artifacts are in the store when all are."""
    start = time.perf_counter()
    with ExitStack() as drafts:
        ready = [training for step in steps if (training := _begin(step, store, drafts))]
        if len(ready) < 2:
            return {}
        student = cast(Student, ready[0].step.components["student"])
        student.train_many([training.job for training in ready])
        seconds = _shares([len(training.job.examples) for training in ready], time.perf_counter() - start)
        for training, share in zip(ready, seconds, strict=True):
            others = [other.step.key for other in ready if other is not training]
            known = {**provenance, "together_with": others}
            training.draft.finish(manifest(training.step, training.bench, training.facts, known, share))
    for training in ready:
        store.forget_checkpoints(training.step.key)
    return {
        training.step.key: Report(training.step.key, "done", share)
        for training, share in zip(ready, seconds, strict=True)
    }


def _begin(step: Step, store: Store, drafts: ExitStack) -> _Training | None:
    """The training with all that it needs; None where it is to be done alone, which tells why."""
    begun: list[_Training] = []

    def act(_: float) -> None:
        draft = drafts.enter_context(store.writing(step.kind, step.key))
        bench = bench_of(step, store, draft)
        job, facts = prepare(step, store, bench)
        if not learns_nothing(job, bench):
            begun.append(_Training(step, draft, bench, job, facts))

    attempt(step, act)
    return begun[0] if begun else None


def _shares(sizes: Sequence[int], seconds: float) -> list[float]:
    """The seconds of all, shared out by the numbers of examples."""
    return [seconds * size / sum(sizes) for size in sizes]
