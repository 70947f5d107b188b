"""What a training is about to use, put together as it will use it, for probes to look at."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness_students.engine.collate import labels_of, model_inputs
from harness_students.vlm_base import Model, Processor, evaluating
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_rows import Row
from harness_students.vlm_text import Message

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer

Batch = Mapping[str, Any]

ANSWERS = frozenset({"completion", "chosen", "rejected"})

MORE = "What is said here comes later."


@dataclass(frozen=True, slots=True)
class Rig:
    """A model and its processor, the rows, and the collator that makes batches of them."""

    model: Model
    processor: Processor
    rows: Sequence[Row]
    pictures: Pictures
    collate: Callable[[list[Row]], Batch]
    computing: Callable[[], AbstractContextManager[object]] = nullcontext
    """In what the trainer computes, such as its type of numbers."""

    def batch(self, rows: Sequence[Row]) -> Batch:
        """What the trainer would be given of these rows, on the model's device."""
        shown = [{**copy.deepcopy(row), "images": [self.pictures.open(row["item"])]} for row in rows]
        made = self.collate(shown)
        return {key: _moved(value, self.model.device) for key, value in made.items()}

    def said(self, batch: Batch) -> list[Tensor]:
        """Log-probabilities of the answers' tokens, one tensor of any length for every answer, without gradients."""
        import torch

        labels = labels_of(batch)
        with evaluating(self.model), torch.no_grad(), self.computing():
            log_probs = self.model(**model_inputs(batch), labels=labels, fused_lm_head=True).log_probs  # (R, L - 1)
        there = labels[:, 1:] != -100
        return [row[mask].float() for row, mask in zip(log_probs, there, strict=True)]

    def sample(self) -> list[Row]:
        """The rows with the most and the fewest words: whatever a batch pads is padded there."""
        ordered = sorted(self.rows, key=lambda row: (_words(row), row["item"]))
        return [_with_one_rejected(row) for row in (ordered[-1:] + ordered[:1] if len(ordered) > 1 else ordered)]


def rig_of(trainer: Trainer, processor: Processor, rows: Sequence[Row], pictures: Pictures) -> Rig:
    """Of a trainer that is ready to go."""
    collator: Any = trainer.data_collator

    def collate(shown: list[Row]) -> Batch:
        # The engine's collator knows the rows of its training; for others it is made anew.
        over = hasattr(collator, "over")
        made: Batch = collator.over(shown)(list(_numbered(shown))) if over else collator(shown)
        return made

    return Rig(trainer.model, processor, rows, pictures, collate, trainer.accelerator.autocast)


def _numbered(rows: Sequence[Row]) -> Iterator[Row]:
    return ({"row": place} for place in range(len(rows)))


def answers(rows: Sequence[Row]) -> list[tuple[int, str, list[Message]]]:
    """Every answer of a batch with the place of its row and the item whose image it is shown with.

    They are in the order in which the collators lay them out: all first answers, then all rejected ones.
    """
    first = [(place, row["item"], row.get("completion") or row["chosen"]) for place, row in enumerate(rows)]
    return first + [
        (place, row.get("image_of") or row["item"], answer)
        for place, row in enumerate(rows)
        for answer in _rejected(row)
    ]


def lengthened(row: Row) -> Row:
    """The row with more words at the end of its answers."""
    return {name: _longer(value) if name in ANSWERS else value for name, value in row.items()}


def _longer(answer: Any) -> Any:  # noqa: ANN401 - messages, or answers of several
    if isinstance(answer, Mapping):
        return {**answer, "content": f"{answer['content']} {MORE}"}
    return [_longer(part) for part in answer]


def _rejected(row: Row) -> Sequence[list[Message]]:
    """The rejected answers; a row for a stock trainer holds its one bare."""
    rejected = row.get("rejected") or []
    return [rejected] if rejected and isinstance(rejected[0], Mapping) else rejected


def _with_one_rejected(row: Row) -> Row:
    """With several the order of a batch is the trainer's own affair."""
    few = len(_rejected(row)) < 2
    return row if few else {**row, "rejected": row["rejected"][:1]}


def rendered(processor: Processor, row: Row, answer: list[Message]) -> tuple[str, str]:
    """Prompt and answer as the chat template writes them."""
    first, *more = [{"role": message["role"], "content": _as_parts(message["content"])} for message in row["prompt"]]
    prompt = [{**first, "content": [{"type": "image"}, *first["content"]]}, *more]
    said = [{"role": message["role"], "content": _as_parts(message["content"])} for message in answer]
    asked: str = processor.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    whole: str = processor.apply_chat_template(prompt + said, tokenize=False)
    start = next((at for at, pair in enumerate(zip(asked, whole, strict=False)) if len(set(pair)) > 1), len(asked))
    return whole[:start], whole[start:]


def _as_parts(content: str | list[Message]) -> list[Message]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _moved(value: Any, device: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {key: _moved(inner, device) for key, inner in value.items()}
    return value.to(device) if hasattr(value, "to") else value


def _words(row: Row) -> int:
    said = [*row["prompt"], *(message for _, _, answer in answers([row]) for message in answer)]
    return sum(len(str(message["content"])) for message in said)
