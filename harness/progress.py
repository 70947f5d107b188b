"""Tell a person how a run goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from harness.asking import Asking
from harness.outcome import Progress
from harness.plan import Step
from harness.steps import Report
from harness.store import Store

if TYPE_CHECKING:
    from rich.console import Console


# How often teachers that are asked are looked at, and how often a plain line tells of each.
LOOK_S, LINE_S = 1.0, 30.0


@contextmanager
def watching(console: Console, store: Store, every: float = LINE_S) -> Iterator[Progress]:
    """The progress that fits the console; ``every`` so many seconds a plain line tells of each teacher."""
    if console.is_terminal:
        with _Live(console) as live, _listening(store, min(LOOK_S, every), live.heard):
            yield live
    else:
        lines = Lines(console)
        with _listening(store, every, lines.heard):
            yield lines


@contextmanager
def _listening(store: Store, every: float, heard: Callable[[Sequence[Asking]], None]) -> Iterator[None]:
    """Tell from time to time which annotate steps are at work, and how far they are."""
    end = Event()

    def listen() -> None:
        while not end.wait(every):
            if store.has_accounts():
                with store.accounts() as accounts:
                    heard([one for one in accounts.told().values() if one.state == "asking"])

    thread = Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


class Lines:
    """One line per step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._done = 0
        self._start = time.monotonic()
        self._running: set[str] = set()

    def begin(self, total: int, reused: int) -> None:
        self._total, self._start = total, time.monotonic()
        self._say(f"{total} steps to run, {reused} reused")

    def started(self, step: Step) -> None:
        self._running.add(step.key)

    def heard(self, asking: Sequence[Asking]) -> None:
        """A line for each teacher of this run that is being asked."""
        for one in asking:
            if one.step in self._running:
                self._say(f"  asking: {one}")

    def ended(self, step: Step, report: Report) -> None:
        self._done += 1
        self._running.discard(step.key)
        line = f"[{self._done}/{self._total}] {report.state}: {step.title} in {report.seconds:.1f} s"
        left = self.left()
        self._say(f"{line}, about {left:.0f} s left" if left >= 1 else line)
        if report.state != "done":
            self._say(f"  {report.reason}")

    def left(self) -> float:
        """Seconds to go, from the mean rate so far."""
        spent = time.monotonic() - self._start
        return spent / self._done * (self._total - self._done) if self._done else 0.0

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Live(AbstractContextManager["_Live"]):
    """A bar with what runs now; failures stay above it."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = console
        self._running: dict[str, Step] = {}
        self._asking: dict[str, Asking] = {}
        self._failed = 0
        self._reused = 0
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("planning", total=None)

    def __enter__(self) -> _Live:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, total: int, reused: int) -> None:
        self._reused = reused
        self._bar.update(self._task, total=total)
        self._show()

    def started(self, step: Step) -> None:
        self._running[step.key] = step
        self._show()

    def heard(self, asking: Sequence[Asking]) -> None:
        """Show how far the teachers are instead of the names of their steps."""
        self._asking = {one.step: one for one in asking}
        self._show()

    def ended(self, step: Step, report: Report) -> None:
        self._running.pop(step.key, None)
        if report.state != "done":
            self._failed += 1
            self._console.print(f"{report.state}: {step.title}\n  {report.reason}", markup=False)
        self._bar.advance(self._task)
        self._show()

    def _show(self) -> None:
        told = {
            key: str(self._asking[key]) if key in self._asking else step.title
            for key, step in list(self._running.items())
        }
        now = ", ".join(told.values()) or "…"
        counts = f"{self._reused} reused" + (f", {self._failed} failed" if self._failed else "")
        self._bar.update(self._task, description=f"{now[:100]} ({counts})")
