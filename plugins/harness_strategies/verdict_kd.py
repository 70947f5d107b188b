"""Distilling the teachers' probabilities: their mean is a soft target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from harness.api import Accepts, Example, Need, Objective, Panel, Pool, Recipe, Strategy, Target, hookimpl, verdict_of
from harness_strategies.answers import side
from harness_strategies.targets import mean_probability


class LearnMeanProbability(Recipe):
    """One soft target per item: the mean of the teachers' probabilities, softened by a temperature."""

    temperature: float = Field(default=1.0, gt=0, le=100)
    """τ: the odds are raised to 1/τ, so that above 1 the target is softer and below 1 it is harder."""
    rationale: bool = False
    """Whether the surest teacher of the likelier side lends its words."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def asks(self) -> frozenset[Accepts]:
        return frozenset({Accepts.TARGETS, Accepts.SOFT_TARGETS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        for item_id in pool.items:
            if pool.panel.answers(item_id):
                yield self._target(pool.panel, item_id)

    def _target(self, panel: Panel, item_id: str) -> Target:
        p = softened(mean_probability(panel, item_id), self.temperature)
        return soft_target(panel, item_id, p, self.rationale)


def softened(p: float, temperature: float) -> float:
    """p^(1/τ) / (p^(1/τ) + (1 − p)^(1/τ))."""
    if p in (0.0, 1.0) or temperature == 1.0:
        return p
    likelier = max(p, 1 - p)
    odds: float = ((1 - likelier) / likelier) ** (1 / temperature)
    return 1 / (1 + odds) if p >= 0.5 else odds / (1 + odds)


def soft_target(panel: Panel, item_id: str, p_falsified: float, rationale: bool) -> Target:
    """The probability, in the words of the surest teacher of the likelier side where they are wanted and there are."""
    speaker = next(iter(side(panel, item_id, verdict_of(p_falsified))), None) if rationale else None
    if speaker is None:
        return Target(item_id, p_falsified=p_falsified)
    return Target(item_id, p_falsified=p_falsified, rationale=speaker.rationale, source=speaker.source)


class VerdictKd(Strategy):
    """The mean of the teachers' verdict probabilities as a soft target (Hinton et al., arXiv 1503.02531).

    −q·log π(falsified) − (1 − q)·log π(pristine) with q the softened mean: distillation of the verdict, for which
    student and teachers need not share a vocabulary. A teacher without a probability counts as 0 or 1. Costs every
    teacher on the training items, no label, and one training.
    """

    name = "verdict-kd"

    temperature: float = Field(default=1.0, gt=0, le=100)
    """τ, by which the odds are raised to 1/τ; 1 takes the mean as it is."""
    rationale: bool = False
    """Whether the surest teacher of the likelier side lends its words."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the items, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        return (LearnMeanProbability(temperature=self.temperature, rationale=self.rationale, objective=objective),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [VerdictKd]
