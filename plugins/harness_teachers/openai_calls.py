"""All questions to one server: as many at once as it carries, asked again where that may help, given up where not."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Generic, TypeVar

from harness.api import Annotation, HarnessError, Item, Usage, seed_from
from harness_teachers.drawing import Give
from harness_teachers.openai_endpoint import Trouble
from harness_teachers.openai_limits import Limits

Q = TypeVar("Q")

LONGEST_WAIT_S = 60.0
"""Between two attempts at an item, unless the server asks for more."""
GRACE_S = 30.0
"""For calls that are under way when the run ends: what they cost is spent, so their answers are kept."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often an item is asked about again, the first wait, and the longest that the server may ask for, in s.

    ``outage_after`` items in a row that came to nothing while nobody was answered are the server's fault.
    """

    retries: int
    backoff_s: float
    longest_wait_s: float
    outage_after: int


class Calls(Generic[Q]):
    """One run over items. ``prepare`` makes a question or, where none can be asked, the annotation that says so.

    ``ask`` gives an annotation, or what went wrong. Made in the loop that uses it.
    """

    def __init__(
        self,
        prepare: Callable[[Item], Q | Annotation],
        ask: Callable[[Item, Q], Awaitable[Annotation | Trouble]],
        limits: Limits,
        patience: Patience,
        told: Callable[[str], HarnessError],
    ) -> None:
        self._prepare, self._ask, self._limits, self._patience, self._told = prepare, ask, limits, patience, told
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._end: HarnessError | None = None
        self._answers = self._in_a_row = 0

    async def run(self, items: Sequence[Item], workers: int, give: Give) -> None:
        """Give one annotation per item; raise `HarnessError` where the server will answer nobody.

        An item is taken when its question may be sent: whoever hands them out can stop in time.
        """
        left, self._left = iter(items), len(items)
        try:
            async with asyncio.timeout(None) as self._bound, asyncio.TaskGroup() as group:
                for _ in range(min(workers, len(items))):
                    group.create_task(self._work(left, give))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        except TimeoutError:
            # Those that were under way have had their time.
            if self._end is None:
                raise
        if self._end is not None:
            raise self._end

    async def _work(self, left: Iterator[Item], give: Give) -> None:
        while (taken := await self._take(left)) is not None:
            annotation = await self._annotation(*taken)
            if annotation is not None:
                await give(annotation)

    async def _take(self, left: Iterator[Item]) -> tuple[Item, float] | None:
        """The next item, and the tokens that are set aside for it; None where there is none, or all is over."""
        async with self._turn:
            if self._left > 0:
                await self._room()
            item = next(left, None) if self._left > 0 and not self._over.is_set() else None
            self._left = 0 if item is None else self._left - 1
            return None if item is None else (item, self._limits.start(time.monotonic()))

    async def _again(self) -> float | None:
        """Another turn for an item that was taken before."""
        async with self._turn:
            await self._room()
            return None if self._over.is_set() else self._limits.start(time.monotonic())

    async def _room(self) -> None:
        while not self._over.is_set() and (seconds := self._limits.wait(time.monotonic())):
            self._changed.clear()
            await _either(self._changed, None if seconds == inf else seconds)

    async def _annotation(self, item: Item, turn: float | None) -> Annotation | None:
        """The item's annotation, or None where all is over before there is one; ``turn`` is its first one's tokens."""
        question = await asyncio.to_thread(self._prepare, item)
        answers, failures, spent = self._answers, 0, 0
        while turn is not None:
            before = self._answers
            said = await self._call(item, question, turn)
            if isinstance(said, Annotation):
                return replace(said, usage=replace(said.usage, calls=said.usage.calls + spent))
            spent += said.kind in ("broken", "lost")
            # That the server takes no more says nothing of this item, as long as it takes others.
            failures += not (said.kind == "refused" and self._answers > before)
            if self._is_over(said):
                return None
            if said.kind == "rejected" or failures > self._patience.retries:
                return self._given_up(item, said, spent, answered_others=self._answers > answers)
            await self._wait(self._backoff(item, failures, said))
            turn = await self._again()
        return None

    async def _call(self, item: Item, question: Q | Annotation, turn: float) -> Annotation | Trouble:
        began = time.monotonic()
        if isinstance(question, Annotation):
            self._limits.settled(turn)
            said: Annotation | Trouble = question
        else:
            said = await self._ask(item, question)
            self._settle(said, began, turn)
        self._changed.set()
        return said

    def _settle(self, said: Annotation | Trouble, began: float, reserved: float) -> None:
        limits, now = self._limits, time.monotonic()
        if isinstance(said, Annotation):
            self._answers, self._in_a_row = self._answers + 1, 0
            limits.answered(began, reserved, said.usage.input_tokens + said.usage.output_tokens)
        elif said.kind == "refused":
            limits.refused(began, reserved, now, self._bounded(said))
        elif said.kind == "lost":
            limits.lost(began, now)
        elif said.kind in ("broken", "away"):
            limits.failed(now, self._bounded(said))
        else:
            limits.settled(reserved)

    def _bounded(self, trouble: Trouble) -> float | None:
        asked = trouble.retry_after
        return None if asked is None else min(asked, self._patience.longest_wait_s)

    def _is_over(self, trouble: Trouble) -> bool:
        """Whether the server will answer nobody, so that the run ends."""
        if trouble.kind == "closed":
            self._finish(trouble.seen)
        elif (trouble.retry_after or 0) > self._patience.longest_wait_s:
            self._finish(f"it asks to wait {trouble.retry_after:.0f} s: {trouble.seen}")
        return self._over.is_set()

    def _given_up(self, item: Item, trouble: Trouble, spent: int, *, answered_others: bool) -> Annotation | None:
        """An error, unless nobody was answered meanwhile: then it may be the server that fails, not the item."""
        if not answered_others:
            self._in_a_row += 1
            if trouble.kind == "away":
                self._finish(trouble.seen)
            elif self._in_a_row >= self._patience.outage_after:
                self._finish(f"{self._in_a_row} items in a row came to nothing, the last by: {trouble.seen}")
        if self._over.is_set():
            return None
        again = trouble.kind != "rejected"
        return Annotation(item.id, "error", rationale=trouble.seen, usage=Usage(calls=spent), again=again)

    def _finish(self, seen: str) -> None:
        """Start no more calls, and give those under way a while."""
        if self._end is None:
            self._end = self._told(seen)
            self._bound.reschedule(asyncio.get_running_loop().time() + GRACE_S)
        self._over.set()
        self._changed.set()

    def _backoff(self, item: Item, failures: int, trouble: Trouble) -> float:
        """Doubled from one to the next, less a quarter at most by chance, which the item's id decides."""
        if trouble.kind == "refused":
            # How long is the limits' to say: all calls wait, not this one alone.
            return 0.0
        chance = random.Random(seed_from("backoff", item.id, failures)).random()
        own = min(self._patience.backoff_s * 2.0 ** min(failures - 1, 16), LONGEST_WAIT_S) * (1 - chance / 4)
        return max(own, self._bounded(trouble) or 0.0)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await _either(self._over, seconds)


async def _either(event: asyncio.Event, seconds: float | None) -> None:
    """Until the event or the time has come."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
