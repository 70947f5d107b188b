"""One store under one kind of disturbance: runs of a small matrix, and what is left of them."""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness import events

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


def start(folder: Path, out: str = "out", **variables: str) -> subprocess.Popen[bytes]:
    """`harness run chaos.yaml` in a process group of its own, so that its workers can die with it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", **variables}
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "harness.cli", "run", "chaos.yaml", "--store", "store", "--out", out],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


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
        """A run; beside the trial's folder lies what all processes import first."""
        return start(self.folder, out, PYTHONPATH=os.pathsep.join([str(self.folder.parent), *sys.path]), **variables)

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
        ended = collections.Counter(
            told["step"]
            for path in (self.store / "events").glob("*.jsonl")
            for told in events.read(path)
            if told["event"] == "ended" and told["state"] == "done"
        )
        damaged = sum(1 for _ in (self.store / "damaged").glob("*"))
        return sum(count - 1 for count in ended.values()) - damaged

    def tables(self) -> dict[str, bytes]:
        """What is compared."""
        return {name: (self.folder / "out" / name).read_bytes() for name in TABLES}


def workers_of(process: int) -> list[int]:
    """Workers of a run: they are forked from a process that it has started."""
    return [worker for child in _children(process) if _is_nursery(child) for worker in _children(child)]


def _children(process: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _is_nursery(process: int) -> bool:
    try:
        return b"multiprocessing.forkserver" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def end(process: int) -> None:
    """SIGKILL, where it still runs."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
