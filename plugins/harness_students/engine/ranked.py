"""Batches over the ranks of one training: their parts of a step are together the rows of that step on one device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from harness_students.engine.batches import pieces_of

if TYPE_CHECKING:
    from torch import Tensor


class Order(Protocol):
    """A batch sampler, of which every epoch has an order of its own."""

    def __iter__(self) -> Iterator[list[int]]: ...
    def __len__(self) -> int: ...
    def set_epoch(self, epoch: int) -> None: ...


class Shuffled:
    """The trainers' own random batches of ``size`` rows, as accelerate draws them, each given in so many pieces."""

    def __init__(self, rows: Sized, size: int, pieces: int) -> None:
        from accelerate.data_loader import SeedableRandomSampler
        from torch.utils.data import BatchSampler

        self._rows = SeedableRandomSampler(rows)
        self._batches, self._size, self._pieces = BatchSampler(self._rows, size, drop_last=False), size, pieces

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            yield from pieces_of(batch, self._pieces)

    def __len__(self) -> int:
        whole, rest = divmod(len(self._rows), self._size)
        return whole * min(self._pieces, self._size) + min(self._pieces, rest)

    def set_epoch(self, epoch: int) -> None:
        self._rows.set_epoch(epoch)


class RankOrder:
    """Of every so many batches the one that is this rank's; what is left at the end of an epoch is divided.

    It has no ``batch_size``, so that accelerate does not take the last numbers that ranks gather for repetitions.
    """

    drop_last = False

    def __init__(self, order: Order, rank: int, ranks: int) -> None:
        self._order, self._rank, self._ranks = order, rank, ranks

    def __iter__(self) -> Iterator[list[int]]:
        batches = iter(self._order)
        while some := list(islice(batches, self._ranks)):
            yield _parts(some, self._ranks)[self._rank]

    def __len__(self) -> int:
        return -(-len(self._order) // self._ranks)

    def set_epoch(self, epoch: int) -> None:
        self._order.set_epoch(epoch)


def _parts(batches: Sequence[list[int]], ranks: int) -> Sequence[list[int]]:
    """A part for every rank; of fewer rows than ranks some are given twice, since no rank may be without."""
    if len(batches) == ranks:
        return batches
    rows = [row for batch in batches for row in batch]
    rows += [rows[place % len(rows)] for place in range(ranks - len(rows))]
    return list(pieces_of(rows, ranks))


def gathering(gather: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An accelerator's ``gather``, also for rows of which ranks have different numbers: TRL gathers rewards by row."""
    import torch

    def gathered(tensor: Tensor) -> Tensor:
        if not tensor.ndim:
            whole: Tensor = gather(tensor)
            return whole
        lengths = gather(torch.tensor([len(tensor)], device=tensor.device)).tolist()
        padded = torch.nn.functional.pad(tensor, (0, max(lengths) - len(tensor)))
        parts = gather(padded).chunk(len(lengths))
        return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])

    return gathered
