"""Rows as TRL's own collator encodes each of them alone, once in a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from harness_students.vlm_pictures import Pictures

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer

Row = Mapping[str, Any]
Stock = Callable[[list[dict[str, Any]]], Mapping[str, Any]]
"""A collator of TRL."""

BY_TOKEN = frozenset({"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"})
"""What has one value per token; whatever else a processor gives is about images."""

KEPT_PIXELS = 1 << 30
"""Bytes of prepared pixels that one training keeps."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One question with one answer."""

    tokens: Mapping[str, Tensor]
    """``input_ids`` and, where the processor gives them, types of tokens; each of shape (L,)."""
    prompt: int
    """Tokens before the answer."""
    item: str
    """The item whose image is shown."""


Images = Mapping[str, "Tensor"]
"""What a processor makes of one image; first dimension: tiles, or 1."""


class Shelved(Protocol):
    """Where encoded rows outlive a training."""

    def get(self, rows: Sequence[Row]) -> dict[int, list[Encoded]]: ...
    def put(self, row: Row, answers: Sequence[Encoded]) -> None: ...


class Encoder:
    """Encodes the answers of rows; remembers them where ``keep``, pixels as long as there is room."""

    def __init__(
        self, stock: Stock, rows: Sequence[Row], pictures: Pictures, *, keep: bool, shelved: Shelved | None = None
    ) -> None:
        self._stock, self._rows, self._pictures = stock, rows, pictures
        self._keep, self._shelved = keep, shelved
        self._answers = shelved.get(rows) if shelved else {}
        self._images: dict[str, Images] = {}
        self._room = KEPT_PIXELS if keep else 0

    def over(self, rows: Sequence[Row]) -> Encoder:
        """Another one of the same kind, for other rows."""
        return Encoder(self._stock, rows, self._pictures, keep=False)

    def answers(self, index: int) -> Sequence[Encoded]:
        """The row's completion, or its chosen answer and then its rejected ones."""
        if index in self._answers:
            return self._answers[index]
        encoded = self._encode(index)
        if self._keep:
            self._answers[index] = encoded
        if self._shelved:
            self._shelved.put(self._rows[index], encoded)
        return encoded

    def images(self, item: str) -> Images:
        """The processor's image inputs of an item that a row shows."""
        if item in self._images:
            return self._images[item]
        row = self._rows[self._row_of[item]]
        one = "completion" in row
        batch = self._stock([self._example(row, item, "completion") if one else self._pair(row, row["chosen"], item)])
        self._remember(item, batch, 1 if one else 2)
        return _images(batch, 1 if one else 2)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        """A row that shows the item."""
        found: dict[str, int] = {}
        for index, row in enumerate(self._rows):
            for item in (row["item"], *(image_of(row) if "rejected" in row else ())):
                found.setdefault(item, index)
        return found

    def _encode(self, index: int) -> list[Encoded]:
        row = self._rows[index]
        if "completion" in row:
            return self._split(self._stock([self._example(row, row["item"], "completion")]), row["item"])
        if not rejected_of(row):
            return self._split(self._stock([self._pair(row, row["chosen"], row["item"])]), row["item"])[:1]
        shown = image_of(row)
        pairs = [
            self._split(self._stock([self._pair(row, answer, item)]), item)
            for answer, item in zip(rejected_of(row), shown, strict=True)
        ]
        own = next((pair for pair, item in zip(pairs, shown, strict=True) if item == row["item"]), None)
        if own is None:
            own = self._split(self._stock([self._pair(row, rejected_of(row)[0], row["item"])]), row["item"])
        return [own[0], *(pair[1] for pair in pairs)]

    def _example(self, row: Row, item: str, *answers: str) -> dict[str, Any]:
        return {
            "prompt": row["prompt"],
            "images": [self._pictures.open(item)],
            **{answer: row[answer] for answer in answers},
        }

    def _pair(self, row: Row, rejected: Any, item: str) -> dict[str, Any]:  # noqa: ANN401 - messages
        return {**self._example(row, item, "chosen"), "rejected": rejected}

    def _split(self, batch: Mapping[str, Any], item: str) -> list[Encoded]:
        """The collator's batch as its one or two answers, without padding; pixels are kept where there is room."""
        marks = batch["completion_mask"] if "completion_mask" in batch else (batch["labels"] != -100).long()
        self._remember(item, batch, len(marks))
        return [_answer(batch, place, marks[place], item) for place in range(len(marks))]

    def _remember(self, item: str, batch: Mapping[str, Any], answers: int) -> None:
        if item in self._images:
            return
        images = _images(batch, answers)
        weight = sum(value.nbytes for value in images.values())
        if weight <= self._room:
            self._room -= weight
            self._images[item] = images


def stock_collator(trainer: Trainer, pairs: bool) -> Stock:
    """The trainer's collator where it is TRL's, else the one that TRL would have given it."""
    from trl.trainer.dpo_trainer import DataCollatorForVisionPreference
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    own = trainer.data_collator
    if isinstance(own, DataCollatorForVisionPreference if pairs else DataCollatorForVisionLanguageModeling):
        stock: Stock = own
        return stock
    kind: Callable[..., Stock] = DataCollatorForVisionPreference if pairs else DataCollatorForVisionLanguageModeling
    return kind(trainer.processing_class, max_length=None, **({} if pairs else {"completion_only_loss": True}))


def rejected_of(row: Row) -> Sequence[Any]:
    """The rejected answers, each as messages; a row may hold a single one bare."""
    rejected = row["rejected"]
    return [rejected] if rejected and isinstance(rejected[0], Mapping) else rejected


def image_of(row: Row) -> Sequence[str]:
    """For each rejected answer the item whose image is shown with it."""
    shown, count = row.get("image_of"), len(rejected_of(row))
    if shown is None or isinstance(shown, str):
        return [shown or row["item"]] * count
    return [item or row["item"] for item in shown]


def _answer(batch: Mapping[str, Any], place: int, marks: Tensor, item: str) -> Encoded:
    length = int(batch["attention_mask"][place].sum())
    tokens = {name: batch[name][place, :length].clone() for name in BY_TOKEN - {"attention_mask"} if name in batch}
    return Encoded(tokens, length - int(marks.sum()), item)


def _images(batch: Mapping[str, Any], answers: int) -> Images:
    """A collator repeats the image for every answer; the first copy of it."""
    made = {"labels", "completion_mask"} | BY_TOKEN
    return {name: value[: len(value) // answers].clone() for name, value in batch.items() if name not in made}
