"""Learning from one teacher: a named one, or the one that is best on the validation split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from harness.api import DataError, Example, Need, Objective, Panel, Pool, Recipe, Strategy, hookimpl
from harness_strategies.answers import target_of


class LearnTeacher(Recipe):
    """Every answer of one teacher, on all training items."""

    teacher: str = Field(min_length=1)
    """Label of the teacher in the matrix."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def teachers(self) -> frozenset[str] | None:
        return frozenset({self.teacher})

    def examples(self, pool: Pool) -> Iterable[Example]:
        if self.teacher not in pool.panel.teachers:
            raise DataError(
                f"teacher {self.teacher!r} is not on the panel", remedy=f"It has {', '.join(pool.panel.teachers)}."
            )
        return _said(pool, self.teacher)


class LearnBestTeacher(Recipe):
    """Every answer of the teacher that is right most often on the validation split; of equals the first by label."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS, Need.VALIDATION})

    def examples(self, pool: Pool) -> Iterable[Example]:
        return _said(pool, max(pool.panel.teachers, key=lambda teacher: _right(pool.panel, teacher)))


def _said(pool: Pool, teacher: str) -> list[Example]:
    given = (pool.panel.by(teacher, item_id) for item_id in pool.items)
    return [target_of(teacher, said) for said in given if said.outcome == "ok"]


def _right(panel: Panel, teacher: str) -> int:
    """How many validation items it is right on; an answer without a verdict is not right."""
    assert panel.validation is not None
    said = panel.validation.panel
    return sum(said.by(teacher, item_id).verdict == truth for item_id, truth in panel.validation.labels.items())


class SingleTeacher(Strategy):
    """The answers of one teacher, learnt word by word (sequence-level distillation, Kim & Rush, arXiv 1606.07947).

    −log π(rationale, verdict) of that teacher on every training item it answers. Costs that teacher's calls alone,
    no label, and one training.
    """

    name = "single-teacher"

    teacher: str = Field(min_length=1)
    """Label of the teacher in the matrix; a teacher set without it is refused."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the items, where the student's own setting is not to be used: there is one target an item
    where `stage1-only` has one a teacher, so equal passes are fewer steps."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnTeacher(teacher=self.teacher, objective=Objective(epochs=self.epochs, lr=self.lr)),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


class BestTeacher(Strategy):
    """The answers of the teacher with the best accuracy on the validation split; of equals the first by label.

    What choosing a teacher is worth, and the rival of every way to join them. Costs the validation split's labels
    (`validation_labels` in the results), every teacher on the training and validation items, and one training.
    """

    name = "best-teacher"

    epochs: float | None = Field(default=None, gt=0)
    """Passes over the items, where the student's own setting is not to be used: there is one target an item
    where `stage1-only` has one a teacher, so equal passes are fewer steps."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnBestTeacher(objective=Objective(epochs=self.epochs, lr=self.lr)),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [SingleTeacher, BestTeacher]
