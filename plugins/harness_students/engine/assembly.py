"""From the numbers of rows to a batch: what a trainer is handed as its collator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from harness_students.engine.collate import Part, join_images, lay_out, pad_tokens
from harness_students.engine.families import Family
from harness_students.engine.features import Features, accepted
from harness_students.engine.forward import BATCH_KEY
from harness_students.engine.prefix import gather, pack
from harness_students.engine.references import References
from harness_students.engine.tokens import Encoder
from harness_students.vlm_base import Model

Batch = dict[str, Any]


@dataclass(slots=True)
class Assembly:
    """A collator over rows that are named by their index in the column ``row``."""

    encoder: Encoder
    model: Model
    pad_token: int
    labels: bool
    """Whether batches are for fine-tuning; else they are for preference training."""
    image_digest: Callable[[str], str]
    family: Family | None = None
    features: Features | None = None
    encode_in_batch: bool = False
    """Whether the forward encodes the images of a batch itself."""
    prefix: bool = False
    references: References | None = None
    weights: Sequence[float] | None = field(default=None)
    """Of the rows, where they have some."""

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> Batch:
        """A batch of examples as the trainer's data set gives them."""
        return self.batch([int(example["row"]) for example in examples])

    def over(self, rows: Sequence[Mapping[str, Any]]) -> Assembly:
        """The same for other rows, of which nothing is remembered and of whose reference nothing is known."""
        return replace(self, encoder=self.encoder.over(rows), references=None, weights=None)

    def batch(self, rows: Sequence[int], *, plain: bool = False) -> Batch:
        """A batch of rows; ``plain``: nothing is shared in it."""
        parts = lay_out([self.encoder.answers(row) for row in rows])
        batch: Batch = dict(pad_tokens(parts, self.pad_token, labels=self.labels))
        groups = gather(parts, self.family) if self.prefix and self.family and not plain else None
        extra: Batch = {}
        if groups is not None and self.family is not None:
            extra["packed"] = pack(parts, groups, self.family, self.pad_token)
        shown = parts if groups is None else [parts[group[0]] for group in groups]
        self._show(shown, batch, extra)
        if extra:
            batch[BATCH_KEY] = extra
        return batch | self._refer(rows) | self._weigh(rows, parts)

    def _show(self, shown: Sequence[Part], batch: Batch, extra: Batch) -> None:
        """Features of the images or, where there are none, what they are made of."""
        import torch

        items = [part.answer.item for part in shown]
        if self.features is not None and not self.encode_in_batch:
            wanted = {self.image_digest(item): partial(self.encoder.images, item) for item in items}
            found = self.features.of(wanted)
            extra["features"] = torch.cat([found[self.image_digest(item)] for item in items])
            return
        images = join_images([self.encoder.images(item) for item in items])
        if self.encode_in_batch or "packed" in extra:
            extra["images"] = accepted(self.model, images)
        else:
            batch |= images

    def _refer(self, rows: Sequence[int]) -> Batch:
        """Reference log-probabilities as TRL wants them: of the chosen, and of the rejected answers."""
        import torch

        if self.references is None:
            return {}
        numbers = [self.references.of(row) for row in rows]
        rejected = [row[place] for place in range(1, max(map(len, numbers))) for row in numbers if place < len(row)]
        return {
            "ref_chosen_logps": torch.tensor([row[0] for row in numbers]),
            "ref_rejected_logps": torch.tensor(rejected),
        }

    def _weigh(self, rows: Sequence[int], parts: Sequence[Part]) -> Batch:
        """Where rows have weights: theirs, and whose each rejected answer is, by the row's place in the batch."""
        import torch

        if self.weights is None:
            return {}
        weight = torch.tensor([self.weights[row] for row in rows])
        owners = torch.tensor([part.group for part in parts if part.place > 0], dtype=torch.long)
        return {"weight": weight} if self.labels else {"weight": weight, "rejected_of": owners}
