"""Which items are shown: one by its id, or a draw in which every class has its part."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.components import Benchmark
from harness.errors import HarnessError
from harness.identity import seed_from
from harness.loading import did_you_mean
from harness.types import SPLITS, VERDICTS, Item, Split, Verdict


@dataclass(frozen=True, slots=True)
class Sample:
    """Items of one split, and how many there are of each class."""

    split: Split
    items: Sequence[Item]
    labels: Sequence[Verdict | None]
    """Of the items that are shown, in their order."""
    classes: dict[str, int]
    """Items of the split by verdict, and those without a label."""
    drawn: bool = True

    @property
    def total(self) -> int:
        """Items of the split."""
        return sum(self.classes.values())


def draw(benchmark: Benchmark, split: Split | None, number: int, seed: int) -> Sample:
    """``number`` items of a split, by default of the first that has any; the same for the same seed.

    Every class has as near to the same part as there are items of it, and the order tells nothing of the classes.
    """
    chosen = split or _first(benchmark)
    items = benchmark.items(chosen)
    if not items:
        there = [found for found in SPLITS if benchmark.items(found)]
        raise HarnessError(
            f"the {chosen} split is empty", place=benchmark.name, remedy=f"Splits with items: {', '.join(there)}."
        )
    labels = benchmark.labels(chosen)
    classes: dict[str, list[Item]] = {verdict: [] for verdict in (*VERDICTS, "without a label")}
    for item in items:
        classes[labels.get(item.id, "without a label")].append(item)
    shown = _shares(classes.values(), number, random.Random(seed_from("show", seed)))
    counts = {name: len(found) for name, found in classes.items()}
    return Sample(chosen, shown, [labels.get(item.id) for item in shown], counts)


def _first(benchmark: Benchmark) -> Split:
    for split in SPLITS:
        if benchmark.items(split):
            return split
    return "train"


def _shares(classes: Iterable[Sequence[Item]], number: int, chance: random.Random) -> list[Item]:
    """From each class in turn, until there are enough; then all in one order."""
    waiting = [chance.sample(found, len(found)) for found in classes if found]
    # Which class is the one that has an item more is chance as well.
    chance.shuffle(waiting)
    shown: list[Item] = []
    while waiting and len(shown) < number:
        for found in waiting[: number - len(shown)]:
            shown.append(found.pop())
        waiting = [found for found in waiting if found]
    chance.shuffle(shown)
    return shown


def one(benchmark: Benchmark, item_id: str) -> Sample:
    """The item of that id; raises `HarnessError`."""
    known: list[str] = []
    for split in SPLITS:
        items, labels = benchmark.items(split), benchmark.labels(split)
        for item in items:
            if item.id == item_id:
                label = labels.get(item.id)
                return Sample(split, [item], [label], {label or "without a label": 1}, drawn=False)
            known.append(item.id)
    raise HarnessError(
        f"no item is called {item_id!r}{did_you_mean(item_id, known)}",
        place=benchmark.name,
        remedy="Leave out --id to be shown some items with their ids.",
    )
