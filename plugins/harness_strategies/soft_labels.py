"""Distilling what a label model infers from all teachers: how likely each item is falsified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from harness.api import Accepts, Example, LabelModel, Named, Need, Objective, Pool, Recipe, Strategy, hookimpl
from harness_strategies.verdict_kd import soft_target


class LearnLabelModel(Recipe):
    """One soft target per item: the label model's probability, with the bought labels fixed where there are any."""

    model: Named[LabelModel]
    """The label model that is fitted to what the teachers said of the training items."""
    gold: bool = False
    """Whether labels are bought and fixed in the model."""
    rationale: bool = False
    """Whether the surest teacher of the likelier side lends its words."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS}) | self.model.needs() | ({Need.LABELS} if self.gold else set())

    def asks(self) -> frozenset[Accepts]:
        return frozenset({Accepts.TARGETS, Accepts.SOFT_TARGETS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        gold = pool.labels if Need.LABELS in self.needs() else {}
        found = self.model.fit(pool.panel, gold).p_falsified
        return [
            soft_target(pool.panel, item_id, found[item_id], self.rationale)
            for item_id in pool.items
            if item_id in found
        ]


class LabelModelSoft(Strategy):
    """A label model's probabilities as soft targets (data programming, Ratner et al., arXiv 1605.07723).

    −q·log π(falsified) − (1 − q)·log π(pristine) with q what the model infers from all teachers. Costs every teacher on
    the training items, one training, and no label, unless ``gold`` buys some or the model reads the validation split.
    """

    name = "label-model-soft"

    model: Named[LabelModel]
    """The label model, such as ``dawid-skene``; without true verdicts most need three teachers and more."""
    gold: bool = False
    """Whether labels are bought, as the rule of the cell says, and fixed in the model."""
    rationale: bool = False
    """Whether the surest teacher of the likelier side lends its words."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the items, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        return (LearnLabelModel(model=self.model, gold=self.gold, rationale=self.rationale, objective=objective),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [LabelModelSoft]
