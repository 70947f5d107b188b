"""How long and how fast a training goes, and how much of it is done at once."""

from __future__ import annotations

from math import gcd
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Schedule(BaseModel):
    """How long and how fast one kind of training goes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    lr: float = Field(default=1e-4, gt=0)
    """Peak learning rate, where the recipe does not say."""
    epochs: float = Field(default=2.0, gt=0)
    """Passes over the examples, where the recipe does not say."""
    batch_size: int = Field(default=8, ge=1)
    """Examples that are held in memory at once."""
    accumulate: int = Field(default=1, ge=1)
    """Batches that make one step."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the rate rises."""
    decay: Literal["linear", "cosine", "constant_with_warmup"] = "cosine"
    """How the rate falls after the warm-up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decay of the adapter's weights."""

    def halved(self, times: int) -> Schedule:
        """With half as many examples in memory each time, and as many in a step as before."""
        fewer = max(size for size in range(1, self.batch_size + 1) if _halves(self.batch_size, size, times))
        pieces = self.batch_size // fewer
        return self.model_copy(update={"batch_size": fewer, "accumulate": self.accumulate * pieces})

    def spread(self, ranks: int) -> Schedule:
        """What each of several ranks does, so that a step has as many examples as before.

        Raises `ValueError` where they cannot be divided.
        """
        each, rest = divmod(self.batch_size * self.accumulate, ranks)
        if rest:
            raise ValueError(
                f"batch_size {self.batch_size} x accumulate {self.accumulate} cannot be divided by {ranks} devices"
            )
        # As few pieces of a batch as there must be.
        pieces = ranks // gcd(self.accumulate, ranks)
        size = self.batch_size // pieces
        return self.model_copy(update={"batch_size": size, "accumulate": each // size})


def _halves(whole: int, size: int, times: int) -> bool:
    """Whether a batch can be given in pieces of that size, which is at most its half, as often as that is asked."""
    return whole % size == 0 and (size << times <= whole or size == 1)
