"""Steps on a Ray cluster: one that runs already, or one that is started on this machine for the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import Executor as Workers
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from pydantic import Field

from harness.api import Executor, MissingDependency, Resources, hookimpl
from harness_executors.limit import within
from harness_executors.sent import Sent
from harness_executors.spans import Span
from harness_executors.surroundings import thread_variables


class RayCluster(Executor):
    """Ray decides where a step runs; it queues what it has no room for, and an autoscaler sees that.

    Every machine needs this environment and sees the store and the data under the same paths.
    """

    name = "ray"

    address: str | None = None
    """Address of a cluster that runs, such as ``auto`` or ``ray://head:10001``; without it one is started here."""
    at_once: int = Field(default=64, ge=1, le=10_000)
    """Steps that are submitted at the same time."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Processors of the cluster that is started here, each for one step; by default as many as the machine has."""
    threads: int = Field(default=2, ge=1, le=1024)
    """Threads of numerical libraries in a step. Another number can change the last digits of results."""
    gpu_gb: float | None = Field(default=None, gt=0)
    """Memory of a device in GB, so that steps which say what they take may share one."""
    timeouts: Mapping[str, Span] = Field(default_factory=dict)
    """The longest that a step may take by its kind, as in ``{train: 6h}``; then it is ended and fails."""
    tries: int = Field(default=2, ge=0, le=10)
    """How often a step is begun anew that was lost with its worker or its machine."""

    def slots(self) -> int:
        return self.at_once

    @contextmanager
    def open(self) -> Iterator[Workers]:
        if find_spec("ray") is None:
            raise MissingDependency(
                "ray is not installed", place="executor ray", remedy="pip install 'ooc-harness[ray]'"
            )
        import ray

        # Ray would take a virtual environment of ``uv run`` along, and report where it is used.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # A later release would set it for tasks without devices, and they would be hidden from those that have some.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        here = not ray.is_initialized()
        if here:
            started = {"num_cpus": self.workers, "include_dashboard": False} if self.address is None else {}
            ray.init(address=self.address or "local", log_to_driver=False, logging_level="error", **started)
        calls = _Calls(self)
        try:
            yield calls
        finally:
            calls.shutdown(cancel_futures=True)
            if here:
                ray.shutdown()


class _Calls(Workers):
    """Turns calls into Ray's tasks, and what becomes of them into futures."""

    def __init__(self, cluster: RayCluster) -> None:
        import ray

        self._cluster = cluster
        self._running: set[Future[Any]] = set()
        self._gpus = bool(ray.cluster_resources().get("GPU"))
        self._remote = ray.remote(_run)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        wanted = getattr(fn, "resources", Resources())
        limit = self._cluster.timeouts.get(getattr(fn, "kind", ""))
        task = _Task(self._remote.options(**self._options(wanted)).remote(Sent.of(partial(fn, *args, **kwargs)), limit))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.watch()
        return task

    def _options(self, wanted: Resources) -> dict[str, Any]:
        variables = {**thread_variables(self._cluster.threads), "HF_HUB_DISABLE_TELEMETRY": "1"}
        passed = ("HF_HUB_OFFLINE", "HARNESS_REAL_DATA", "HARNESS_JOURNAL_MODE")
        kept = {name: os.environ[name] for name in passed if name in os.environ}
        return {
            "num_cpus": wanted.slots,
            "num_gpus": self._devices(wanted) if self._gpus else 0,
            "memory": int(wanted.ram_gb * 1e9) or None,
            "max_retries": self._cluster.tries,
            "runtime_env": {"env_vars": {**variables, **kept}},
        }

    def _devices(self, wanted: Resources) -> float:
        """A share of a device where its memory is known and one is taken; whole ones otherwise."""
        if wanted.gpus == 1 and wanted.gpu_gb and self._cluster.gpu_gb:
            return min(1.0, wanted.gpu_gb / self._cluster.gpu_gb)
        return wanted.gpus

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for task in list(self._running):
                task.cancel()


class _Task(Future[Any]):
    """What became of a task; cancelling it ends its worker."""

    def __init__(self, reference: Any) -> None:  # noqa: ANN401 - ray's
        super().__init__()
        self._reference = reference
        self.set_running_or_notify_cancel()

    def watch(self) -> None:
        self._reference.future().add_done_callback(self._tell)

    def _tell(self, found: Future[Any]) -> None:
        error = found.exception()
        if error is None:
            self.set_result(found.result())
        else:
            self.set_exception(_told(error))

    def cancel(self) -> bool:
        import ray

        if self.done():
            return False
        ray.cancel(self._reference, force=True)
        return True


def _told(error: BaseException) -> BaseException:
    """Ray's error as the core knows them; what the call raised itself comes as it was."""
    from ray import exceptions

    if isinstance(error, exceptions.OutOfMemoryError):
        return MemoryError("Ray ended it, since its machine ran out of memory")
    if isinstance(error, exceptions.RayTaskError):
        cause: BaseException = error.cause
        return cause
    return BrokenExecutor(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)


def _run(sent: Sent, limit: float | None) -> Any:  # noqa: ANN401
    """In a worker of Ray's."""
    return sent() if limit is None else within(limit, sent)


@hookimpl
def harness_executors() -> Iterable[type[Executor]]:
    return [RayCluster]
