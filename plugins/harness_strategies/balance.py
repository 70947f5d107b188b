"""Both classes alike among the items that are learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from harness.api import Verdict

Balance = Literal["none", "undersample", "oversample"]


def by_class(items: Sequence[str], verdicts: Mapping[str, Verdict]) -> dict[Verdict, list[str]]:
    """The items of either verdict, in their order."""
    sides: dict[Verdict, list[str]] = {"pristine": [], "falsified": []}
    for item_id in items:
        sides[verdicts[item_id]].append(item_id)
    return sides


def balanced(items: Sequence[str], verdicts: Mapping[str, Verdict], balance: Balance) -> list[str]:
    """The items with the rarer class repeated, or the other one cut; as they are where one class is missing."""
    fewer, more = sorted(by_class(items, verdicts).values(), key=len)
    if balance == "none" or not fewer:
        return list(items)
    if balance == "undersample":
        return fewer + more[: len(fewer)]
    return more + [fewer[index % len(fewer)] for index in range(len(more))]


def first_of_each(items: Sequence[str], verdicts: Mapping[str, Verdict], count: int) -> list[str]:
    """The first ``count`` items of either class, as far as there are so many."""
    return [item_id for side in by_class(items, verdicts).values() for item_id in islice(side, count)]
