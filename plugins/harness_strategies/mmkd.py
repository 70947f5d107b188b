"""The paper's two stages: all teachers on everything, then ground truth where they conflict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from harness.api import Objective, Recipe, Strategy, hookimpl
from harness_strategies.balance import Balance
from harness_strategies.conflicts import LearnRightTeacher, PreferRightTeacher, Truth
from harness_strategies.pairs import Pairs
from harness_strategies.targets import Conflicts, LearnAllTeachers

REFERENCE_FREE = frozenset({"simpo", "cpo", "orpo"})
"""Preference losses that have no reference."""


class Mmkd(Strategy):
    """Multi-MLLM knowledge distillation (Gu et al., arXiv 2505.22517).

    Stage 1 learns every teacher on every item; stage 2 goes on from that adapter with LoRA fine-tuning and
    DPO where the teachers conflict. The paper's summary fixes that much; every option below is our choice.
    Costs the labels that are bought, every teacher on the training items, and two trainings (three where stage 2 is
    sequential).
    """

    name = "mmkd"

    conflicts: Conflicts = "each"
    """Stage-1 target where teachers differ: a copy for each, none, or the side that is surer on average."""
    stage2_order: Literal["joint", "sequential", "sft", "dpo"] = "joint"
    """Fine-tuning and DPO as one loss, one after the other, or only one of them."""
    preference_loss: str = "sigmoid"
    """The preference loss, by the name that the student gives it: TRL's, or such as ``simpo``, ``cpo`` and ``orpo``,
    which hold the student to no reference. CPO and ORPO as published have ``sft_weight`` 1 in a joint stage 2."""
    pairs: Literal[Pairs, "majority-over-minority"] = "right-over-wrong"
    """Who is preferred to whom. The surest teacher that was right over the surest that was wrong (``right-over-wrong``)
    or over all that were wrong; the right answer over its own words with the other verdict (``verdict-flip``); right
    over wrong at like length (``length-matched``); also the right answer over itself with another item's image
    (``image-negative``); right over what the stage-1 student says wrongly (``own-mistakes``); or, without buying
    a label, most teachers over the others on every conflict (``majority-over-minority``, from three teachers on)."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood beside the preference loss, in a joint stage 2; at 0 it is DPO alone."""
    anchor: float = Field(default=0.0, ge=0)
    """Weight of mDPO's anchor, which wants the chosen answer likelier than under the reference (arXiv 2406.11839)."""
    beta: float = Field(default=0.1, gt=0)
    """How strongly DPO holds the student to the stage-1 adapter; the scale of SimPO's reward (2 or more), ORPO's λ."""
    gamma: float = Field(default=0.5, ge=0)
    """The margin that SimPO wants between the rewards of the chosen and the rejected answer."""
    balance: Balance = "oversample"
    """How the classes among the bought items are made equal, after buying: the rarer one repeated, the other one cut,
    or neither."""
    replay: float = Field(default=2.0, ge=0, le=100)
    """Consensus items learnt again, per bought item that is used."""
    replay_as: Literal["target", "preference"] = "target"
    """A replayed answer as a plain target, or preferred over the same words with the other verdict."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the stage-2 examples, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate in stage 2, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnAllTeachers(conflicts=self.conflicts),)

    def stage2(self) -> Sequence[Recipe]:
        match self.stage2_order:
            case "sft":
                return (self._fine_tuning(),)
            case "dpo":
                return (self._preferring(),)
            case "sequential":
                return (self._fine_tuning(), self._preferring())
            case "joint":
                return (self._preferring({"sft": self.sft_weight}),)

    def ablations(self) -> Mapping[str, Strategy]:
        """One option changed at a time."""
        from harness_strategies.ablations import ablations_of

        return ablations_of(self)

    def _fine_tuning(self) -> Recipe:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        return LearnRightTeacher(objective=objective, truth=self._truth, balance=self.balance, replay=self.replay)

    def _preferring(self, besides: Mapping[str, float] | None = None) -> Recipe:
        weights = {"anchor": self.anchor, **(besides or {})}
        losses = {self.preference_loss: 1.0} | {loss: weight for loss, weight in weights.items() if weight}
        objective = Objective(
            losses=losses,
            beta=self.beta,
            gamma=self.gamma,
            reference="none" if losses.keys() <= REFERENCE_FREE | {"sft"} else "start",
            epochs=self.epochs,
            lr=self.lr,
        )
        return PreferRightTeacher(
            objective=objective,
            truth=self._truth,
            pairs="right-over-wrong" if self.pairs == "majority-over-minority" else self.pairs,
            balance=self.balance,
            replay=self.replay,
            replay_as=self.replay_as,
        )

    @property
    def _truth(self) -> Truth:
        return "majority" if self.pairs == "majority-over-minority" else "labels"


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [Mmkd]
