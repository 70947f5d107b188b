"""What a report may read of a run item by item: nothing is read before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.types import Annotation, Item, Prediction, Ranked, Split, Verdict

LogLine = Mapping[str, float | int | str]
"""A line of a training log, as the student wrote it."""


class Details(Protocol):
    """Items, answers and logs behind the tables of a view. What is missing or damaged is empty, never an error.

    Everything is read anew with each call, and all of it is untrusted. Benchmarks, teachers, rules and cells go by the
    labels that the tables have.
    """

    def items(self, benchmark: str, split: Split) -> Mapping[str, Item]:
        """The items by id in the order of the data set; `harness.api.thumbnail` makes small pictures of them."""
        ...

    def truth(self, benchmark: str) -> Mapping[str, Verdict]:
        """Ground truth of the test split. That of another split is nobody's but the ledger's."""
        ...

    def teachers(self, teacher_set: str) -> Sequence[str]:
        """The members of a teacher set."""
        ...

    def annotations(self, benchmark: str, split: Split) -> Mapping[str, Mapping[str, Annotation]]:
        """By teacher and item id: outcome, verdict, probability and rationale."""
        ...

    def ranking(self, rule: str, teachers: str, benchmark: str) -> Sequence[Ranked]:
        """The first seed's order of the training items, first to be bought first."""
        ...

    def predictions(self, cell: str, evaluated_on: str) -> Mapping[str, Prediction]:
        """A cell's answers by item id."""
        ...

    def proved(self, cell: str, evaluated_on: str) -> Mapping[str, object]:
        """Facts that the student stated about these answers (`harness.handed.Workbench.prove`)."""
        ...

    def trainings(self, cell: str) -> Sequence[str]:
        """Keys of the training steps that lead to the cell's model, the first first."""
        ...

    def log(self, step: str) -> Sequence[LogLine]:
        """The training log of a step, at most `MOST_LINES` lines of it."""
        ...

    def measured(self, step: str) -> Sequence[LogLine]:
        """What a clock and a memory counter said along a training, where it was measured: ``step`` and numbers."""
        ...


MOST_LINES = 20_000


class NoDetails:
    """Nothing behind the tables."""

    def items(self, benchmark: str, split: Split) -> Mapping[str, Item]:
        return {}

    def truth(self, benchmark: str) -> Mapping[str, Verdict]:
        return {}

    def teachers(self, teacher_set: str) -> Sequence[str]:
        return ()

    def annotations(self, benchmark: str, split: Split) -> Mapping[str, Mapping[str, Annotation]]:
        return {}

    def ranking(self, rule: str, teachers: str, benchmark: str) -> Sequence[Ranked]:
        return ()

    def predictions(self, cell: str, evaluated_on: str) -> Mapping[str, Prediction]:
        return {}

    def proved(self, cell: str, evaluated_on: str) -> Mapping[str, object]:
        return {}

    def trainings(self, cell: str) -> Sequence[str]:
        return ()

    def log(self, step: str) -> Sequence[LogLine]:
        return ()

    def measured(self, step: str) -> Sequence[LogLine]:
        return ()
