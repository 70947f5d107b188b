"""What a recipe's examples become as rows of a trainer, and which examples are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from harness.api import Example, Item, Objective, Preference, Target, TrainingError
from harness_students import vlm_objective
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_text import TASKS, Message, Order, answered, answers, asked, prompt_text

Row = dict[str, Any]
"""For fine-tuning: ``prompt``, ``completion``, ``item``, ``weight``.

For preferences: ``prompt``, ``chosen``, ``rejected`` (a list of answers, none for a plain target), ``item``,
``weight`` and ``image_of``; for a stock preference trainer ``prompt``, ``chosen``, one ``rejected`` and ``item``.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows for a trainer: for preference training where they are ``pairs``, for TRL's own where they are ``stock``."""

    rows: Sequence[Row]
    pairs: bool
    stock: bool
    examples: int
    """Examples that the rows are made of; a soft target makes two."""
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
    """Targets alone are for fine-tuning; with any preference among them all become rows of pairs."""
    pairs = any(isinstance(example, Preference) for example in examples)
    if pairs:
        vlm_objective.check(objective, examples)
    for example in examples:
        _check(example)
    usable = [example for example in examples if all(map(pictures.readable, _shown(example)))]
    split = [row for example in usable for row in _rows(example, items, prompt, order, pairs)]
    if pairs:
        stock = vlm_objective.stock(objective, examples)
        split = [_paired(row) for row in split] if stock else split
    else:
        stock = all(row["weight"] == 1.0 for row in split)
    return Rows(split, pairs, stock, len(usable), len(examples) - len(usable))


def _shown(example: Example) -> list[str]:
    """Items whose images an example shows."""
    other = example.image_of if isinstance(example, Preference) else None
    return [example.item_id] if other is None else [example.item_id, other]


def _rows(example: Example, items: Mapping[str, Item], prompt: str, order: Order, pairs: bool) -> Iterator[Row]:
    asking = example.chosen if isinstance(example, Preference) else example
    said = answers(asking, order)
    question = TASKS[asking.task] + prompt_text(prompt, items[example.item_id].caption)
    row: Row = {"prompt": asked(question), "item": example.item_id}
    for text, share in said:
        told = {**row, "weight": example.weight * share}
        match example:
            case Preference():
                told |= {"rejected": [_message(wrong, order) for wrong in example.rejected]}
                yield told | {"chosen": answered(text), "image_of": example.image_of}
            case Target() if pairs:
                yield told | {"chosen": answered(text), "rejected": [], "image_of": None}
            case Target():
                yield told | {"completion": answered(text)}


def _message(target: Target, order: Order) -> list[Message]:
    [(text, _)] = answers(target, order)
    return answered(text)


def _paired(row: Row) -> Row:
    """The row for a stock trainer; a plain target becomes a pair of the answer with itself."""
    rejected = row["rejected"][0] if row["rejected"] else row["chosen"]
    return {"prompt": row["prompt"], "chosen": row["chosen"], "rejected": rejected, "item": row["item"]}


def _check(example: Example) -> None:
    where = f"item {example.item_id!r}"
    if not (isfinite(example.weight) and example.weight >= 0):
        raise TrainingError(f"{where}: a weight of {example.weight} is none")
    if isinstance(example, Target):
        return
    sides = (example.chosen, *example.rejected)
    if not example.rejected:
        raise TrainingError(f"{where}: a preference without a rejected answer", remedy="yield a target instead")
    if any(side.verdict is None or side.weight != 1.0 for side in sides):
        raise TrainingError(f"{where}: an answer in a preference has a hard verdict and no weight of its own")
    if len({side.task for side in sides}) > 1:
        raise TrainingError(f"{where}: the answers of a preference are to different tasks")
