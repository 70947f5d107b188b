"""Worker processes are forked from one process that has imported what each of them needs.

It is started while a run is still being read and planned, and imports beside that. What settles its number of threads
when it is imported, as numpy does, may not be imported by it: workers are told theirs when they begin.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.context import ForkServerContext
from threading import Lock

IMPORTED = ("harness.work",)

_ONE = Lock()


def warm() -> None:
    """Start that process, unless there is one; from any thread. Nothing is awaited."""
    with _ONE:
        _start()


def worker_context() -> ForkServerContext:
    """What `multiprocessing` makes worker processes with.

    They begin with the environment that this process had when it asked for the first of them, or was warmed: what a
    worker is to see of the present one, it must be sent.
    """
    warm()
    return get_context("forkserver")


@cache
def _start() -> None:
    forkserver.set_forkserver_preload(list(IMPORTED))
    # Otherwise it would be started below, and let Ctrl-C through again.
    resource_tracker.ensure_running()
    with _set_for_it():
        forkserver.ensure_running()


@contextmanager
def _set_for_it() -> Iterator[None]:
    """It finds the modules that are used here, and none that lie in the folder in which a command is given. Ctrl-C
    reaches the whole process group, and is for the runner."""
    where = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}
    before = {name: os.environ[name] for name in where.keys() & os.environ.keys()}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.environ.update(where)
    try:
        yield
    finally:
        for name in where:
            del os.environ[name]
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
