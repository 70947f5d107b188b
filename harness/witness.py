"""What reports look at while they are rendered: whose items, and which pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from harness.itemwise import Stored
from harness.types import Image, Item, Split


@dataclass(frozen=True, slots=True)
class Witness(Stored):
    """The details of a run that remember what was asked for."""

    asked: set[tuple[str, Split]] = field(default_factory=set)
    """Benchmarks and splits whose items were asked for."""
    pictures: dict[tuple[str, Split, str], Image] = field(default_factory=dict)
    """By benchmark, split and item id: the images whose bytes were read."""

    def items(self, benchmark: str, split: Split) -> Mapping[str, Item]:
        self.asked.add((benchmark, split))
        found = Stored.items(self, benchmark, split)
        return {item_id: self._watched((benchmark, split, item_id), item) for item_id, item in found.items()}

    def _watched(self, at: tuple[str, Split, str], item: Item) -> Item:
        if item.image is None:
            return item
        return replace(item, image=Image(partial(self._read, at, item.image), item.image.name))

    def _read(self, at: tuple[str, Split, str], image: Image) -> bytes:
        content = image.read()
        self.pictures[at] = image
        return content
