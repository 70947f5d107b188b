"""Whether the engine's forward says what TRL's does: tried on a few rows before a training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from harness_students.engine.assembly import Assembly
from harness_students.engine.families import head_obstacle, prefix_obstacle
from harness_students.engine.forward import Forward
from harness_students.engine.scoring import score

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer

ROUNDING = {"torch.float32": 1e-5, "torch.float64": 1e-5}
"""Largest difference of an answer's log-probability, relative to it, that counts as rounding."""

ROUNDING_OF_HALF = 2e-2
"""The same where numbers have 16 bits."""


class Check:
    """Turns a mechanism on where it changes nothing, and says why where it stays off."""

    def __init__(self, trainer: Trainer, assembly: Assembly, rows: Sequence[int]) -> None:
        self._trainer, self._assembly, self._rows = trainer, assembly, rows

    @cached_property
    def _stock(self) -> Tensor:
        return score(self._trainer, self._assembly, self._rows, plain=True)

    def head(self, forward: Forward) -> str:
        """Labels alone scored, against all positions."""
        if reason := head_obstacle(self._assembly.model):
            return f"off: {reason}"
        stock, forward.head = self._stock, True
        forward.head, said = self._compare(score(self._trainer, self._assembly, self._rows, plain=True), stock)
        return said

    def prefix(self) -> str:
        """Shared prefixes, against none."""
        if reason := prefix_obstacle(self._assembly.model):
            return f"off: {reason}"
        stock, self._assembly.prefix = self._stock, True
        self._assembly.prefix, said = self._compare(score(self._trainer, self._assembly, self._rows), stock)
        return said

    def _compare(self, found: Tensor, stock: Tensor) -> tuple[bool, str]:
        apart = float(((found - stock).abs() / stock.abs().clamp(min=1)).max())
        if apart <= ROUNDING.get(str(self._trainer.model.dtype), ROUNDING_OF_HALF):
            return True, "on"
        return False, f"off: log-probabilities differ by {apart:.2g} from TRL's"
