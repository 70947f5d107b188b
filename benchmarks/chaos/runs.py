"""Disturb runs of a small matrix in every way that a day brings: each must end, resumed, in the same tables.

A trial is a fresh store, a run that is disturbed, and a run that may finish. The moments are drawn from a seed. Tables
are compared byte by byte with those of an undisturbed run, and events tell whether a step was done twice.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

TABLES = ("results.csv", "contrasts.csv", "conflicts.csv")

MATRIX = """\
benchmarks: {words: {uses: words, delay: 0.03}}
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
teachers_as_arms: true
students: {counter: counter}
rules: {hard: hard-disagreement, random: random}
strategies: {zero-shot: zero-shot, stage1-only: stage1-only, mmkd: mmkd, supervised: supervised}
label_fractions: [0.1, 0.25]
seeds: [0, 1]
executor: {uses: local, workers: 2, threads: 1}
reports: {}
"""

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


@dataclass(slots=True)
class Trial:
    """One store under one kind of disturbance."""

    folder: Path
    chance: random.Random
    span: float
    """Seconds that an undisturbed run takes: moments are drawn from it."""
    store: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "chaos.yaml").write_text(MATRIX)
        self.store = self.folder / "store"

    def start(self, out: str = "out", **variables: str) -> subprocess.Popen[bytes]:
        """`harness run` in a process group of its own."""
        path = os.pathsep.join([str(self.folder.parent), *sys.path])
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **variables}
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "harness.cli", "run", "chaos.yaml", "--store", str(self.store), "--out", out],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def finish(self) -> None:
        """A run that may come to its end; what was broken off is taken up."""
        for _ in range(3):
            status = self.start().wait(300)
            if status == 0:
                return
        raise AssertionError(f"the last run ended with {status}\n{(self.folder / 'log.txt').read_text()[-3000:]}")

    def told_well(self, status: int) -> None:
        """A run that cannot write ends with a status and words for people, and with no traceback."""
        told = (self.folder / "log.txt").read_text()
        assert status in (0, 2, 3), f"status {status}\n{told[-3000:]}"
        assert "Traceback" not in told, told[told.index("Traceback") - 500 :][:5000]

    def later(self, share: float = 1.0) -> None:
        """Wait for a random moment of a run."""
        time.sleep(self.chance.uniform(0.05, share) * self.span)

    def steps(self) -> list[Path]:
        """Artifacts that are there."""
        return sorted(path for path in (self.store / "artifacts").glob("*/*") if path.is_dir())

    def done_twice(self) -> int:
        """Steps that ended well more than once, less those that were damaged on purpose."""
        ended: collections.Counter[str] = collections.Counter()
        for path in (self.store / "events").glob("*.jsonl"):
            for line in path.read_text(errors="replace").splitlines():
                try:
                    told = json.loads(line)
                except ValueError:
                    continue
                ended[told.get("step", "")] += told["event"] == "ended" and told["state"] == "done"
        damaged = sum(1 for _ in (self.store / "damaged").glob("*"))
        return sum(count - 1 for count in ended.values() if count > 1) - damaged


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
    while not (workers := children(process.pid)) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    trial.later(0.5)
    for worker in trial.chance.sample(workers := children(process.pid), min(1, len(workers))):
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


def children(process: int) -> list[int]:
    """Workers of a run."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    found = []
    for child in map(int, text.split()):
        try:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
        except OSError:
            continue
    return found


def end(process: int) -> None:
    """SIGKILL, where it still runs."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def tables(folder: Path) -> dict[str, bytes]:
    """What is compared."""
    return {name: (folder / "out" / name).read_bytes() for name in TABLES}


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
        span, wanted = time.monotonic() - begun, tables(whole.folder)
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
                same += tables(trial.folder) == wanted
                twice += max(0, trial.done_twice())
                shutil.rmtree(trial.folder)
            print(f"{name}: {same} of {count} identical, {twice} steps repeated", flush=True)
            runs, identical, repeated = runs + count, identical + same, repeated + twice
    print(f"runs={runs} identical={identical} repeated_steps={repeated}")
    if identical < runs or repeated:
        sys.exit(1)


if __name__ == "__main__":
    main()
