"""The student as its own teacher: what stage 1 made it sure of is learnt again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

from harness.api import Accepts, Example, Need, Objective, Pool, Prediction, Recipe, Strategy, Target, hookimpl
from harness_strategies.answers import words_of
from harness_strategies.balance import Balance, balanced
from harness_strategies.pairs import STUDENT
from harness_strategies.targets import Conflicts, LearnAllTeachers


class LearnOwnPredictions(Recipe):
    """The stage-1 student's answers of which it is sure, as pseudo-labels."""

    threshold: float = Field(default=0.9, ge=0.5, le=1)
    """The least probability of its verdict; what carries no probability is not learnt."""
    soft: bool = False
    """Whether its probability is learnt, and not its verdict."""
    balance: Balance = "undersample"
    """How the classes among them are made equal; undersampling keeps the surest."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.STAGE1_PREDICTIONS})

    def asks(self) -> frozenset[Accepts]:
        return frozenset({Accepts.TARGETS} | ({Accepts.SOFT_TARGETS} if self.soft else set()))

    def examples(self, pool: Pool) -> Iterable[Example]:
        sure = {item_id: said for item_id in pool.items if self._sure(said := pool.panel.predictions[item_id])}
        verdicts = {item_id: said.verdict for item_id, said in sure.items() if said.verdict is not None}
        order = sorted(sure, key=lambda item_id: (-confidence(sure[item_id]), item_id))
        return [self._target(sure[item_id]) for item_id in balanced(order, verdicts, self.balance)]

    def _sure(self, said: Prediction) -> bool:
        return said.verdict is not None and said.p_falsified is not None and confidence(said) >= self.threshold

    def _target(self, said: Prediction) -> Target:
        if self.soft:
            return Target(said.item_id, p_falsified=said.p_falsified, rationale=words_of(said), source=STUDENT)
        return Target(said.item_id, said.verdict, rationale=words_of(said), source=STUDENT)


def confidence(said: Prediction) -> float:
    """The probability of the verdict that was given."""
    p = said.p_falsified or 0.0
    return p if said.verdict == "falsified" else 1 - p


class SelfTraining(Strategy):
    """Stage 2 learns the stage-1 student's own confident answers (pseudo-labels as in Xie et al., arXiv 1911.04252).

    Items of which it gives its verdict a probability of ``threshold`` and more, with both classes alike. It costs
    no label, and so shows what a further training adds by itself; it can only sharpen what the student believes.
    Costs every teacher on the training items, the stage-1 student's answers about them, and two trainings.
    """

    name = "self-training"

    conflicts: Conflicts = "each"
    """Stage-1 target where teachers differ: a copy for each, none, or the side that is surer on average."""
    threshold: float = Field(default=0.9, ge=0.5, le=1)
    """The least probability of its verdict; answers without a probability are not learnt."""
    soft: bool = False
    """Whether its probability is learnt, and not its verdict."""
    balance: Balance = "undersample"
    """How the classes among its answers are made equal; undersampling keeps the surest."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the stage-2 examples, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate in stage 2, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnAllTeachers(conflicts=self.conflicts),)

    def stage2(self) -> Sequence[Recipe]:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        threshold, soft, balance = self.threshold, self.soft, self.balance
        return (LearnOwnPredictions(threshold=threshold, soft=soft, balance=balance, objective=objective),)


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [SelfTraining]
