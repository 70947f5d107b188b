"""Tell a person how a run goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from harness.plan import Step
from harness.run import Progress
from harness.steps import Report

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def watching(console: Console) -> Iterator[Progress]:
    """The progress that fits the console."""
    if console.is_terminal:
        with _Live(console) as live:
            yield live
    else:
        yield Lines(console)


class Lines:
    """One line per step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._done = 0
        self._start = time.monotonic()

    def begin(self, total: int, reused: int) -> None:
        self._total, self._start = total, time.monotonic()
        self._say(f"{total} steps to run, {reused} reused")

    def started(self, step: Step) -> None:
        pass

    def ended(self, step: Step, report: Report) -> None:
        self._done += 1
        line = f"[{self._done}/{self._total}] {report.state}: {step.kind} {step.what} in {report.seconds:.1f} s"
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

    def ended(self, step: Step, report: Report) -> None:
        self._running.pop(step.key, None)
        if report.state != "done":
            self._failed += 1
            self._console.print(f"{report.state}: {step.kind} {step.what}\n  {report.reason}", markup=False)
        self._bar.advance(self._task)
        self._show()

    def _show(self) -> None:
        now = ", ".join(f"{step.kind} {step.what}" for step in self._running.values()) or "…"
        counts = f"{self._reused} reused" + (f", {self._failed} failed" if self._failed else "")
        self._bar.update(self._task, description=f"{now[:70]} ({counts})")
