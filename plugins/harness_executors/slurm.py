"""Steps as jobs of Slurm, by submitit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import Executor as Workers
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.api import Executor, MissingDependency, Resources, hookimpl
from harness_executors.sent import Sent
from harness_executors.spans import Span
from harness_executors.surroundings import thread_variables


class Slurm(Executor):
    """Each step is a job. Slurm decides where and when it runs, by what the step takes.

    Every machine needs this environment and sees the store, the data and ``folder`` under the same paths.
    """

    name = "slurm"

    cluster: Literal["slurm", "local"] = "slurm"
    """``local`` runs the jobs as processes of this machine, to try a matrix before it is sent off."""
    at_once: int = Field(default=20, ge=1, le=10_000)
    """Jobs that are submitted at the same time."""
    threads: int = Field(default=2, ge=1, le=1024)
    """Processors of a job, and threads of numerical libraries in it. Another number can change the last digits."""
    timeouts: Mapping[str, Span] = Field(default_factory=dict)
    """Time limit of a job by the kind of its step, as in ``{train: 6h}``; Slurm ends it then."""
    limit: Span = 4 * 3600.0
    """Time limit of jobs of other kinds."""
    folder: str = "runs/jobs"
    """Where submitit keeps calls, answers and logs."""
    parameters: Mapping[str, str | int] = Field(default_factory=dict)
    """Further parameters of submitit, such as ``{slurm_partition: gpu, slurm_account: mine}``."""
    look_s: float = Field(default=2.0, gt=0)
    """How often jobs are looked after, in seconds."""

    def slots(self) -> int:
        return self.at_once

    @contextmanager
    def open(self) -> Iterator[Workers]:
        if find_spec("submitit") is None:
            remedy = "pip install 'ooc-harness[slurm]'"
            raise MissingDependency("submitit is not installed", place="executor slurm", remedy=remedy)
        jobs = _Jobs(self)
        try:
            yield jobs
        finally:
            jobs.shutdown(cancel_futures=True)


class _Jobs(Workers):
    """Jobs that were submitted; one thread looks after all of them."""

    def __init__(self, slurm: Slurm) -> None:
        import submitit

        self._slurm = slurm
        self._folder = Path(slurm.folder).resolve()
        self._executor = submitit.AutoExecutor(folder=self._folder / "%j", cluster=slurm.cluster)
        self._jobs: list[_Job] = []
        self._change = threading.Condition()
        self._closed = False
        threading.Thread(target=self._look, daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        self._executor.update_parameters(**self._parameters(fn))
        call = _Call(Sent.of(partial(fn, *args, **kwargs)), self._slurm.threads)
        job = _Job(self._executor.submit(call))
        with self._change:
            self._jobs.append(job)
            self._change.notify_all()
        return job

    def _parameters(self, fn: Callable[..., Any]) -> dict[str, Any]:
        wanted = getattr(fn, "resources", Resources())
        seconds = self._slurm.timeouts.get(getattr(fn, "kind", ""), self._slurm.limit)
        asked = {
            "name": "harness",
            "timeout_min": ceil(seconds / 60),
            "cpus_per_task": self._slurm.threads * wanted.slots,
            "gpus_per_node": wanted.gpus,
            **({"mem_gb": wanted.ram_gb} if wanted.ram_gb else {}),
        }
        return {**asked, **self._slurm.parameters}

    def _look(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: bool(self._jobs) or self._closed)
                if self._closed:
                    return
                jobs = list(self._jobs)
            ended = [job for job in jobs if job.look()]
            with self._change:
                self._jobs = [job for job in self._jobs if job not in ended]
                self._change.wait_for(lambda: self._closed, timeout=self._slurm.look_s)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._change:
            self._closed = True
            jobs, self._jobs = self._jobs, []
            self._change.notify_all()
        for job in jobs if cancel_futures else ():
            job.cancel()


class _Job(Future[Any]):
    """What became of a job; cancelling it takes it from Slurm's queue, or ends it."""

    def __init__(self, job: Any) -> None:  # noqa: ANN401 - submitit's
        super().__init__()
        self._job = job
        self.set_running_or_notify_cancel()

    def look(self) -> bool:
        """Whether it has ended."""
        if self.done():
            return True
        if not self._job.done():
            return False
        try:
            answer = self._job.result()
        except Exception as error:
            self.set_exception(_told(error, str(self._job.state)))
        else:
            self.set_exception(answer.error) if answer.error is not None else self.set_result(answer.result)
        return True

    def cancel(self) -> bool:
        if self.done():
            return False
        self._job.cancel(check=False)
        self.set_exception(BrokenExecutor("it was asked to end"))
        return True


def _told(error: Exception, state: str) -> Exception:
    """Why a job has no answer, by the word that Slurm has for it."""
    if "OUT_OF_ME" in state:
        return MemoryError("Slurm ended it, since it took more memory than it asked for")
    if "TIMEOUT" in state:
        return TimeoutError("Slurm ended it at its time limit")
    last = str(error).strip().splitlines()
    return BrokenExecutor(f"its job ended in state {state}: {last[-1] if last else 'no word'}")


@dataclass(frozen=True, slots=True)
class _Answer:
    result: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    """What the job does; an error is an answer, so that it comes back as it is."""

    call: Sent
    threads: int

    def __call__(self) -> _Answer:
        os.environ.update(thread_variables(self.threads))
        try:
            return _Answer(self.call())
        except Exception as error:
            return _Answer(error=error)


@hookimpl
def harness_executors() -> Iterable[type[Executor]]:
    return [Slurm]
