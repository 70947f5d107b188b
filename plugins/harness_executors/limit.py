"""A call that may take so long and no longer, in a process that is not ours to end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class _Late(BaseException):
    """Passes through every ``except Exception`` on its way."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """What the call returns; raises `TimeoutError` where it takes longer. For a process's main thread."""

    def late(number: int, frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call()
    except _Late:
        raise TimeoutError(f"it was ended after {seconds:g} s, the limit for steps of its kind") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
