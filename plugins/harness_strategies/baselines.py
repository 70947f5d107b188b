"""What any two-stage method must be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from harness.api import Objective, Recipe, Strategy, hookimpl
from harness_strategies.conflicts import LearnRightTeacher
from harness_strategies.targets import Conflicts, LearnAllTeachers, LearnLabels, LearnMajority, Ties


class ZeroShot(Strategy):
    """The untrained student: the floor. Costs no label and no teacher call."""

    name = "zero-shot"

    def stage1(self) -> Sequence[Recipe]:
        return ()

    def stage2(self) -> Sequence[Recipe]:
        return ()


class Stage1Only(Strategy):
    """Stage 1 alone: all teachers on all training items, no label.

    What the second stage must add to. Costs every teacher on the training items, and one training, which `mmkd` shares.
    """

    name = "stage1-only"

    conflicts: Conflicts = "each"
    """Items on which teachers differ: a copy for each teacher, none, or the side that is surer on average."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnAllTeachers(conflicts=self.conflicts),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


class ConsensusSft(Strategy):
    """Fine-tuning on the items about which all teachers with an answer agree: their verdict in the words of each.

    Agreement as a filter of pseudo-labels, as in co-training (Blum & Mitchell 1998). It learns nothing where
    the teachers conflict, which are the hard items. Costs every teacher on the training items, no label, and one
    training.
    """

    name = "consensus-sft"

    epochs: float | None = Field(default=None, gt=0)
    """Passes over the agreed items, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnAllTeachers(conflicts="skip", objective=Objective(epochs=self.epochs, lr=self.lr)),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


class MajorityVote(Strategy):
    """The teachers' majority as pseudo-label, no label bought.

    −log π of the verdict of most teachers in the words of the surest of them. Costs every teacher on the training
    items, and one training.
    """

    name = "majority-vote"

    ties: Ties = "skip"
    """Items on which as many teachers say one as the other: left out, or the side that is surer on average."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the items, where the student's own setting is not to be used: there is one target an item
    where `stage1-only` has one a teacher, so equal passes are fewer steps."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return (LearnMajority(ties=self.ties, objective=Objective(epochs=self.epochs, lr=self.lr)),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


class Supervised(Strategy):
    """Bought labels only.

    Buys at random unless told otherwise: a baseline that is trained on hard items only is no fair one. At fraction 1
    it is the label-rich bound. Costs the labels that are bought, no teacher unless ``rationale`` asks for one, and
    one training.
    """

    name = "supervised"

    rule: str | None = "random"
    """Name of the rule by which labels are bought."""
    rationale: Literal["none", "teacher"] = "none"
    """The bare label, or the words of the surest teacher that is right about it, where one is: that asks every teacher
    about the training items."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the bought labels, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        if self.rationale == "teacher":
            return (LearnRightTeacher(objective=objective, balance="none", replay=0),)
        return (LearnLabels(objective=objective),)

    def stage2(self) -> Sequence[Recipe]:
        return ()


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [ZeroShot, Stage1Only, ConsensusSft, MajorityVote, Supervised]
