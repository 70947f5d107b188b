"""Fine-tuning in which every answer has a weight."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from harness_students.vlm_base import Model
from harness_students.vlm_groups import Batch

if TYPE_CHECKING:
    from torch import Tensor
    from trl import SFTTrainer
    from trl.trainer.utils import FusedCausalLMOutput


@cache
def weighted_trainer() -> type[SFTTrainer]:
    """TRL's trainer with the loss Σ_i w_i NLL_i / tokens: NLL_i the sum over the tokens of answer i.

    ``tokens`` counts all completions of a step, as TRL does, so that weights of 1 give its loss bit by bit.
    """
    from trl import SFTTrainer

    class WeightedSFT(SFTTrainer):  # type: ignore[misc]
        def compute_loss(
            self,
            model: Model,
            inputs: Batch,
            return_outputs: bool = False,
            num_items_in_batch: Tensor | None = None,
        ) -> Tensor:
            weight = inputs.pop("weight")
            loss: Tensor = super().compute_loss(_scaled(model, weight), inputs, return_outputs, num_items_in_batch)
            return loss

    return WeightedSFT


def _scaled(model: Model, weight: Tensor) -> Callable[..., FusedCausalLMOutput]:
    """The model with each row's log-probabilities (B, L-1) times the row's weight (B,)."""

    def forward(**inputs: object) -> FusedCausalLMOutput:
        outputs = model(**inputs)
        outputs.log_probs = outputs.log_probs * weight[:, None]
        return outputs

    return forward
