"""Log-probabilities of rows' answers outside of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness_students.engine.assembly import Assembly
from harness_students.engine.collate import labels_of, model_inputs
from harness_students.vlm_base import evaluating

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer


def score(trainer: Trainer, assembly: Assembly, rows: Sequence[int], *, plain: bool = False) -> Tensor:
    """Summed log-probability of every answer, in the order of a batch: (R,)."""
    import torch

    batch = trainer._prepare_inputs(assembly.batch(rows, plain=plain))
    with torch.no_grad(), evaluating(trainer.model), trainer.accelerator.autocast():
        found = trainer.model(**model_inputs(batch), labels=labels_of(batch), use_cache=False, fused_lm_head=True)
    total: Tensor = found.log_probs.sum(1)
    return total
