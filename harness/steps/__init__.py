"""The kinds of step, and how a worker performs one."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import BudgetSpent, HarnessError, LabelsWanted, Stopped
from harness.plan import Step
from harness.steps.annotate import annotate
from harness.steps.bench import StepBench, forget_warm
from harness.steps.inspect import inspect
from harness.steps.predict import predict
from harness.steps.rank import rank
from harness.steps.train import train
from harness.store import Draft, Store
from harness.terms import Terms

STEPS: Mapping[str, Callable[[Step, Store, StepBench], Mapping[str, Any]]] = {
    "annotate": annotate,
    "rank": rank,
    "train": train,
    "predict": predict,
    "inspect": inspect,
}

State = Literal["done", "failed", "waiting"]


def _device() -> dict[str, str]:
    """The accelerator that torch sees, where the step has loaded torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    return {"device": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}


@dataclass(frozen=True, slots=True)
class Report:
    """How a step ended; ``log`` is a traceback where the fault is not the user's."""

    key: str
    state: State
    seconds: float
    reason: str = ""
    log: str = ""
    memory: bool = False
    """Whether it ended for want of memory."""


def perform(
    step: Step, root: Path, provenance: Mapping[str, Any], terms: Terms | None = None, halvings: int = 0
) -> Report:
    """Run one step and put its artifact into the store at ``root``. Runs in a worker; raises nothing."""
    store = Store(root)

    def act(start: float) -> None:
        with store.writing(step.kind, step.key) as draft:
            fill(step, store, draft, provenance, terms, halvings, start)

    report = attempt(step, act)
    if report.state == "done":
        store.forget_checkpoints(step.key)
    return report


def fill(
    step: Step,
    store: Store,
    draft: Draft,
    provenance: Mapping[str, Any],
    terms: Terms | None,
    halvings: int,
    start: float,
) -> None:
    """Do the step that was begun at ``start``, and say that the draft of its artifact is complete."""
    bench = bench_of(step, store, draft, terms, halvings)
    facts = STEPS[step.kind](step, store, bench)
    draft.finish(manifest(step, bench, facts, provenance, time.perf_counter() - start))


def attempt(step: Step, act: Callable[[float], None]) -> Report:
    """How the act ended, which is told when it began."""
    start = time.perf_counter()
    try:
        act(start)
    except (LabelsWanted, BudgetSpent, Stopped) as error:
        return Report(step.key, "waiting", time.perf_counter() - start, str(error))
    except HarnessError as error:
        return Report(step.key, "failed", time.perf_counter() - start, str(error))
    # A stranger's step may fail in any way; the other cells must go on.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        lacking = _ran_out_of_memory(error)
        report = Report(step.key, "failed", time.perf_counter() - start, reason, traceback.format_exc(), lacking)
    else:
        return Report(step.key, "done", time.perf_counter() - start)
    # Only here: as long as the error is at hand, so is all that its frames hold.
    if report.memory:
        forget_warm()
    return report


def _ran_out_of_memory(error: Exception) -> bool:
    """Of main memory, or of a device's: torch has an exception of its own, and libraries below it have not."""
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def bench_of(step: Step, store: Store, draft: Draft, terms: Terms | None = None, halvings: int = 0) -> StepBench:
    """The workbench over a draft of the step's artifact."""
    return StepBench(store, step.key, draft.folder, int(step.params.get("seed", 0)), terms, halvings)


def manifest(
    step: Step, bench: StepBench, facts: Mapping[str, Any], provenance: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """What is known of a step that is done, beside its files."""
    return {
        "what": step.what,
        "ingredients": step.described(),
        "facts": facts,
        "proofs": bench.proofs,
        "provenance": {
            **provenance,
            **_device(),
            **({"halvings": bench.halvings} if bench.halvings else {}),
            "seconds": round(seconds, 3),
            "finished": round(time.time(), 3),
            **({"measured": bench.measured} if bench.measured else {}),
        },
    }
