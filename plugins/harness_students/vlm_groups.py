"""Batches of groups: a chosen answer with any number of rejected ones, and answers with a weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness_students.vlm_base import Processor
from harness_students.vlm_losses import Scores
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_rows import Row

if TYPE_CHECKING:
    from torch import Tensor

Batch = dict[str, Any]
Collator = Callable[[Sequence[Row]], Batch]


def weighted(processor: Processor) -> Collator:
    """TRL's batch of prompts and completions, with ``weight`` (B,)."""
    import torch
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    stock = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)

    def collate(rows: Sequence[Row]) -> Batch:
        weight = torch.tensor([row["weight"] for row in rows])
        return {**stock(list(rows)), "weight": weight}

    return collate


def grouped(processor: Processor, pictures: Pictures) -> Collator:
    """Rows of preferences as a flat batch: B chosen answers, then N rejected ones, each with its own picture.

    Beside the model's keys there are ``completion_mask`` (B + N, L), ``weight`` (B,) and ``rejected_of`` (N,): the
    place of the chosen answer that each rejected one belongs to.
    """
    import torch

    stock = weighted(processor)

    def collate(rows: Sequence[Row]) -> Batch:
        flat = [_answer(row, row["chosen"], row["item"], pictures) for row in rows]
        for row in rows:
            flat += [_answer(row, wrong, row["image_of"] or row["item"], pictures) for wrong in row["rejected"]]
        batch = stock(flat)
        batch["completion_mask"] = (batch.pop("labels") != -100).long()
        batch["weight"] = batch["weight"][: len(rows)]
        owners = [place for place, row in enumerate(rows) for _ in row["rejected"]]
        batch["rejected_of"] = torch.tensor(owners, dtype=torch.long)
        return batch

    return collate


def _answer(row: Row, words: object, shown: str, pictures: Pictures) -> Row:
    return {
        "prompt": row["prompt"],
        "completion": words,
        "images": [pictures.open(shown)],
        "weight": row["weight"],
    }


def scores_of(logps: Tensor, reference: Tensor, lengths: Tensor, batch: Mapping[str, Tensor]) -> Scores:
    """Flat numbers of answers (B + N,) as `Scores` of B rows; K is the most rejected answers that a row has."""
    import torch

    owners = batch["rejected_of"]  # (N,)
    size = len(logps) - len(owners)
    place = (owners[:, None] == owners).tril(-1).sum(dim=1)  # (N,) how many of the same row stand before it
    there = torch.zeros(size, int(place.max()) + 1 if len(place) else 0, dtype=torch.bool, device=owners.device)
    there[owners, place] = True

    def spread(flat: Tensor, padding: float) -> Tensor:
        return flat.new_full(there.shape, padding).index_put((owners, place), flat[size:])

    return Scores(
        logps[:size],
        spread(logps, -1.0),
        lengths[:size],
        spread(lengths, 1.0),
        reference[:size],
        spread(reference, 0.0),
        there,
    )
