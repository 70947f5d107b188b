"""What a training says while it runs: its log to the workbench, and what clock and memory say apart from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.api import Objective, Workbench
from harness_students.vlm_drift import drift

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback, TrainerState

CLOCK = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos")

MEASURED = 200
"""Most measurements of one training; of a longer one every so-many-th step is measured."""


def passer(trainer: Trainer, objective: Objective, bench: Workbench, lines: list[dict[str, float]]) -> TrainerCallback:
    """Hands the trainer's log to the workbench and to ``lines``, less what a clock says.

    Of a training that goes on from a checkpoint the lines before it are handed on first.
    """
    from transformers import TrainerCallback

    def hand_on(step: int, logs: dict[str, float]) -> None:
        line = {name: value for name, value in logs.items() if name not in CLOCK}
        lines.append(line)
        bench.log(step=step, **line, **drift(line, lines[0], objective))

    class Passer(TrainerCallback):  # type: ignore[misc]
        """Knows nothing of its own."""

        def on_train_begin(self, args: object, state: TrainerState, control: object, **_: object) -> None:
            for logs in state.log_history:
                rest = dict(logs)
                hand_on(int(rest.pop("step")), rest)
                trainer._total_train_tokens = rest.get("num_tokens", 0)

        def on_log(self, args: object, state: TrainerState, control: object, **given: dict[str, float]) -> None:
            hand_on(state.global_step, given["logs"])

    return Passer()


def gauge(trainer: Trainer, bench: Workbench) -> TrainerCallback:
    """Measures tokens per second and the peak of memory."""
    from transformers import TrainerCallback

    class Gauge(TrainerCallback):  # type: ignore[misc]
        """Remembers when it measured last."""

        tokens = 0.0
        since = 0.0

        def on_train_begin(self, args: object, state: TrainerState, control: object, **_: object) -> None:
            self.tokens, self.since = trainer._total_train_tokens, time.perf_counter()
            _forget_peak()

        def on_step_end(self, args: object, state: TrainerState, control: object, **_: object) -> None:
            every = -(-state.max_steps // MEASURED)
            if state.global_step % every == 0 or state.global_step == 1:
                self.measure(state.global_step)

        def measure(self, step: int) -> None:
            now, tokens = time.perf_counter(), trainer._total_train_tokens
            bench.measure(
                step=step,
                tokens_per_second=round((tokens - self.tokens) / (now - self.since), 1),
                peak_bytes=int(_peak_bytes()),
            )
            self.tokens, self.since = tokens, now

    return Gauge()


def at_end(act: Callable[[], None]) -> TrainerCallback:
    """Acts when a training is over."""
    from transformers import TrainerCallback

    class AtEnd(TrainerCallback):  # type: ignore[misc]
        """Knows nothing of its own."""

        def on_train_end(self, args: object, state: object, control: object, **_: object) -> None:
            act()

    return AtEnd()


def _forget_peak() -> None:
    """The steps that this worker did before are none of a training's business."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_bytes() -> Any:  # noqa: ANN401 - torch and resource have no types for it
    """Of the GPU where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import resource
    import sys

    # Kilobytes, but on macOS bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
