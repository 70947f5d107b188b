"""Log-probabilities of rows' answers outside of training, and whether two ways to them agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness_students.engine.assembly import Assembly
from harness_students.engine.collate import model_inputs

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer

TOLERANCE = {"torch.float32": 1e-5, "torch.float64": 1e-5}
"""Largest difference of an answer's log-probability, relative to it, that counts as rounding."""

TOLERANCE_OF_HALF = 2e-2
"""The same where numbers have 16 bits."""


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


def difference(one: Tensor, other: Tensor) -> float:
    """Largest difference, relative to what is larger than 1."""
    return float(((one - other).abs() / other.abs().clamp(min=1)).max())


def tolerance(trainer: Trainer) -> float:
    """What counts as rounding in the numbers that the model works in."""
    return TOLERANCE.get(str(trainer.model.dtype), TOLERANCE_OF_HALF)


@contextmanager
def _evaluating(trainer: Trainer) -> Iterator[None]:
    training = trainer.model.training
    trainer.model.eval()
    try:
        yield
    finally:
        trainer.model.train(training)
