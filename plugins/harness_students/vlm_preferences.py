"""Preference training beyond TRL's losses: weights, several rejected answers, other images, no reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.api import Objective
from harness_students.engine.collate import labels_of, model_inputs
from harness_students.vlm_base import Model
from harness_students.vlm_groups import Batch, scores_of
from harness_students.vlm_losses import Scores, total

if TYPE_CHECKING:
    from torch import Tensor
    from trl import DPOTrainer

PER_TOKEN = frozenset({"simpo", "orpo"})
"""Losses without a reference that compare answers per token."""

TOKENS = "num_tokens"


@cache
def preference_trainer() -> type[DPOTrainer]:
    """TRL's trainer with the losses of `harness_students.vlm_losses` over groups (`vlm_groups.grouped`).

    The reference is TRL's own, or none; its log-probabilities are taken from the batch where they are there.
    An instance must be given its ``objective``.
    """
    from accelerate.utils import gather_object
    from trl import DPOTrainer

    class PreferenceTrainer(DPOTrainer):  # type: ignore[misc]
        objective: Objective

        def _compute_loss(self, model: Model, inputs: Batch, return_outputs: bool) -> Tensor:
            outputs, logps = _forward(model, inputs, self.aux_loss_enabled)
            lengths = inputs["completion_mask"][:, 1:].sum(dim=1)
            scores = scores_of(logps, self._of_reference(inputs, logps), lengths, inputs)
            found = gather_object([{**measures(scores, self.objective), TOKENS: int(inputs["attention_mask"].sum())}])
            self._total_train_tokens += sum(values.pop(TOKENS) for values in found)
            self._metrics["train"][TOKENS] = [self._total_train_tokens]
            for name, value in mean_of(found).items():
                self._metrics["train"][name].append(value)
            told = self.objective
            loss = total(scores, told.losses, inputs["weight"], told.beta, told.gamma)
            return loss + self.router_aux_loss_coef * outputs.aux_loss if self.aux_loss_enabled else loss

        def _of_reference(self, inputs: Batch, logps: Tensor) -> Tensor:
            """The reference's log-probabilities of the answers, zero where there is no reference."""
            import torch

            if self.objective.reference == "none":
                return torch.zeros_like(logps)
            if "ref_chosen_logps" in inputs:
                return torch.cat([inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]])
            known = {**model_inputs(inputs), "completion_mask": inputs["completion_mask"]}
            return torch.cat(self.compute_ref_log_probs(self.ref_model or self.model, known)).float()

    return PreferenceTrainer


def _forward(model: Model, inputs: Batch, routed: bool) -> tuple[Any, Tensor]:
    """The model's outputs, and the log-probability of each answer (B + N,)."""
    more = {"output_router_logits": True} if routed else {}
    outputs = model(**model_inputs(inputs), **more, use_cache=False, labels=labels_of(inputs), fused_lm_head=True)
    return outputs, outputs.log_probs.float().sum(dim=1)


def measures(scores: Scores, objective: Objective) -> dict[str, float]:
    """What is logged of a batch, by TRL's names: means over the rows, and over all rejected answers.

    A reward is β·(log π - log ρ); without a reference it is per token where all losses are. ``rewards/accuracies``
    is the share of rejected answers whose reward is below that of their chosen one.
    """
    chosen, rejected = (side.detach() for side in (scores.chosen - scores.ref_chosen, scores.down))
    if objective.reference == "none" and set(objective.losses) <= PER_TOKEN | {"sft"}:
        chosen, rejected = chosen / scores.chosen_length, rejected / scores.rejected_length
    chosen, rejected = objective.beta * chosen, objective.beta * rejected
    found = {"rewards/chosen": chosen.mean(), "logps/chosen": scores.chosen.detach().mean()}
    if bool(scores.there.any()):
        margins = (chosen[:, None] - rejected)[scores.there]
        found["rewards/rejected"] = rejected[scores.there].mean()
        found["rewards/margins"] = margins.mean()
        found["rewards/accuracies"] = (margins > 0).float().mean()
        found["logps/rejected"] = scores.rejected.detach()[scores.there].mean()
    return {name: float(value) for name, value in found.items()}


def mean_of(ranks: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means over the ranks that have a value."""
    names = dict.fromkeys(name for values in ranks for name in values)
    return {name: fmean(values[name] for values in ranks if name in values) for name in names}
