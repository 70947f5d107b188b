"""Rows that were encoded alone, put together to the batch that TRL's collator would make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness_students.engine.tokens import Encoded, Images

if TYPE_CHECKING:
    from torch import Tensor


BESIDE = frozenset({"labels", "completion_mask", "ref_chosen_logps", "ref_rejected_logps", "rejected_of", "weight"})
"""Keys of a batch that are for the loss and not for the model."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a batch: the answer ``place`` (0: the only or the chosen one) of the batch's row ``group``."""

    group: int
    place: int
    answer: Encoded


def lay_out(groups: Sequence[Sequence[Encoded]]) -> list[Part]:
    """All first answers in the order of the rows, then all second ones, and so on: as TRL has pairs."""
    places = range(max(map(len, groups)))
    return [
        Part(group, place, answers[place])
        for place in places
        for group, answers in enumerate(groups)
        if place < len(answers)
    ]


def pad_tokens(parts: Sequence[Part], pad_token: int, *, labels: bool) -> dict[str, Tensor]:
    """Token ids, their types and masks of shape (R, L), padded on the right.

    With ``labels`` there are labels as in fine-tuning, else a ``completion_mask`` as in preference training.
    """
    import torch

    answers = [part.answer for part in parts]
    batch = {
        name: _pad([answer.tokens[name] for answer in answers], pad_token if name == "input_ids" else 0)
        for name in answers[0].tokens
    }
    batch["attention_mask"] = _pad([torch.ones_like(answer.tokens["input_ids"]) for answer in answers], 0)
    marks = _pad([_marks(answer) for answer in answers], 0)
    if labels:
        batch["labels"] = batch["input_ids"].masked_fill(marks == 0, -100)
    else:
        batch["completion_mask"] = marks
    return batch


def join_images(images: Sequence[Images]) -> dict[str, Tensor]:
    """Image inputs one after the other; where images have more or fewer tiles, zeros fill up at the end."""
    import torch

    return {name: torch.cat(_level([image[name] for image in images])) for name in images[0]}


def _marks(answer: Encoded) -> Tensor:
    """1 where a token is the answer's, of shape (L,)."""
    import torch

    ids = answer.tokens["input_ids"]
    return (torch.arange(len(ids)) >= answer.prompt).to(ids.dtype)


def _pad(sequences: Sequence[Tensor], value: int) -> Tensor:
    from torch.nn.utils.rnn import pad_sequence

    return pad_sequence(list(sequences), batch_first=True, padding_value=value)


def _level(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Zeros at the end of every dimension but the first, so that all have one shape."""
    from torch.nn.functional import pad

    largest = [max(sizes) for sizes in zip(*(tensor.shape[1:] for tensor in tensors), strict=True)]
    level = []
    for tensor in tensors:
        missing = [size - have for size, have in zip(largest, tensor.shape[1:], strict=True)]
        level.append(pad(tensor, [edge for gap in reversed(missing) for edge in (0, gap)]))
    return level


def model_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """What of a batch a model is called with; the rest is the loss's."""
    return {name: value for name, value in batch.items() if name not in BESIDE}


def labels_of(batch: Mapping[str, Any]) -> Tensor:
    """Token ids (R, L) with -100 off the answers, as both trainers make them."""
    if "labels" in batch:
        labels: Tensor = batch["labels"]
        return labels
    masked: Tensor = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    return masked
