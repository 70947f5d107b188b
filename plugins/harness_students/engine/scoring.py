"""Log-probabilities of rows' answers outside of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness_students.engine.assembly import Assembly
from harness_students.engine.collate import model_inputs

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer


def score(trainer: Trainer, assembly: Assembly, rows: Sequence[int], *, plain: bool = False) -> Tensor:
    """Summed log-probability of every answer, in the order of a batch: (R,)."""
    import torch

    batch = trainer._prepare_inputs(assembly.batch(rows, plain=plain))
    with torch.no_grad(), _evaluating(trainer), trainer.accelerator.autocast():
        found = trainer.model(**model_inputs(batch), labels=labels_of(batch), use_cache=False, fused_lm_head=True)
    total: Tensor = found.log_probs.sum(1)
    return total


def labels_of(batch: Mapping[str, Any]) -> Tensor:
    """Labels as the trainers make them."""
    if "labels" in batch:
        labels: Tensor = batch["labels"]
        return labels
    masked: Tensor = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    return masked


@contextmanager
def _evaluating(trainer: Trainer) -> Iterator[None]:
    training = trainer.model.training
    trainer.model.eval()
    try:
        yield
    finally:
        trainer.model.train(training)
