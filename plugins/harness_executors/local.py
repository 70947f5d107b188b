"""Steps on this machine: in this process, or in worker processes that stay warm."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor as Workers
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from queue import SimpleQueue
from typing import Any

from pydantic import Field

from harness.api import Executor, hookimpl


class Inline(Executor):
    """One step after the other in this very process: for tests and debuggers."""

    name = "inline"

    @contextmanager
    def open(self) -> Iterator[Workers]:
        yield _Inline()


class _Inline(Workers):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        return future


class Local(Executor):
    """Worker processes on this machine. A worker keeps its imports and base models from step to step."""

    name = "local"

    workers: int = Field(default=1, ge=1, le=256)
    """Processes; each runs one step at a time."""
    threads: int = Field(default=2, ge=1, le=1024)
    """Threads of numerical libraries in each worker. Another number can change the last digits of results."""

    def slots(self) -> int:
        return self.workers

    @contextmanager
    def open(self) -> Iterator[Workers]:
        pool = _Processes(self.workers, self.threads)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Processes(Workers):
    """Pools of one process each, so that a worker that dies takes only its own step with it."""

    def __init__(self, workers: int, threads: int) -> None:
        self._threads = threads
        self._pools: dict[int, ProcessPoolExecutor] = {}
        self._idle: SimpleQueue[int] = SimpleQueue()
        for slot in range(workers):
            self._idle.put(slot)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        """Run on an idle worker; waits where there is none."""
        slot = self._idle.get()
        if slot not in self._pools:
            self._pools[slot] = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_prepare, initargs=(self._threads,)
            )
        future = self._pools[slot].submit(fn, *args, **kwargs)
        future.add_done_callback(lambda done: self._release(slot, done))
        return future

    def _release(self, slot: int, done: Future[Any]) -> None:
        if not done.cancelled() and isinstance(done.exception(), BrokenProcessPool):
            self._pools.pop(slot).shutdown(wait=False)
        self._idle.put(slot)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for pool in self._pools.values():
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)
            if not wait:
                for process in processes:
                    process.terminate()


def _prepare(threads: int) -> None:
    """Runs in a new worker before anything heavy is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Ctrl-C reaches the whole process group; the runner decides what happens to its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose runner was killed must not go on: nobody would see its result."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@hookimpl
def harness_executors() -> Iterable[type[Executor]]:
    return [Inline, Local]
