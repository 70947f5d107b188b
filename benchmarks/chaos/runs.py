"""Disturb runs of a small matrix in every way that a day brings: each must end, resumed, in the same tables.

A trial is a fresh store, a run that is disturbed, and a run that may finish. The moments are drawn from a seed. Tables
are compared byte by byte with those of an undisturbed run, and events tell whether a step was done twice.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trial import Trial, end, workers_of

CLOCK = """\
import os, random, time
if os.environ.get("CHAOS_CLOCK"):
    real, chance = time.time, random.Random(os.getpid())
    offset = [0.0]
    def jumping():
        if chance.random() < 0.02:
            offset[0] = chance.uniform(-1e6, 1e6)
        return real() + offset[0]
    time.time = jumping
"""


def kill_runner(trial: Trial) -> None:
    """SIGKILL to the run and, a moment later, to what it left behind."""
    process = trial.start()
    trial.later()
    process.kill()
    process.wait()


def kill_worker(trial: Trial) -> None:
    """SIGKILL to one of the workers; the run goes on."""
    process = trial.start()
    until = time.monotonic() + 60
    while not (workers := workers_of(process.pid)) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    trial.later(0.5)
    for worker in trial.chance.sample(workers := workers_of(process.pid), min(1, len(workers))):
        end(worker)
    process.wait(300)


def interrupt(trial: Trial) -> None:
    """Ctrl-C."""
    process = trial.start()
    trial.later()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(300)


def two_at_once(trial: Trial) -> None:
    """Two runs of one matrix over one store; now and then one of them is killed."""
    first = trial.start()
    time.sleep(trial.chance.uniform(0, 0.5) * trial.span)
    second = trial.start("other")
    if trial.chance.random() < 0.5:
        trial.later(0.7)
        first.kill()
    first.wait(300)
    second.wait(300)


def flip_bits(trial: Trial) -> None:
    """A bit of a file of every fourth artifact is another one after the run."""
    trial.start().wait(300)
    for folder in trial.chance.sample(trial.steps(), len(trial.steps()) // 4):
        files = [path for path in folder.iterdir() if path.name != "manifest.json" and path.stat().st_size]
        if files:
            path = trial.chance.choice(files)
            content = bytearray(path.read_bytes())
            content[trial.chance.randrange(len(content))] ^= 1 << trial.chance.randrange(8)
            path.write_bytes(content)


def jump_clock(trial: Trial) -> None:
    """The clock of every process jumps by days, there and back; the run is killed, too."""
    process = trial.start(CHAOS_CLOCK="1")
    trial.later()
    process.kill()
    process.wait()
    trial.start(CHAOS_CLOCK="1").wait(300)


def fill_disk(trial: Trial) -> None:
    """The store's disk is full after a random number of kilobytes; then there is room again."""
    with mounted(trial, f"size={trial.chance.randrange(40, 400)}k"):
        trial.told_well(trial.start().wait(300))


def read_only(trial: Trial) -> None:
    """The store cannot be written from a random moment on."""
    with mounted(trial, "size=50m"):
        process = trial.start()
        trial.later()
        subprocess.run(["mount", "-o", "remount,ro", str(trial.store)], check=False, capture_output=True)
        time.sleep(0.3)
        end(process.pid)
        process.wait()
        subprocess.run(["mount", "-o", "remount,ro", str(trial.store)], check=False, capture_output=True)
        trial.told_well(trial.start().wait(300))


DISTURBANCES: dict[str, tuple[Callable[[Trial], None], int]] = {
    "runner killed": (kill_runner, 14),
    "worker killed": (kill_worker, 10),
    "interrupted": (interrupt, 6),
    "two at once": (two_at_once, 8),
    "bits flipped": (flip_bits, 5),
    "clock jumps": (jump_clock, 5),
    "disk full": (fill_disk, 6),
    "read-only": (read_only, 4),
}
NEEDS_MOUNT = ("disk full", "read-only")


@contextmanager
def mounted(trial: Trial, options: str) -> Iterator[None]:
    """The store on a small disk of its own, whose content is kept when it goes."""
    trial.store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(trial.store)], check=True)
    kept = trial.folder / "kept"
    try:
        yield
        # A kill leaves workers for a moment; nothing may write while the content moves.
        time.sleep(1.5)
        shutil.copytree(trial.store, kept, symlinks=True)
    finally:
        subprocess.run(["umount", "--lazy", str(trial.store)], check=True)
    trial.store.rmdir()
    kept.rename(trial.store)


def can_mount() -> bool:
    """Whether this process may mount a small disk."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials of each kind, rounded up")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    runs = identical = repeated = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        root = Path(place)
        (root / "sitecustomize.py").write_text(CLOCK)
        whole = Trial(root / "whole", chance, 0.0)
        begun = time.monotonic()
        whole.finish()
        span, wanted = time.monotonic() - begun, whole.tables()
        print(f"undisturbed: {span:.1f} s, {len(whole.steps())} steps", flush=True)
        for name, (disturb, count) in DISTURBANCES.items():
            if name in NEEDS_MOUNT and not can_mount():
                print(f"{name}: left out, since this process may not mount a disk", flush=True)
                continue
            count = max(1, round(count * given.share))
            same = twice = 0
            for number in range(count):
                trial = Trial(root / f"{name.replace(' ', '-')}-{number}", chance, span)
                disturb(trial)
                trial.finish()
                same += trial.tables() == wanted
                twice += max(0, trial.done_twice())
                shutil.rmtree(trial.folder)
            print(f"{name}: {same} of {count} identical, {twice} steps repeated", flush=True)
            runs, identical, repeated = runs + count, identical + same, repeated + twice
    print(f"runs={runs} identical={identical} repeated_steps={repeated}")
    if identical < runs or repeated:
        sys.exit(1)


if __name__ == "__main__":
    main()
