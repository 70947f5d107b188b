"""What a run tells while it goes on, and what it says at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from harness.plan import Step
from harness.steps import Report

StepState = Literal["stored", "done", "failed", "waiting", "blocked", "pending"]


class Progress(Protocol):
    """Watches a run."""

    def begin(self, total: int, reused: int) -> None: ...
    def started(self, step: Step) -> None: ...
    def ended(self, step: Step, report: Report) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What a run did."""

    states: dict[str, StepState] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    inspected: dict[str, Report] = field(default_factory=dict)
    """How those steps ended that looked at the data; no cell is the worse for one that failed."""
    seconds: float = 0.0
    stopped: bool = False

    def count(self, state: StepState) -> int:
        """How many steps ended so."""
        return sum(found == state for found in self.states.values())
