"""Relatives of the two-stage method: the same recipes with some of its options fixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from harness.api import Recipe, Strategy, hookimpl
from harness_strategies.balance import Balance
from harness_strategies.mmkd import Mmkd


class _Preset(Strategy):
    """`mmkd` with the options that are ``fixed``, and those of its options that are fields here."""

    fixed: ClassVar[Mapping[str, str]] = {}

    balance: Balance = "oversample"
    """How the classes among the bought items are made equal, after buying: the rarer one repeated, the other one cut,
    or neither."""
    replay: float = Field(default=2.0, ge=0, le=100)
    """Consensus items learnt again, per bought item that is used."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the stage-2 examples, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate in stage 2, where the student's own setting is not to be used."""

    def stage1(self) -> Sequence[Recipe]:
        return self._whole().stage1()

    def stage2(self) -> Sequence[Recipe]:
        return self._whole().stage2()

    def _whole(self) -> Mmkd:
        return Mmkd.model_validate(self.model_dump(exclude={"rule"}) | dict(self.fixed))


class _Stage2Alone(_Preset):
    """The second stage of it, from the untrained student."""

    def stage1(self) -> Sequence[Recipe]:
        return ()


class Stage2Only(_Stage2Alone):
    """`mmkd` without its first stage: what the teachers' words on all items add is the difference of the two.

    Costs the labels that are bought, every teacher on the training items, and one training.
    """

    name = "stage2-only"

    stage2_order: Literal["joint", "sequential", "sft", "dpo"] = "joint"
    """Fine-tuning and DPO as one loss, one after the other, or only one of them."""
    preference_loss: str = "sigmoid"
    """The preference loss, by the name that the student gives it. ``orpo`` is ORPO as published, on the base."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood beside the preference loss, in a joint stage 2."""
    beta: float = Field(default=0.1, gt=0)
    """How strongly the preference loss holds the student to the base; SimPO's scale (2 or more), ORPO's λ."""


class DpoOnly(_Stage2Alone):
    """DPO and no fine-tuning at all, from the untrained student (Rafailov et al., arXiv 2305.18290).

    −log σ(β(Δc − Δr)), with Δ an answer's log-probability less that of the base. Both answers may become unlikely,
    which is why `mmkd` keeps a likelihood term; `mmkd` with ``stage2_order: dpo`` is DPO alone after stage 1.
    Costs the labels that are bought, every teacher on the training items, and one training.
    """

    name = "dpo-only"
    fixed: ClassVar[Mapping[str, str]] = {"stage2_order": "dpo"}

    beta: float = Field(default=0.1, gt=0)
    """How strongly the student is held to the base."""


class Simpo(_Preset):
    """Stage 2 with SimPO, which has no reference (Meng et al., arXiv 2405.14734).

    −log σ(β·log π(c)/|c| − β·log π(r)/|r| − γ) beside ``sft_weight`` times the chosen answer's likelihood, which the
    published loss has not. Costs as `mmkd`.
    """

    name = "simpo"
    fixed: ClassVar[Mapping[str, str]] = {"preference_loss": "simpo"}

    beta: float = Field(default=2.0, gt=0)
    """The scale of the reward, 2 to 10 in the source."""
    gamma: float = Field(default=1.0, ge=0)
    """The margin between the rewards, 0.3 to 1.6 in the source."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood; 0 is the published loss."""


class Orpo(_Preset):
    """Stage 2 with ORPO, which has no reference (Hong et al., arXiv 2403.07691).

    −log π(c)/|c| − λ·log σ(log odds c − log odds r). As published it needs no stage before it: that is
    `stage2-only` with ``preference_loss: orpo``. Costs as `mmkd`.
    """

    name = "orpo"
    fixed: ClassVar[Mapping[str, str]] = {"preference_loss": "orpo"}

    beta: float = Field(default=0.1, gt=0)
    """λ, the weight of the odds ratio beside the likelihood."""


class Mdpo(_Preset):
    """Stage 2 with pairs that differ in the image, so that it cannot be ignored (mDPO, Wang et al., arXiv 2406.11839).

    DPO's loss on right over wrong, the same loss on a right answer over itself with another image, and ``anchor``
    times −log σ(βΔc), which keeps right answers likely. The source rejects a cropped image; here it is another
    item's, and only for pristine answers: a falsified caption stays out of context with any other image.
    Costs as `mmkd`; the student must take image-conditional preferences.
    """

    name = "mdpo"
    fixed: ClassVar[Mapping[str, str]] = {"pairs": "image-negative"}

    beta: float = Field(default=0.1, gt=0)
    """How strongly the student is held to the stage-1 adapter."""
    anchor: float = Field(default=1.0, ge=0)
    """Weight of the anchor; 1 in the source."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood, which the published loss has not."""


class MultiNegative(_Preset):
    """Stage 2 with the right teacher over all wrong ones at once (Plackett–Luce; arXiv 2510.04142).

    −log(e^βΔc / (e^βΔc + Σ e^βΔr)) over the wrong answers r; with one wrong teacher it is DPO.
    Costs as `mmkd`, and tells something new from three teachers on; the student must take several rejected answers.
    """

    name = "multi-negative"
    fixed: ClassVar[Mapping[str, str]] = {"pairs": "right-over-all-wrong", "preference_loss": "plackett_luce"}

    beta: float = Field(default=0.1, gt=0)
    """How strongly the student is held to the stage-1 adapter."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood."""


class OnPolicyPairs(_Preset):
    """Stage 2 rejects what the stage-1 student itself says wrongly on the bought items, for the right teacher's answer.

    The pairs are about the student's own mistakes (as in STaR, arXiv 2203.14465, an answer is judged by its label), not
    about a teacher's; an item on which the student is right is a plain target. Costs as `mmkd` and the stage-1
    student's answers about the training items.
    """

    name = "on-policy-pairs"
    fixed: ClassVar[Mapping[str, str]] = {"pairs": "own-mistakes"}

    beta: float = Field(default=0.1, gt=0)
    """How strongly the student is held to the stage-1 adapter."""
    sft_weight: float = Field(default=1.0, ge=0)
    """Weight of the chosen answer's likelihood."""


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [Stage2Only, DpoOnly, Simpo, Orpo, Mdpo, MultiNegative, OnPolicyPairs]
