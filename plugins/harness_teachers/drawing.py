"""Annotations from a coroutine, drawn one by one by a caller that knows no event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from harness.api import Annotation

Give = Callable[[Annotation], Awaitable[None]]
"""Hands an annotation over; returns when the caller has come for the next one, and so has kept this one."""


class _Drawing:
    """A loop in a thread of its own, and what comes out of it: annotations, then None or the error that ended it."""

    def __init__(self, work: Callable[[Give], Coroutine[Any, Any, None]]) -> None:
        self.out: SimpleQueue[tuple[Annotation, asyncio.Future[None]] | BaseException | None] = SimpleQueue()
        self._work = work
        self._begun = Event()
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None]
        # A daemon: an interpreter that ends does not wait for a server.
        self._thread = Thread(target=self._run, name="calls", daemon=True)
        self._thread.start()
        self._begun.wait()

    def _run(self) -> None:
        ended: BaseException | None = None
        try:
            asyncio.run(self._main())
        # Whatever it is, it is the caller's to see.
        except BaseException as error:
            ended = error
        self._begun.set()
        self.out.put(ended)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._work(self._give))
        self._begun.set()
        await self._task

    async def _give(self, annotation: Annotation) -> None:
        kept: asyncio.Future[None] = self._loop.create_future()
        self.out.put((annotation, kept))
        await kept

    def kept(self, future: asyncio.Future[None]) -> None:
        """The caller came for the next one."""
        self._loop.call_soon_threadsafe(_release, future)

    def close(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        with suppress(RuntimeError, AttributeError):
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()


def _release(future: asyncio.Future[None]) -> None:
    # Cancelled meanwhile, where the work ends early.
    if not future.done():
        future.set_result(None)


def draw(work: Callable[[Give], Coroutine[Any, Any, None]]) -> Iterator[Annotation]:
    """What ``work`` gives, as it comes; closing the iterator cancels what is under way."""
    drawing = _Drawing(work)
    try:
        while (drawn := drawing.out.get()) is not None:
            if isinstance(drawn, BaseException):
                raise drawn
            annotation, future = drawn
            yield annotation
            drawing.kept(future)
    finally:
        drawing.close()
