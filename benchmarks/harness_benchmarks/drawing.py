"""Splits that are drawn by whole groups: options that benchmarks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from harness.api import Benchmark, Split, digest


@dataclass(frozen=True, slots=True)
class Draw:
    """Which share of the groups is validated on, which is tested on, and which groups these are."""

    validation: float
    test: float
    seed: int

    def splits(self, groups: Sequence[str]) -> list[Split]:
        """The split of each item, from the items' groups."""
        order = sorted(set(groups), key=lambda group: digest([self.seed, group]))
        tested = round(self.test * len(order))
        seen = tested + round(self.validation * len(order))
        split: dict[str, Split] = {
            group: "test" if place < tested else "validation" if place < seen else "train"
            for place, group in enumerate(order)
        }
        return [split[group] for group in groups]


class WithDraw(Benchmark):
    """A benchmark without published splits, or without any in its data."""

    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of the groups that is validated on, where they are drawn."""
    test: float = Field(default=0.3, ge=0, lt=1)
    """Share of the groups that is tested on, where they are drawn; the rest is trained on."""
    seed: int = 0
    """Which groups go to which split, where they are drawn."""

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing to train on")
        return self

    def drawing(self) -> Draw:
        """How splits are drawn."""
        return Draw(self.validation, self.test, self.seed)
