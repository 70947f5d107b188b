"""Who computes what, where several ranks need the same numbers before a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import Trainer


class Share:
    """Of one process, which does everything."""

    def of(self, rows: Sequence[int]) -> Sequence[int]:
        """The rows that are to be computed here, of those that are missing."""
        return rows

    def settled(self, computed: int) -> int:
        """How many all have computed; returns when all have done so."""
        return computed


ALL = Share()


class RankShare(Share):
    """Of one of several ranks. Where the base is sharded all compute all: no rank can work it alone."""

    def __init__(self, trainer: Trainer) -> None:
        self._accelerator = trainer.accelerator
        self._sharded = trainer.is_distributed_loading_by_transformers

    def of(self, rows: Sequence[int]) -> Sequence[int]:
        from accelerate.utils import broadcast_object_list

        if self._sharded:
            # One rank may have found on the shelf what another has not.
            agreed: list[Sequence[int]] = broadcast_object_list([rows])
            return agreed[0]
        ranks, own = self._accelerator.num_processes, self._accelerator.process_index
        return [row for row in rows if row % ranks == own]

    def settled(self, computed: int) -> int:
        from accelerate.utils import gather_object

        counts: list[int] = gather_object([computed])
        return max(counts) if self._sharded else sum(counts)


def share_of(trainer: Trainer) -> Share:
    """What a trainer's process is to compute."""
    return RankShare(trainer) if trainer.accelerator.num_processes > 1 else ALL
