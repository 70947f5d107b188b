"""Components that take something of a machine, and ones that get into trouble while they work."""

import os
import signal
import time
from pathlib import Path

from toys import Counter, Listens

from harness.api import Resources, hookimpl


class Occupying(Listens):
    """A teacher that stays at its work for a while and writes down when, where and on which devices."""

    name = "occupying"
    revision = 1
    transport = frozenset({"seconds", "diary", "gpus", "gpu_gb", "ram_gb", "taken_slots"})
    seconds: float = 0.2
    diary: str = ""
    gpus: int = 0
    gpu_gb: float = 0.0
    ram_gb: float = 0.0
    taken_slots: int = 1

    def resources(self):
        return Resources(self.gpus, self.gpu_gb, self.ram_gb, self.taken_slots)

    def annotate(self, items):
        begun = time.monotonic()
        print(f"at work for {self.seconds} s")
        time.sleep(self.seconds)
        yield from super().annotate(items)
        line = f"{begun} {time.monotonic()} {os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES', '-')}\n"
        with Path(self.diary).open("a") as file:
            file.write(line)


class Troubled(Counter):
    """A student that cannot be trained at first: ``memory`` is short, it is ``killed``, or it ``hangs``."""

    name = "troubled"
    revision = 1
    transport = frozenset({"trouble"})
    trouble: str = ""

    def train(self, items, examples, objective, start, bench):
        if not bench.halvings:
            if self.trouble == "memory":
                raise MemoryError("no room for the batch")
            if self.trouble == "device":
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            if self.trouble == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "always":
            raise MemoryError("no room for anything")
        if self.trouble == "hangs":
            time.sleep(600)
        super().train(items, examples, objective, start, bench)


@hookimpl
def harness_teachers():
    return [Occupying]


@hookimpl
def harness_students():
    return [Troubled]
