"""What the harness itself takes of a run: its share of a real matrix, and steps per second where steps do nothing.

Overhead is the share of slot-seconds (workers times the time from the command's start to the run's end) in which a
worker was not within a step although there was a step to be had: one whose inputs were there and which had not ended.
So it counts imports, planning, starting workers, sending, checksums, syncing and waiting for the runner; it does not
count that fewer steps than workers were to be had, which is the matrix's shape. Tables and reports come after the run
and are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import trivial

from harness import events, planning, provenance, reading, run
from harness.plan import Plan, Step
from harness.plugins import Registry
from harness.steps import Report
from harness.store import Store

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.yaml"

MATRIX = """\
benchmarks: {{pair: pair}}
teachers: {{even: even, odd: {{uses: even, says: falsified}}}}
students: {{stone: stone}}
rules: {{drawn: drawn}}
strategies: {{once: once}}
label_fractions: [0.5]
seeds: [{seeds}]
executor: {{uses: local, workers: 2, threads: 1}}
reports: {{}}
"""


@dataclass(frozen=True, slots=True)
class Span:
    """From when a step was to be had until it had ended, and how long it took by itself."""

    ready: float
    ended: float
    seconds: float


def overhead(begun: float, finished: float, workers: int, spans: Iterable[Span]) -> float:
    """The share as the module's docstring defines it."""
    known = list(spans)
    idle = (
        workers * (finished - begun) - sum(span.seconds for span in known) - _lacking(begun, finished, workers, known)
    )
    return idle / (workers * (finished - begun))


def _lacking(begun: float, finished: float, workers: int, spans: Iterable[Span]) -> float:
    """Slot-seconds for which there was no step. Until the first is known, which planning finds out, none lacks."""
    moves = sorted([(span.ready, 1) for span in spans] + [(span.ended, -1) for span in spans])
    lacking, last, there = 0.0, begun, workers
    for number, (moment, change) in enumerate(moves):
        lacking += max(0, workers - there) * max(0.0, moment - last)
        there = change if number == 0 else there + change
        last = max(last, moment)
    return lacking


def spans(told: Iterable[Mapping[str, Any]], steps: Mapping[str, Step]) -> list[Span]:
    """What the events of a run say; a step is to be had when the last of its inputs has ended, or from the start."""
    found = list(told)
    begun = next(line["time"] for line in found if line["event"] == "begun")
    # An inspection of the data fills a slot that is idle, and nothing waits for it.
    ends = {line["step"]: line for line in found if line["event"] == "ended" and line["step"] in steps}
    return [
        Span(
            max([begun, *(ends[up]["time"] for up in steps[key].inputs.values() if up in ends)]),
            line["time"],
            line["seconds"],
        )
        for key, line in ends.items()
    ]


def share(matrix: Path) -> float:
    """Run a matrix from an empty store as people do, and print where its slot-seconds went."""
    with tempfile.TemporaryDirectory() as folder:
        store, out = Path(folder) / "store", Path(folder) / "out"
        begun = time.time()
        command = [sys.executable, "-m", "harness.cli", "run", str(matrix), "--store", str(store), "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        ended = time.time()
        plan = planning.make(reading.load(matrix, Registry.installed()))
        (path,) = (store / "events").glob("*.jsonl")
        told = list(events.read(path))
    workers, finished = plan.matrix.executor.slots(), told[-1]["time"]
    known = spans(told, plan.steps)
    found = overhead(begun, finished, workers, known)
    print(
        f"{matrix.stem}: {len(known)} steps on {workers} workers in {finished - begun:.1f} s, then tables and reports"
        f" in {ended - finished:.1f} s; within steps {sum(span.seconds for span in known):.1f} s, no step to be had for"
        f" {_lacking(begun, finished, workers, known):.1f} s, overhead {found:.1%}",
        flush=True,
    )
    return found


class Quiet:
    """A progress that nobody looks at."""

    def begin(self, total: int, reused: int) -> None: ...
    def started(self, step: Step) -> None: ...
    def ended(self, step: Step, report: Report) -> None: ...


def trivial_plan(steps: int) -> tuple[Plan, Registry]:
    """Two annotations, and a rank, a training and a prediction for each seed."""
    registry = Registry.installed() + Registry.of(trivial)
    seeds = ", ".join(map(str, range(-(-(steps - 2) // 3))))
    return planning.make(reading.parse(MATRIX.format(seeds=seeds), registry)), registry


class Memory:
    """Watches how much memory this process holds while it is open."""

    def __init__(self) -> None:
        self.peak = 0
        self._end = Event()
        self._watching = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self.before = self.peak = _held()
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            self.peak = max(self.peak, _held())


def _held() -> int:
    """Bytes of main memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def rate(steps: int, profile: str) -> float:
    """Steps per second of a run whose steps are trivial and write real artifacts, from begin to end."""
    plan, registry = trivial_plan(steps)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, Memory() as memory, _profiled(profile):
        store = Store(Path(folder) / "store")
        begun = time.perf_counter()
        done = run.run(plan, store, plan.matrix.executor, registry, provenance.collect(registry), Quiet())
        seconds = time.perf_counter() - begun
        assert done.count("done") == len(plan.steps), done.reasons
    print(
        f"{len(plan.steps)} trivial steps in {seconds:.1f} s; the runner held {memory.before / 1e6:.0f} MB before and"
        f" {memory.peak / 1e6:.0f} MB at most",
        flush=True,
    )
    return len(plan.steps) / seconds


def _profiled(path: str) -> Any:
    if not path:
        return nullcontext()
    from contextlib import contextmanager
    from cProfile import Profile

    @contextmanager
    def profiling() -> Any:
        with Profile() as found:
            yield
        found.dump_stats(path)

    return profiling()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matrix", type=Path, default=QUICKSTART, help="whose overhead is measured")
    parser.add_argument("--steps", type=int, default=10_000, help="trivial ones")
    parser.add_argument("--profile", default="", help="write a profile of the runner to this file")
    given = parser.parse_args()
    load = json.dumps([round(value, 1) for value in os.getloadavg()])
    print(f"{os.cpu_count()} processors, load {load}", flush=True)
    per_second = rate(given.steps, given.profile)
    print(f"overhead={share(given.matrix):.4f} steps_per_second={per_second:.0f}")


if __name__ == "__main__":
    main()
