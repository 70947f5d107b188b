"""Which preference losses there are, what each of them needs, and which trainer can express an objective."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Example, Objective, Preference, Target, TrainingError
from harness_students.vlm_losses import PAIRWISE

SORTED = frozenset({"aot", "aot_unpaired"})
"""Losses that compare sorted batches, in which no answer has a partner of its own."""

REFERENCE_FREE = frozenset({"simpo", "cpo", "orpo", "sft"})
"""Losses that need no reference."""

MARGIN_ONLY = frozenset({"sigmoid", "hinge", "ipo", "sigmoid_norm", "discopop", "sft"})
"""TRL's losses whose gradient is zero where chosen and rejected are the same words."""

STOCK = MARGIN_ONLY | {"nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down"} | SORTED
"""TRL's names, less those that need a label smoothing above 0."""

LOSSES = STOCK | frozenset(PAIRWISE) | {"plackett_luce", "anchor"}


def check(objective: Objective, examples: Iterable[Example]) -> None:
    """Raise `TrainingError` where the preferences among the examples cannot be learnt by this objective."""
    losses, mixed = set(objective.losses), any(isinstance(example, Target) for example in examples)
    if not losses:
        raise TrainingError(
            "the recipe yields preferences but its objective has no losses",
            remedy="say which, for example {sigmoid: 1.0, sft: 1.0}",
        )
    if unknown := losses - LOSSES:
        raise TrainingError(
            f"{sorted(unknown)[0]!r} is no preference loss of this student",
            remedy=f"one of {', '.join(sorted(LOSSES))}",
        )
    if objective.reference == "none" and (needy := losses - REFERENCE_FREE):
        raise TrainingError(
            f"the preference loss {sorted(needy)[0]!r} cannot do without a reference",
            remedy=f"use the reference 'start' or 'base', or one of {', '.join(sorted(REFERENCE_FREE - {'sft'}))}",
        )
    if mixed and "sft" not in losses:
        raise TrainingError(
            "plain targets among preferences would teach nothing, since the objective has no 'sft' loss",
            remedy="add 'sft' to the losses, or let the recipe yield preferences only",
        )
    if (sorting := losses & SORTED) and (odd := _odd(examples)):
        raise TrainingError(
            f"{sorted(sorting)[0]!r} compares sorted batches and cannot be learnt with {odd}",
            remedy="use another loss, or let the recipe yield plain pairs only",
        )


def stock(objective: Objective, examples: Iterable[Example]) -> bool:
    """Whether TRL's own loss says the same: its names, a reference, and pairs without anything special.

    A plain target is then a pair of the answer with itself: its margin and the gradient of its margin are zero,
    so it feels the likelihood alone.
    """
    losses = set(objective.losses)
    odd = _odd(examples)
    plain = not odd or (odd == PLAIN_TARGETS and losses <= MARGIN_ONLY)
    return losses <= STOCK and objective.reference != "none" and plain


PLAIN_TARGETS = "plain targets"


def _odd(examples: Iterable[Example]) -> str:
    """What no stock trainer has a place for, in words; plain targets only where there is nothing else."""
    found = ""
    for example in examples:
        if example.weight != 1.0:
            return "weights"
        match example:
            case Preference(image_of=None, rejected=(_,)):
                continue
            case Preference(image_of=None):
                return "several rejected answers"
            case Preference():
                return "another image for the rejected answer"
            case Target(verdict=None):
                return "soft targets"
        found = PLAIN_TARGETS
    return found
