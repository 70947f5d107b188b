"""The workers of a run, whatever executor they are of."""

from __future__ import annotations

from concurrent.futures import Executor as Workers
from dataclasses import dataclass

from harness.components import Executor
from harness.handed import Placing
from harness.resources import Resources


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of an executor that is open."""

    workers: Workers
    placing: Placing | None
    slots: int
    logged: bool
    """Whether what is printed goes into the logs of the steps; in the runner's own process it goes to its terminal."""

    @classmethod
    def of(cls, executor: Executor, workers: Workers) -> Crew:
        """What the executor has opened."""
        placing = workers if isinstance(workers, Placing) else None
        return cls(workers, placing, executor.slots(), not executor.in_process)

    def room(self, wanted: Resources, running: int) -> bool:
        """Whether what takes this would begin at once beside so much that runs."""
        return self.placing.room(wanted) if self.placing is not None else running < self.slots
