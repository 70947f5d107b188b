"""Functions that run by turns, each in a thread of its own and in surroundings of its own."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Question = Any
"""What a turn asks for; None stands for its end."""


class Turn:
    """A function that runs only between `go_on` and its next `ask`, so that never two run at the same time."""

    def __init__(self, act: Callable[[Turn], None]) -> None:
        self._act = act
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._surroundings = _Surroundings()
        self._question: Question = None
        self._answer: object = None
        self._error: BaseException | None = None
        self._stopped = False

    def go_on(self, answer: object = None) -> Question:
        """Answer its question, and let it run until the next one, which is returned; raises what it raised."""
        self._answer = answer
        with self._surroundings.own():
            if self._thread.ident is None:
                self._thread.start()
            else:
                self._go.release()
            self._back.acquire()
        if self._error is not None:
            raise self._error
        return self._question

    def ask(self, question: Question) -> Any:  # noqa: ANN401 - whatever is answered
        """The answer, when it is there. For the function itself."""
        self._question, self._answer = question, None
        self._back.release()
        self._go.acquire()
        if self._stopped:
            raise _Stopped
        return self._answer

    def stop(self) -> None:
        """End a function that waits for an answer, as if its question had raised."""
        self._stopped = True
        if self._thread.is_alive():
            self._go.release()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._act(self)
        except _Stopped:
            pass
        except BaseException as error:
            self._error = error
        self._question = None
        self._back.release()


class _Stopped(BaseException):
    """Nobody will answer. No training may take it for an error of its own."""


class _Surroundings:
    """What a process has once, and every training would have to itself if it were alone.

    Python's, numpy's and torch's random states, the state of accelerate's gradient accumulation, and the filters
    of warnings.
    """

    def __init__(self) -> None:
        self._kept: tuple[Any, ...] | None = None

    @contextmanager
    def own(self) -> Iterator[None]:
        """Put them up as they were left, and put the caller's up again in the end."""
        before = _found()
        with warnings.catch_warnings():
            if self._kept is not None:
                _put(self._kept)
            try:
                yield
            finally:
                self._kept = _found()
                _put(before)


def _found() -> tuple[Any, ...]:
    import numpy as np
    import torch
    from accelerate.state import GradientState

    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    states = (random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)
    return (*states, dict(GradientState._shared_state), warnings.filters)


def _put(kept: tuple[Any, ...]) -> None:
    import numpy as np
    import torch
    from accelerate.state import GradientState

    python, arrays, tensors, cuda, gradients, filters = kept
    random.setstate(python)
    np.random.set_state(arrays)
    torch.set_rng_state(tensors)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
    # Every accelerator's state is this very mapping.
    GradientState._shared_state.clear()
    GradientState._shared_state.update(gradients)
    warnings.filters = filters
