"""Steps on this machine: in this process, or in worker processes that stay warm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor as Workers
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import Field

from harness.api import Executor, Resources, hookimpl
from harness_executors.devices import Device, Ledger, environment, found, visible
from harness_executors.process import Call, Worker, pickled
from harness_executors.spans import Span


class Inline(Executor):
    """One step after the other in this very process: for tests and debuggers."""

    name = "inline"
    in_process = True

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
    """Worker processes on this machine. A worker keeps its imports and base models from step to step.

    A step that takes devices gets its own, and sees no other; steps that say how much memory they take share one.
    A worker that dies fails its own step and no other.
    """

    name = "local"

    workers: int = Field(default=1, ge=1, le=256)
    """Processes; each runs one step at a time."""
    threads: int = Field(default=2, ge=1, le=1024)
    """Threads of numerical libraries in each worker. Another number can change the last digits of results."""
    gpus: Literal["auto"] | Annotated[int, Field(ge=0, le=64)] | tuple[str, ...] = "auto"
    """The devices to give out: those that the driver shows (``auto``), the first so many, or these, by the names that
    ``CUDA_VISIBLE_DEVICES`` has for them. A step that takes devices where there is none runs without."""
    gpu_gb: float | None = Field(default=None, gt=0)
    """Memory of each device in GB, where the driver is not to be asked."""
    ram_gb: float | None = Field(default=None, gt=0)
    """Main memory in GB that steps which say what they take may take together."""
    timeouts: Mapping[str, Span] = Field(default_factory=dict)
    """The longest that a step may take by its kind, as in ``{train: 6h, predict: 30m}``; then it is ended and fails."""

    def slots(self) -> int:
        return self.workers

    def devices(self) -> tuple[Device, ...]:
        """The devices that are given out."""
        if isinstance(self.gpus, tuple):
            devices: Sequence[Device] = [Device(name) for name in self.gpus]
        elif self.gpus == "auto":
            devices = found()
        else:
            known = found() if self.gpus else ()
            devices = known[: self.gpus] if len(known) >= self.gpus else [Device(str(i)) for i in range(self.gpus)]
        return tuple(Device(device.name, self.gpu_gb or device.gb) for device in devices)

    @contextmanager
    def open(self) -> Iterator[Workers]:
        pool = Processes(self.workers, self.threads, self.devices(), self.ram_gb, self.timeouts)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class Processes(Workers):
    """Workers with what they have been given of the machine. A thread here waits for each."""

    def __init__(
        self,
        workers: int,
        threads: int,
        devices: Sequence[Device] = (),
        ram_gb: float | None = None,
        timeouts: Mapping[str, float] | None = None,
    ) -> None:
        self._slots = workers
        self._threads = threads
        self._devices = devices
        self._ram_gb = ram_gb
        self._timeouts = timeouts or {}
        self._ledger = Ledger(devices)
        self._busy: dict[Call, Resources] = {}
        self._idle: list[Worker] = []
        self._change = threading.Condition()
        self._waiting: list[threading.Thread] = []
        self._closed = False

    def room(self, wanted: Resources) -> bool:
        """Whether a call that takes this would begin at once."""
        with self._change:
            return self._room(wanted)

    def _room(self, wanted: Resources) -> bool:
        if not self._busy:
            return True
        slots = sum(taken.slots for taken in self._busy.values()) + wanted.slots
        ram = sum(taken.ram_gb for taken in self._busy.values()) + wanted.ram_gb
        fits = slots <= self._slots and (self._ram_gb is None or ram <= self._ram_gb)
        return fits and self._ledger.pick(wanted) is not None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        """Run on a worker that has what the call takes; waits where there is none."""
        wanted = getattr(fn, "resources", Resources())
        call = Call(pickled(fn, args, kwargs), self._timeouts.get(getattr(fn, "kind", "")))
        with self._change:
            self._change.wait_for(lambda: self._room(wanted))
            devices = self._ledger.pick(wanted) or ()
            self._ledger.take(devices, wanted.gpu_gb)
            self._busy[call] = wanted
            if not wanted.gpu_gb:
                self._clear(devices)
            worker = self._worker(environment(devices, self._devices))
        call.set_running_or_notify_cancel()
        thread = threading.Thread(target=self._attend, args=(worker, call, devices, wanted), daemon=True)
        self._waiting.append(thread)
        thread.start()
        return call

    def _clear(self, devices: Sequence[Device]) -> None:
        """End idle workers that hold models on devices which a call takes whole, unless they see just these."""
        own = environment(devices, self._devices)
        for worker in [worker for worker in self._idle if worker.variables != own]:
            if not {device.name for device in devices}.isdisjoint(visible(worker.variables)):
                self._idle.remove(worker)
                worker.close()

    def _worker(self, variables: Mapping[str, str]) -> Worker:
        """An idle worker that sees these devices, or a new one in the place of one that sees others."""
        for worker in self._idle:
            if worker.variables == variables:
                self._idle.remove(worker)
                return worker
        if len(self._idle) + len(self._busy) > self._slots and self._idle:
            self._idle.pop(0).close()
        return Worker(self._threads, variables)

    def _attend(self, worker: Worker, call: Call, devices: Sequence[Device], wanted: Resources) -> None:
        tell = worker.run(call)
        # First the room, then the news: whoever hears of the end may submit at once.
        with self._change:
            self._ledger.give_back(devices, wanted.gpu_gb)
            del self._busy[call]
            self._waiting.remove(threading.current_thread())
            if self._closed:
                worker.close()
            else:
                self._idle.append(worker)
            self._change.notify_all()
        tell()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._change:
            self._closed = True
            busy, idle = list(self._busy), self._idle
            self._idle = []
            attending = list(self._waiting)
        for call in busy if cancel_futures else ():
            call.cancel()
        # Large libraries take tenths of a second to leave memory; what comes after a run need not wait for that, and
        # the interpreter waits for these threads.
        leaving = [threading.Thread(target=worker.close) for worker in idle]
        for thread in leaving:
            thread.start()
        for thread in [*attending, *leaving] if wait else attending:
            thread.join()


@hookimpl
def harness_executors() -> Iterable[type[Executor]]:
    return [Inline, Local]
