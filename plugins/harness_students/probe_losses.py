"""What a probe minimises: likelihood of targets, and preference losses on one answer of one token.

The answer is a verdict, so with log-odds z of falsified and s = +1 where falsified is chosen, -1 where pristine
is, log π(chosen) - log π(rejected) is exactly s·z, and the preference losses below are TRL's with nothing left out
(``trl/trainer/dpo_trainer.py`` of TRL 1.16, ``_compute_loss``). So are those without a reference, as such an answer
has a length of 1 and the two answers' probabilities sum to 1: then log odds(chosen) - log odds(rejected) is 2·s·z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import Example, Preference, Target, TrainingError

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = ("cpo", "hinge", "ipo", "orpo", "plackett_luce", "sft", "sigmoid", "simpo")


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as numbers, each of shape (B,).

    ``target`` is the probability of falsified to be learnt, ``weight`` the example's own, ``preference`` 1 for
    preferences and 0 for targets, and ``side`` is s above, or 0 where both answers have one verdict or there
    are not two.
    """

    target: Tensor
    weight: Tensor
    preference: Tensor
    side: Tensor

    def __getitem__(self, rows: Tensor) -> Batch:
        return Batch(self.target[rows], self.weight[rows], self.preference[rows], self.side[rows])


def batch_of(examples: Sequence[Example]) -> Batch:
    """All examples as one batch; raises `TrainingError` for what a probe cannot learn."""
    import torch

    columns = zip(*(_numbers(example) for example in examples), strict=True)
    target, weight, preference, side = (torch.tensor(column, dtype=torch.float32) for column in columns)
    return Batch(target, weight, preference, side)


def _numbers(example: Example) -> tuple[float, float, float, float]:
    match example:
        case Target():
            return _probability(example), example.weight, 0.0, 0.0
        case Preference(rejected=(rejected,), image_of=None):
            chosen = _probability(example.chosen)
            side = float(chosen >= 0.5) - float(_probability(rejected) >= 0.5)
            return chosen, example.weight, 1.0, side
        case _:
            raise TrainingError(
                f"item {example.item_id}: a probe learns from pairs of answers to one item, one chosen, one rejected",
                place="probe",
            )


def _probability(target: Target) -> float:
    if target.p_falsified is not None:
        return target.p_falsified
    if target.verdict is None:
        raise TrainingError(f"item {target.item_id}: a target has neither verdict nor p_falsified", place="probe")
    return float(target.verdict == "falsified")


def loss_of(
    logits: Tensor,
    reference: Tensor,
    batch: Batch,
    losses: Mapping[str, float],
    beta: float,
    gamma: float = 0.5,
) -> Tensor:
    """Mean over all B examples, targets and preferences alike, of weight times loss; a scalar.

    ``logits`` and ``reference`` are log-odds of falsified (B,); a target's loss is its cross-entropy, a
    preference's the sum of ``losses``. A pair whose answers have one verdict has no margin: only ``sft`` counts.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    nll = cross_entropy(logits, batch.target, reduction="none")
    log_sigmoid = torch.nn.functional.logsigmoid
    margin, free = batch.side * (logits - reference), batch.side * logits
    formulas: dict[str, Callable[[], Tensor]] = {
        "sigmoid": lambda: -log_sigmoid(beta * margin),
        "plackett_luce": lambda: -log_sigmoid(beta * margin),
        "simpo": lambda: -log_sigmoid(beta * free - gamma),
        "cpo": lambda: -log_sigmoid(beta * free),
        "orpo": lambda: -beta * log_sigmoid(2 * free),
        "hinge": lambda: torch.relu(1 - beta * margin),
        "ipo": lambda: (margin - 1 / (2 * beta)) ** 2,
        "sft": lambda: nll,
    }
    loss = (1 - batch.preference) * nll
    for name, weight in sorted(losses.items()):
        counts = batch.preference if name == "sft" else batch.side.abs()
        loss = loss + weight * counts * formulas[name]()
    return (batch.weight * loss).mean()
