"""A vote in which teachers count by how often they are right on the validation split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from pydantic import Field

from harness.api import DataError, Estimate, LabelModel, Need, Panel, Validation, Verdict, hookimpl
from harness_label_models.votes import Floats, Votes


class WeightedVote(LabelModel):
    """p_falsified = 1 / (1 + exp(-Σ ± log(a / (1 - a)))) over the teachers that answered: + where one says falsified.

    a is the share of validation items that the teacher is right on, among those that it answered, with ``smoothing``
    right and as many wrong answers added. Those are the best weights of a vote where errors are independent and as
    frequent on either verdict, and as many items falsified as pristine (Nitzan and Paroush 1982). It costs every label
    of the validation split, and none of the training split.
    """

    name = "weighted-vote"

    smoothing: float = Field(default=1.0, gt=0)
    """Right answers, and as many wrong ones, that each teacher is taken to have given."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS, Need.VALIDATION})

    def fit(self, panel: Panel, gold: Mapping[str, Verdict]) -> Estimate:
        votes = Votes.of(panel, gold)
        right = self._right(_labelled(panel.validation), panel.teachers)
        accuracy = right[:, 2]
        sides = np.where(votes.said < 0, 0, 2 * votes.said - 1)
        return votes.estimate(1 / (1 + np.exp(-(sides @ np.log(accuracy / (1 - accuracy))))), right[:, :2])

    def _right(self, validation: Validation, teachers: tuple[str, ...]) -> Floats:
        """How often each teacher is right on pristine, on falsified and on all validation items (T, 3)."""
        seen = Votes.of(validation.panel, validation.labels)
        columns = [seen.teachers.index(teacher) for teacher in teachers]
        said, truth = seen.said[:, columns], seen.known[:, None]
        answered = (said >= 0) & (truth >= 0)
        rows = [answered & (truth == 0), answered & (truth == 1), answered]
        hits = np.column_stack([((said == truth) & row).sum(axis=0) for row in rows])
        answers = np.column_stack([row.sum(axis=0) for row in rows])
        return np.asarray((hits + self.smoothing) / (answers + 2 * self.smoothing))


def _labelled(validation: Validation | None) -> Validation:
    if validation is None or not validation.labels:
        raise DataError(
            "there is no labelled validation split to weigh the teachers by",
            place=WeightedVote.name,
            remedy="Give the benchmark a validation split with labels, or take a model that needs none:  dawid-skene .",
        )
    return validation


@hookimpl
def harness_label_models() -> Iterable[type[LabelModel]]:
    return [WeightedVote]
