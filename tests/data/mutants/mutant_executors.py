"""Executors with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import multiprocessing
from concurrent.futures import Executor as Workers
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

from harness.api import Executor, hookimpl
from harness.work import StepWork


class Own(Workers):
    """A pool of one process, made again when it dies."""

    def __init__(self, pools=ProcessPoolExecutor):
        self.make = lambda: ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        self.pool = self.make()

    def submit(self, fn, /, *arguments, **options):
        if getattr(self.pool, "_broken", False):
            self.pool = self.make()
        return self.pool.submit(fn, *arguments, **options)

    def end(self):
        processes = list((self.pool._processes or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


class Spawned(Executor):
    """One process at a time."""

    name = "spawned"
    workers: ClassVar = Own

    @contextmanager
    def open(self):
        workers = self.workers()
        try:
            yield workers
        finally:
            workers.end()


class Answers(Own):
    def submit(self, fn, /, *arguments, **options):
        return super().submit(fn, *arguments, **options).result()


class Blocking(Spawned):
    """Gives results instead of futures."""

    name = "blocking"
    breaks: ClassVar = "runs what is submitted"
    seen: ClassVar = "submit() gave 5, which is no Future"
    workers: ClassVar = Answers


class Swallows(Own):
    def submit(self, fn, /, *arguments, **options):
        future = Future()

        def settle(done):
            if done.cancelled():
                future.cancel()
            elif isinstance(done.exception(), BrokenProcessPool):
                future.set_exception(done.exception())
            else:
                future.set_result(None if done.exception() else done.result())

        super().submit(fn, *arguments, **options).add_done_callback(settle)
        return future


class Quiet(Spawned):
    """Swallows exceptions."""

    name = "quiet"
    breaks: ClassVar = "hands an exception back"
    seen: ClassVar = "a call raised KeyError, and its future says None"
    workers: ClassVar = Swallows


class Once(Own):
    def submit(self, fn, /, *arguments, **options):
        return self.pool.submit(fn, *arguments, **options)


class Brittle(Spawned):
    """Does not get over a dead worker."""

    name = "brittle"
    breaks: ClassVar = "a dead worker takes only its own call with it"
    seen: ClassVar = "a worker's death stops the executor: BrokenProcessPool: "
    workers: ClassVar = Once


class Boasts(Spawned):
    """Says two and has one."""

    name = "boasts"
    breaks: ClassVar = "runs as many at once as it says"
    seen: ClassVar = "slots() is 2, and two calls do not run at the same time"

    def slots(self):
        return 2


class Meddles(Own):
    def submit(self, fn, /, *arguments, **options):
        if isinstance(fn, StepWork) and fn.kind == "predict":
            fn = replace(fn, root=fn.root.with_name("elsewhere"))
        return super().submit(fn, *arguments, **options)


class Elsewhere(Spawned):
    """Writes predictions into another store."""

    name = "elsewhere"
    breaks: ClassVar = "gives the results of an inline run"
    seen: ClassVar = " cells are "
    workers: ClassVar = Meddles


class Lets(Own):
    """Lets a busy process go on."""

    def end(self):
        self.pool.shutdown(wait=False)


class Stays(Spawned):
    """Leaves a busy process behind."""

    name = "stays"
    breaks: ClassVar = "leaves no process behind"
    seen: ClassVar = "a busy worker still runs 10 s after the executor was closed"
    workers: ClassVar = Lets


class Threads(Executor):
    """Threads of this process."""

    name = "threads"

    def slots(self):
        return 2

    @contextmanager
    def open(self):
        with ThreadPoolExecutor(2) as pool:
            yield pool


@hookimpl
def harness_executors():
    return [
        cls for cls in globals().values() if isinstance(cls, type) and issubclass(cls, Executor) and cls is not Executor
    ]
