"""Encoded rows on a shelf, so that a later training on the same rows opens no image and calls no processor."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from harness.api import Shelf, digest
from harness_students.engine.tokens import Encoded, Row, image_of
from harness_students.vlm_base import Processor

if TYPE_CHECKING:
    from torch import Tensor

SHELF = "encoded-rows"

AT_ONCE = 64
"""Rows that are put on the shelf together; of a training that is killed fewer are lost."""

PACKAGES = ("transformers", "tokenizers", "trl", "pillow")


class Encodings:
    """Answers of rows by what the rows say."""

    def __init__(self, shelf: Shelf, about: str, image: Callable[[str], str]) -> None:
        """``about`` names the processor; ``image`` digests an item's image."""
        self._shelf, self._about, self._image = shelf, about, image
        self._waiting: dict[str, bytes] = {}

    def get(self, rows: Sequence[Row]) -> dict[int, list[Encoded]]:
        """What there is of the rows, by their indexes."""
        keys = [self._key(row) for row in rows]
        found = self._shelf.get(keys)
        return {index: _unpack(found[key], rows[index]) for index, key in enumerate(keys) if key in found}

    def put(self, row: Row, answers: Sequence[Encoded]) -> None:
        """Keep a row's answers."""
        self._waiting[self._key(row)] = _pack(answers)
        if len(self._waiting) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Put what waits on the shelf."""
        if self._waiting:
            self._shelf.put(self._waiting)
            self._waiting.clear()

    def _key(self, row: Row) -> str:
        said = {name: row[name] for name in ("prompt", "completion", "chosen", "rejected") if name in row}
        return digest({"about": self._about, **said, "images": [self._image(item) for item in _items(row)]})


def about(processor: Processor) -> str:
    """Digest of all that a processor's tokens depend on; empty where its tokenizer cannot be written down."""
    backend = getattr(processor.tokenizer, "backend_tokenizer", None)
    if backend is None:
        return ""
    tokenizer = json.loads(backend.to_str())
    # These are set anew by every call.
    tokenizer |= {"padding": None, "truncation": None}
    plain = (str, int, float, bool, type(None))
    return digest(
        {
            "tokenizer": tokenizer,
            "template": processor.chat_template,
            "images": processor.image_processor.to_json_string(),
            "kinds": [kind.__name__ for kind in (*type(processor).__mro__, type(processor.image_processor))],
            "settings": {name: value for name, value in vars(processor).items() if isinstance(value, plain)},
            "packages": {name: version(name) for name in PACKAGES},
        }
    )


def _items(row: Row) -> list[str]:
    """For each answer the item whose image is shown with it."""
    return [row["item"], *(image_of(row) if "rejected" in row else ())]


def _pack(answers: Sequence[Encoded]) -> bytes:
    import torch
    from safetensors.torch import save

    tensors = {f"{place} {name}": one.int() for place, own in enumerate(answers) for name, one in own.tokens.items()}
    packed: bytes = save({**tensors, "prompts": torch.tensor([answer.prompt for answer in answers])})
    return packed


def _unpack(data: bytes, row: Row) -> list[Encoded]:
    from safetensors.torch import load

    found: Mapping[str, Tensor] = load(data)
    prompts = found["prompts"].tolist()
    tokens: list[dict[str, Tensor]] = [{} for _ in prompts]
    for name, one in found.items():
        if name != "prompts":
            place, _, kind = name.partition(" ")
            tokens[int(place)][kind] = one.long()
    return [Encoded(*answer) for answer in zip(tokens, prompts, _items(row), strict=True)]
