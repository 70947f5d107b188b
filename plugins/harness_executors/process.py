"""One worker process: it is sent a call, and sends back what came of it."""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from harness.api import worker_context
from harness_executors.surroundings import thread_variables

# A worker that was asked to end gets so long; what it was at goes on from a checkpoint, or is done anew.
GRACE_S = 5.0


class Call(Future[Any]):
    """A call that a worker is at or will be. Cancelling it ends the worker, if it has begun."""

    def __init__(self, call: bytes, seconds: float | None) -> None:
        super().__init__()
        self.call = call
        self.seconds = seconds
        self.worker: Worker | None = None
        self.ended_by_us = False

    def cancel(self) -> bool:
        """Whether it will not come to its end."""
        if super().cancel():
            return True
        if self.worker is None or self.done():
            return False
        self.ended_by_us = True
        self.worker.end()
        return True


class Worker:
    """A process that is started at the first call, stays warm, and is started anew after a death."""

    def __init__(self, threads: int, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self._threads = threads
        self._process: Any = None
        self._pipe: Connection | None = None

    def run(self, call: Call) -> Callable[[], None]:
        """Have it done, and wait; calling what is returned tells the future what came of it."""
        call.worker = self
        try:
            pipe = self._started()
            pipe.send_bytes(call.call)
            answered = pipe.poll(call.seconds)
            failed, result = pickle.loads(pipe.recv_bytes()) if answered else (None, None)
        except (OSError, EOFError):
            return partial(call.set_exception, self._died(call))
        if not answered:
            self.close()
            late = TimeoutError(f"it was ended after {call.seconds:g} s, the limit for steps of its kind")
            return partial(call.set_exception, late)
        return partial(call.set_exception, failed) if failed is not None else partial(call.set_result, result)

    def end(self, at_once: bool = False) -> None:
        """End the process; another one takes its place at the next call."""
        process = self._process
        if process is None or process.pid is None:
            return
        with suppress(ProcessLookupError, OSError):
            process.kill() if at_once else process.terminate()

    def close(self) -> None:
        """End the process for good, and wait until it has ended."""
        self.end()
        if self._process is not None:
            self._process.join(GRACE_S)
            self.end(at_once=True)
            self._process.join()
            self._pipe = None

    def _started(self) -> Connection:
        if self._pipe is None:
            context = worker_context()
            self._pipe, theirs = context.Pipe()
            seen = {**os.environ, **thread_variables(self._threads), **self.variables}
            self._process = context.Process(target=_serve, args=(theirs, seen), daemon=False)
            self._process.start()
            theirs.close()
        return self._pipe

    def _died(self, call: Call) -> Exception:
        self._process.join(GRACE_S)
        self.end(at_once=True)
        self._process.join()
        status = self._process.exitcode
        self._pipe = None
        if call.ended_by_us:
            return BrokenExecutor("it was asked to end")
        if status == -signal.SIGKILL:
            return MemoryError("it was killed, as the system does when memory runs out")
        told = signal.Signals(-status).name if status and status < 0 else f"exit status {status}"
        return BrokenExecutor(f"it ended by {told}")


def pickled(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
    """A call as bytes; raises where it cannot be sent."""
    return pickle.dumps((fn, args, dict(kwargs)))


def _serve(pipe: Connection, environment: Mapping[str, str]) -> None:
    """What a worker does all its life."""
    _prepare(environment)
    status = 0
    try:
        _answer(pipe)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    # To take large libraries down one by one takes seconds, and frees what the system frees anyway.
    sys.stdout.flush()
    sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(status)


def _answer(pipe: Connection) -> None:
    """Call after call, until the runner has closed its end."""
    while True:
        try:
            call = pipe.recv_bytes()
        except EOFError:
            return
        try:
            fn, args, kwargs = pickle.loads(call)
            answer = pickle.dumps((None, fn(*args, **kwargs)))
        except Exception as error:
            answer = _failure(error)
        try:
            pipe.send_bytes(answer)
        except OSError:
            # The runner was killed; what was done is in the store.
            return


def _failure(error: Exception) -> bytes:
    """The error, or its text where it cannot be sent."""
    try:
        return pickle.dumps((error, None))
    except Exception:
        return pickle.dumps((RuntimeError(f"{type(error).__name__}: {error}"), None))


def _prepare(environment: Mapping[str, str]) -> None:
    """Runs in a new worker before anything heavy is imported."""
    os.environ.clear()
    os.environ.update({"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", **environment})
    # Ctrl-C reaches the whole process group; the runner decides what happens to its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Drafts are taken away on the way out.
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_the_runner, daemon=True).start()


def _leave(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _end_with_the_runner() -> None:
    """A worker whose runner was killed must not go on: nobody would see its result."""
    if runner := parent_process():
        runner.join()
    os._exit(1)
