"""Which rows make a batch. It depends on the rows, the schedule and the seed, and on no mechanism of the engine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

Batches = Literal["random", "items", "lengths"]

WINDOW = 16
"""Batches whose items are sorted by length together."""


class BatchOrder:
    """A batch sampler whose batches hold all rows of an item, and at most ``size`` rows.

    Only an item with more rows than that is divided. The number of batches is the same in every epoch.
    """

    drop_last = False

    def __init__(
        self,
        items: Sequence[Sequence[int]],
        size: int,
        seed: int,
        lengths: Mapping[int, int] | None,
        pieces: int = 1,
    ) -> None:
        """``items``: rows of each item; ``lengths``: of rows, where batches are to hold rows of like length.

        Each batch is given in so many ``pieces``, one after the other, where it has so many rows.
        """
        self._pieces = pieces
        self.batch_size, self._seed, self._lengths, self._epoch = size, seed, lengths, 0
        self._units = [list(rows[start : start + size]) for rows in items for start in range(0, len(rows), size)]
        self._bins = _best_fit(sorted(map(len, self._units), reverse=True), size)

    def __len__(self) -> int:
        return sum(min(self._pieces, sum(bin)) for bin in self._bins)

    def set_epoch(self, epoch: int) -> None:
        """Each epoch has an order of its own."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        dice = random.Random(f"{self._seed} {self._epoch}")
        waiting = self._shuffled(dice)
        batches = [[row for size in bin for row in waiting[size].pop()] for bin in self._bins]
        # As in every epoch of a trainer, a batch that is not full comes last.
        last = min(range(len(batches)), key=lambda place: (len(batches[place]), -place))
        rest = [batch for place, batch in enumerate(batches) if place != last]
        dice.shuffle(rest)
        for batch in (*rest, batches[last]):
            yield from pieces_of(batch, self._pieces)

    def _shuffled(self, dice: random.Random) -> dict[int, list[list[int]]]:
        """Items by their number of rows, in the order in which they are taken from the end."""
        waiting: dict[int, list[list[int]]] = {}
        for unit in self._units:
            waiting.setdefault(len(unit), []).append(unit)
        for size, units in waiting.items():
            dice.shuffle(units)
            if self._lengths:
                units[:] = self._sorted(units, max(1, WINDOW * self.batch_size // size))
        return waiting

    def _sorted(self, units: Sequence[list[int]], window: int) -> list[list[int]]:
        lengths = self._lengths or {}
        return [
            unit
            for start in range(0, len(units), window)
            for unit in sorted(units[start : start + window], key=lambda unit: max(lengths[row] for row in unit))
        ]


def pieces_of(batch: list[int], most: int) -> Iterator[list[int]]:
    """So many parts, whose lengths differ by at most one; as many as it has rows where these are fewer."""
    count = min(most, len(batch))
    yield from (batch[len(batch) * place // count : len(batch) * (place + 1) // count] for place in range(count))


def order_of(
    rows: Sequence[Mapping[str, Any]], how: Batches, size: int, seed: int, pieces: int = 1
) -> BatchOrder | None:
    """The order of rows with ``item``; None for the trainers' own random one."""
    if how == "random":
        return None
    items: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        items.setdefault(row["item"], []).append(index)
    lengths = {index: _characters(row) for index, row in enumerate(rows)} if how == "lengths" else None
    return BatchOrder(list(items.values()), size, seed, lengths, pieces)


def _best_fit(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Sizes in few bins, each size where it leaves the least room."""
    bins: list[list[int]] = []
    by_room: dict[int, list[list[int]]] = {left: [] for left in range(room + 1)}
    for size in sizes:
        left = next((left for left in range(size, room) if by_room[left]), room)
        if left == room:
            bins.append([])
            by_room[room].append(bins[-1])
        bin = by_room[left].pop()
        bin.append(size)
        by_room[left - size].append(bin)
    return bins


def _characters(row: Mapping[str, Any]) -> int:
    """Of question and longest answer: known without a tokenizer."""
    answers = [row[name] for name in ("completion", "chosen", "rejected") if name in row]
    return len(str(row["prompt"])) + max(len(str(answer)) for answer in answers)
