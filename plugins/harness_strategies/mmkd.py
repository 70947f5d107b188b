"""The paper's two stages: all teachers on everything, then ground truth where they conflict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal

from pydantic import Field

from harness.api import (
    Accepts,
    Example,
    Need,
    Objective,
    Pool,
    Preference,
    Recipe,
    Strategy,
    Target,
    Verdict,
    hookimpl,
    opposite,
    seed_from,
)
from harness_strategies.targets import LearnAllTeachers, consensus, spokesman, target_of

Balance = Literal["none", "undersample", "oversample"]

REFERENCE_FREE = frozenset({"simpo", "cpo", "orpo"})
"""Preference losses that have no reference."""


class _OnConflicts(Recipe):
    """What is bought, balanced, with a replay of what stage 1 already knew."""

    balance: Balance = "oversample"
    """How the classes among the bought items are made equal, after buying: an unbalanced set of conflicts
    taught tiny students to answer one verdict always. Oversampling leaves no label unused."""
    replay: float = Field(default=2.0, ge=0, le=100)
    """Items on which the teachers agree, per bought item that is used; their shared answer is learnt again."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS, Need.LABELS})

    def bought(self, pool: Pool) -> list[str]:
        """Bought items in the order of buying, with both classes alike where that is asked for."""
        sides: dict[Verdict, list[str]] = {"pristine": [], "falsified": []}
        for item_id, verdict in pool.labels.items():
            sides[verdict].append(item_id)
        fewer, more = sorted(sides.values(), key=len)
        if self.balance == "none" or not fewer:
            return list(pool.labels)
        if self.balance == "undersample":
            return fewer + more[: len(fewer)]
        return more + [fewer[index % len(fewer)] for index in range(len(more))]

    def replayed(self, pool: Pool, count: int) -> list[str]:
        """Items with a consensus that were not bought, at random, with both classes alike."""
        order = sorted(pool.items, key=lambda item_id: (seed_from(pool.seed, "replay", item_id), item_id))
        sides: dict[Verdict, list[str]] = {"pristine": [], "falsified": []}
        for item_id in order:
            verdict = consensus(pool.panel, item_id)
            if verdict is not None and item_id not in pool.labels:
                sides[verdict].append(item_id)
        wanted = round(self.replay * count / 2)
        return [item_id for side in sides.values() for item_id in islice(side, wanted)]


class LearnRightTeacher(_OnConflicts):
    """Targets: the answer of the teacher that was right, or the bare label where none was."""

    def examples(self, pool: Pool) -> Iterable[Example]:
        chosen = [_right(pool, item_id) for item_id in self.bought(pool)]
        return chosen + [_agreed(pool, item_id) for item_id in self.replayed(pool, len(chosen))]


class PreferRightTeacher(_OnConflicts):
    """Preferences: the teacher that was right over the one that was wrong (DPO, arXiv 2305.18290).

    Where no teacher was wrong there is no pair, and the answer is a plain target; where all were wrong,
    the label without a rationale is preferred. An objective without ``sft`` learns nothing from plain
    targets: then items without a pair are left out, and what is replayed is preferred to its flipped verdict.
    """

    replay_as: Literal["target", "preference"] = "target"
    """A replayed answer as a plain target, or preferred over the same words with the other verdict."""

    def asks(self) -> frozenset[Accepts]:
        return frozenset({Accepts.PREFERENCES} | ({Accepts.TARGETS} if self._learns_targets else set()))

    def examples(self, pool: Pool) -> Iterable[Example]:
        bought = self.bought(pool)
        examples = [_preferred(pool, item_id) for item_id in bought]
        if not self._learns_targets:
            examples = [example for example in examples if isinstance(example, Preference)]
        flip = self.replay_as == "preference" or not self._learns_targets
        for item_id in self.replayed(pool, len(bought)):
            agreed = _agreed(pool, item_id)
            examples.append(_over_flipped(agreed) if flip else agreed)
        return examples

    @property
    def _learns_targets(self) -> bool:
        return "sft" in self.objective.losses


def _right(pool: Pool, item_id: str) -> Target:
    label = pool.labels[item_id]
    if label in pool.panel.verdicts(item_id):
        return target_of(spokesman(pool.panel, item_id, label))
    return Target(item_id, label)


def _preferred(pool: Pool, item_id: str) -> Example:
    right = _right(pool, item_id)
    wrong = opposite(pool.labels[item_id])
    if wrong not in pool.panel.verdicts(item_id):
        return right
    return Preference(item_id, right, (target_of(spokesman(pool.panel, item_id, wrong)),))


def _agreed(pool: Pool, item_id: str) -> Target:
    verdict = consensus(pool.panel, item_id)
    assert verdict is not None
    return target_of(spokesman(pool.panel, item_id, verdict))


def _over_flipped(target: Target) -> Preference:
    assert target.verdict is not None
    flipped = Target(target.item_id, opposite(target.verdict), rationale=target.rationale)
    return Preference(target.item_id, target, (flipped,))


class Mmkd(Strategy):
    """Multi-MLLM knowledge distillation (Gu et al., arXiv 2505.22517).

    Stage 1 learns every teacher on every item; stage 2 goes on from that adapter with LoRA fine-tuning and
    DPO where the teachers conflict. The paper's summary fixes that much; every option below is our choice.
    """

    name = "mmkd"

    conflicts: Literal["each", "skip", "probability"] = "each"
    """Stage-1 target where teachers differ: a copy for each, none, or the side that is surer on average."""
    stage2_order: Literal["joint", "sequential", "sft", "dpo"] = "joint"
    """Fine-tuning and DPO as one loss, one after the other, or only one of them."""
    preference_loss: str = "sigmoid"
    """The preference loss, by the name that the student gives it: TRL's, or such as ``simpo``, ``cpo`` and ``orpo``,
    which hold the student to no reference. CPO and ORPO as published have ``sft_weight`` 1 in a joint stage 2."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood beside the preference loss, in a joint stage 2."""
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
                return (self._preferring({self.preference_loss: 1.0}),)
            case "sequential":
                return (self._fine_tuning(), self._preferring({self.preference_loss: 1.0}))
            case "joint":
                return (self._preferring({self.preference_loss: 1.0, "sft": self.sft_weight}),)

    def _fine_tuning(self) -> Recipe:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        return LearnRightTeacher(objective=objective, balance=self.balance, replay=self.replay)

    def _preferring(self, losses: Mapping[str, float]) -> Recipe:
        objective = Objective(
            losses=losses,
            beta=self.beta,
            gamma=self.gamma,
            reference="none" if self.preference_loss in REFERENCE_FREE else "start",
            epochs=self.epochs,
            lr=self.lr,
        )
        return PreferRightTeacher(
            objective=objective, balance=self.balance, replay=self.replay, replay_as=self.replay_as
        )


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [Mmkd]
