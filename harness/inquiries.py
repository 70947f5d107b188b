"""Whether somebody has done a step meanwhile, far away: asked before the step is begun, while the loop goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from harness.pace import Pace
from harness.plan import Step

ASK_S = 10.0
"""What is not answered by then counts as a no, and nothing is asked for `SILENT_S`."""

SILENT_S = 60.0

FRESH_S = 60.0
"""A no is good for so long: the step may have waited for room meanwhile."""

MOST = 4
"""Questions that are open at once."""


class Source(Protocol):
    """A place that may have steps. No method waits, and what goes wrong there is a no."""

    def there(self, steps: Sequence[Step]) -> Future[frozenset[str]]:
        """Keys of those that it has now."""
        ...

    def take(self, step: Step) -> Future[bool]:
        """Put the step into our store; whether it is there then."""
        ...

    def done(self, step: Step) -> None:
        """The step was done here."""
        ...


@dataclass(slots=True)
class Inquiries:
    """Steps of a run that are being asked about, or fetched. Without a source there are never any."""

    source: Source | None = None
    asked: dict[Future[frozenset[str]], tuple[Sequence[Step], float]] = field(default_factory=dict)
    fetched: dict[Future[bool], Step] = field(default_factory=dict)
    absent: dict[str, float] = field(default_factory=dict)
    """When a step was found not to be there."""
    silent_until: float = 0.0

    @property
    def open(self) -> set[Future[frozenset[str]] | Future[bool]]:
        """What is being waited for."""
        return {*self.asked, *self.fetched}

    def full(self, slots: int) -> bool:
        """Whether further steps are to wait: what is taken far ahead of a free worker is asked about too early."""
        return len(self.asked) >= max(1, min(slots, MOST))

    def let(self, steps: list[Step], pace: Pace) -> list[Step]:
        """Those that are to be begun now; the others are asked about, together."""
        now = time.monotonic()
        if self.source is None or now < self.silent_until:
            return steps
        sure = [step for step in steps if pace.quick(step) or now - self.absent.get(step.key, -inf) < FRESH_S]
        if unsure := [step for step in steps if step not in sure]:
            self.asked[self.source.there(unsure)] = (unsure, now)
        return sure

    def news(self) -> Iterator[tuple[Step, bool]]:
        """Steps that are to be begun here, and, with True, those that are in our store now."""
        for answer, (steps, since) in list(self.asked.items()):
            if answer.done() or time.monotonic() - since > ASK_S:
                del self.asked[answer]
                yield from self._answered(answer, steps)
        for coming in [coming for coming in self.fetched if coming.done()]:
            yield self._known(self.fetched.pop(coming), coming.result())

    def _answered(self, answer: Future[frozenset[str]], steps: Sequence[Step]) -> Iterator[tuple[Step, bool]]:
        assert self.source is not None
        if not answer.done():
            self.silent_until = time.monotonic() + SILENT_S
        there = answer.result() if answer.done() else frozenset()
        for step in steps:
            if step.key in there:
                self.fetched[self.source.take(step)] = step
            else:
                yield self._known(step, False)

    def _known(self, step: Step, here: bool) -> tuple[Step, bool]:
        if not here:
            self.absent[step.key] = time.monotonic()
        return step, here

    def done(self, step: Step) -> None:
        """The step was done here, by this run or another one."""
        if self.source is not None:
            self.source.done(step)
