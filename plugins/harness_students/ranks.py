"""One training on several devices: a process for each rank, which meet through torch.distributed on this machine.

The process that asks for it trains nothing itself, so that a rank which dies or hangs takes nothing with it: the others
are ended, and what went wrong first is raised.
"""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal, cast

from harness.api import Job, TrainingError, Workbench

Train = Callable[[Job], None]
"""It can be pickled, and is called in every rank."""

# Who waits for a rank that has died is ended at once; so long is waited for one that has as much to do as all.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Rank:
    """One of the processes, as all of them know it."""

    number: int
    ranks: int
    meeting: Path
    """Folder of this training alone, where the ranks meet and leave their errors."""
    device: Literal["auto", "cpu", "cuda"]

    @property
    def error(self) -> Path:
        return self.meeting / f"error-{self.number}"


def train_on_ranks(train: Train, job: Job, ranks: int, device: Literal["auto", "cpu", "cuda"]) -> None:
    """Call ``train`` in so many processes at once; what the first one tells the workbench reaches that of the job.

    Raises what a rank raised first, and `MemoryError` where one was killed.
    """
    context = get_context("spawn")
    work = _packed(train, job)
    heard, told = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="harness-ranks-") as folder:
        seats = [Rank(number, ranks, Path(folder), device) for number in range(ranks)]
        processes = [
            context.Process(target=_be, args=(seat, work, told if seat.number == 0 else None)) for seat in seats
        ]
        try:
            for process in processes:
                process.start()
            told.close()
            _attend(processes, heard, job.bench, seats)
        finally:
            for process in processes:
                if process.pid is not None:
                    process.kill()
                    process.join()


def _packed(train: Train, job: Job) -> bytes:
    try:
        return pickle.dumps((train, job))
    except Exception as error:
        raise TrainingError(
            f"the items or the student cannot be sent to other processes: {error}",
            place="gpus",
            remedy="Set the student's option 'gpus' to 1, or have what reads the images be no function within another.",
        ) from error


def _attend(processes: Sequence[SpawnProcess], heard: Connection, bench: Workbench, seats: Sequence[Rank]) -> None:
    """Pass on what is told until all have ended well; raise as soon as one has not."""
    running = {process.sentinel: process for process in processes}
    telling = True
    while running or telling:
        for ready in wait([*running, *([heard] if telling else [])]):
            if ready is heard:
                telling = _pass_on(heard, bench)
                continue
            process = running.pop(cast(int, ready))
            process.join()
            if process.exitcode:
                raise _fault(processes, seats)


def _pass_on(heard: Connection, bench: Workbench) -> bool:
    """Whether there may be more."""
    try:
        said, values = heard.recv()
    except EOFError:
        return False
    {"log": bench.log, "prove": bench.prove, "measure": bench.measure}[said](**values)
    return True


def _fault(processes: Sequence[SpawnProcess], seats: Sequence[Rank]) -> Exception:
    """What ended the training: a rank that was killed, or the first error. Those after it are its consequences."""
    killed = [number for number, process in enumerate(processes) if process.exitcode == -signal.SIGKILL]
    if killed:
        return MemoryError(f"rank {killed[0]} was killed, as the system does when memory runs out")
    left = sorted((seat.error for seat in seats if seat.error.exists()), key=lambda path: path.stat().st_mtime_ns)
    if left:
        # Our own process wrote it a moment ago, into a folder that is ours.
        error: Exception = pickle.loads(left[0].read_bytes())
        return error
    number, code = next((number, process.exitcode or 0) for number, process in enumerate(processes) if process.exitcode)
    ended = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    return TrainingError(f"rank {number} ended by {ended}", place="gpus", remedy="See what `harness logs` has of it.")


def _be(rank: Rank, work: bytes, told: Connection | None) -> None:
    """What a rank does all its life."""
    # Ctrl-C reaches the whole process group; whoever started us decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    try:
        train, job = pickle.loads(work)
        with _joined(rank) as known:
            bench = _RankBench(job.bench, rank, told)
            bench.measure(**known)
            train(replace(job, bench=bench))
    except Exception as error:
        _leave(error, rank.error)
        raise SystemExit(1) from error


def _end_with_the_worker() -> None:
    if worker := parent_process():
        worker.join()
    os._exit(1)


def _leave(error: Exception, path: Path) -> None:
    """The error, or its text where it cannot be sent."""
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:
        content = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    beside = path.with_suffix(".part")
    beside.write_bytes(content)
    beside.replace(path)


@contextmanager
def _joined(rank: Rank) -> Iterator[dict[str, int | str]]:
    """The rank in its group, and what is to be known of that.

    On more devices than there are, ranks share them, over gloo: NCCL does not allow that.
    """
    import torch
    from torch import distributed

    devices = 0 if rank.device == "cpu" else torch.cuda.device_count()
    own = rank.number % devices if devices else rank.number
    if devices:
        torch.cuda.set_device(own)
    # What accelerate reads; it insists on an address, though the group has met by then.
    os.environ |= {"RANK": str(rank.number), "LOCAL_RANK": str(own)}
    os.environ |= {"WORLD_SIZE": str(rank.ranks), "LOCAL_WORLD_SIZE": str(rank.ranks)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    # Read by gloo, which would otherwise listen on whatever the host's name stands for.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "nccl" if devices >= rank.ranks else "gloo"
    distributed.init_process_group(
        backend=backend,
        init_method=(rank.meeting / "meeting").as_uri(),
        rank=rank.number,
        world_size=rank.ranks,
        timeout=PATIENCE,
    )
    try:
        named = {"device": torch.cuda.get_device_name(own)} if devices else {}
        yield {"ranks": rank.ranks, "backend": backend, **named}
        distributed.barrier()
    finally:
        with suppress(Exception):
            distributed.destroy_process_group()


class _RankBench:
    """The job's workbench in a rank. Only the first rank's ``out`` is kept, and only what it tells is heard."""

    def __init__(self, bench: Workbench, rank: Rank, told: Connection | None) -> None:
        self._bench, self._told = bench, told
        self.out = bench.out if told else rank.meeting / f"out-{rank.number}"
        self.out.mkdir(exist_ok=True)
        self.seed, self.halvings, self.checkpoints = bench.seed, bench.halvings, bench.checkpoints
        self.warm, self.cached, self.shelf = bench.warm, bench.cached, bench.shelf

    def log(self, **values: float | int | str) -> None:
        self._tell("log", values)

    def prove(self, **facts: object) -> None:
        self._tell("prove", facts)

    def measure(self, **values: float | int | str) -> None:
        self._tell("measure", values)

    def _tell(self, said: str, values: Mapping[str, Any]) -> None:
        if self._told is not None:
            self._told.send((said, dict(values)))
