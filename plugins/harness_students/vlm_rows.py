"""What a recipe's examples become as rows of a trainer, and which examples are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import Example, Item, Objective, Preference, Target, TrainingError
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_text import Message, Order, answer_text, answered, asked, prompt_text

MARGIN_ONLY = frozenset({"sigmoid", "hinge", "ipo", "sigmoid_norm", "discopop", "sft"})
"""Losses whose gradient is zero where chosen and rejected are the same words."""

LOSSES = MARGIN_ONLY | {"nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down", "aot", "aot_unpaired"}
"""TRL's names, less those that need a label smoothing above 0."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of prompt, answers and ``item``; ``pairs`` says whether they are for preference training."""

    rows: Sequence[Row]
    pairs: bool
    left_out: int
    """Examples whose image cannot be read."""


def make_rows(
    items: Mapping[str, Item],
    examples: Sequence[Example],
    pictures: Pictures,
    objective: Objective,
    prompt: str,
    order: Order,
) -> Rows:
    """Targets alone are for fine-tuning; with any preference among them all become pairs.

    A target among preferences is a pair of the answer with itself: its margin and the gradient of its
    margin are zero, so it feels the likelihood alone.
    """
    pairs = any(isinstance(example, Preference) for example in examples)
    if pairs:
        _check_objective(objective, mixed=any(isinstance(example, Target) for example in examples))

    def write(target: Target) -> list[Message]:
        return answered(_words(target, order))

    rows = []
    usable = [example for example in examples if pictures.readable(example.item_id)]
    for example in usable:
        row: Row = {"prompt": asked(prompt_text(prompt, items[example.item_id].caption)), "item": example.item_id}
        match example:
            case Preference(chosen=chosen):
                row |= {"chosen": write(chosen), "rejected": write(_rejected(example))}
            case Target() if pairs:
                row |= {"chosen": write(example), "rejected": write(example)}
            case Target():
                row["completion"] = write(example)
        rows.append(row)
    return Rows(rows, pairs, len(examples) - len(rows))


def _check_objective(objective: Objective, mixed: bool) -> None:
    losses = set(objective.losses)
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
    if mixed and "sft" not in losses:
        raise TrainingError(
            "plain targets among preferences would teach nothing, since the objective has no 'sft' loss",
            remedy="add 'sft' to the losses, or let the recipe yield preferences only",
        )
    if mixed and (unpaired := losses - MARGIN_ONLY):
        raise TrainingError(
            f"plain targets cannot stand among preferences under {sorted(unpaired)[0]!r}, "
            "whose gradient is not zero for equal answers",
            remedy=f"use {', '.join(sorted(MARGIN_ONLY - {'sft'}))}, or let the recipe yield preferences only",
        )


def _words(target: Target, order: Order) -> str:
    if target.verdict is None or target.weight != 1.0 or target.task != "verdict":
        raise TrainingError(
            f"item {target.item_id!r}: a target must have a hard verdict, weight 1 and the task 'verdict'",
            remedy="use a student that accepts soft targets, weights or other tasks",
        )
    return answer_text(target.verdict, target.rationale, order)


def _rejected(example: Preference) -> Target:
    if len(example.rejected) != 1 or example.image_of is not None or example.weight != 1.0:
        raise TrainingError(
            f"item {example.item_id!r}: a preference must have one rejected answer, its own image and weight 1",
            remedy="use a student that accepts such preferences",
        )
    return example.rejected[0]
