"""The kinds of step, and how a worker performs one."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import BudgetSpent, HarnessError, LabelsWanted
from harness.plan import Step
from harness.steps.annotate import annotate
from harness.steps.bench import StepBench
from harness.steps.predict import predict
from harness.steps.rank import rank
from harness.steps.train import train
from harness.store import Store
from harness.terms import Terms

STEPS: Mapping[str, Callable[[Step, Store, StepBench], Mapping[str, Any]]] = {
    "annotate": annotate,
    "rank": rank,
    "train": train,
    "predict": predict,
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


def perform(step: Step, root: Path, provenance: Mapping[str, Any], terms: Terms | None = None) -> Report:
    """Run one step and put its artifact into the store at ``root``. Runs in a worker; raises nothing."""
    store, start = Store(root), time.perf_counter()
    try:
        with store.writing(step.kind, step.key) as draft:
            bench = StepBench(store, step.key, draft.folder, int(step.params.get("seed", 0)), terms)
            facts = STEPS[step.kind](step, store, bench)
            seconds = time.perf_counter() - start
            draft.finish(
                {
                    "what": step.what,
                    "ingredients": step.described(),
                    "facts": facts,
                    "proofs": bench.proofs,
                    "provenance": {
                        **provenance,
                        **_device(),
                        "seconds": round(seconds, 3),
                        "finished": round(time.time(), 3),
                    },
                }
            )
    except (LabelsWanted, BudgetSpent) as error:
        return Report(step.key, "waiting", time.perf_counter() - start, str(error))
    except HarnessError as error:
        return Report(step.key, "failed", time.perf_counter() - start, str(error))
    # A stranger's step may fail in any way; the other cells must go on.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return Report(step.key, "failed", time.perf_counter() - start, reason, traceback.format_exc())
    shutil.rmtree(store.checkpoints(step.key), ignore_errors=True)
    return Report(step.key, "done", seconds)
