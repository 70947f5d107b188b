"""The section ``newsroom:`` of a matrix: how many items come in, how many are falsified, how many can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from harness import yaml
from harness.families import Faults, refuse_unknown

KEYS = ("items_per_day", "prevalence", "reviews_per_day")


@dataclass(frozen=True, slots=True)
class Newsroom:
    """A day's work. The defaults are a round example and describe no real desk."""

    items_per_day: int = 1000
    prevalence: float = 0.05
    """Share of the items that are falsified."""
    reviews_per_day: tuple[int, ...] = (20, 50, 100)
    """How many items people look at, those with the highest probability first."""


def read(section: object, fault: Faults) -> Newsroom:
    """The newsroom of a matrix, the default for what it does not say."""
    if section is None:
        return Newsroom()
    if not isinstance(section, Mapping):
        fault(("newsroom",), "a mapping is needed, as in  {items_per_day: 1000, prevalence: 0.05}")
        return Newsroom()
    refuse_unknown(("newsroom",), section, KEYS, fault)
    items = section.get("items_per_day", Newsroom().items_per_day)
    if not _whole(items):
        fault(("newsroom", "items_per_day"), f"{items!r} is not a whole number from 1")
        items = Newsroom().items_per_day
    prevalence = section.get("prevalence", Newsroom().prevalence)
    if not isinstance(prevalence, float) or not 0 < prevalence < 1:
        fault(("newsroom", "prevalence"), f"{prevalence!r} is not a share between 0 and 1")
        prevalence = Newsroom().prevalence
    return Newsroom(items, prevalence, _reviews(section.get("reviews_per_day"), items, fault))


def _reviews(given: object, items: int, fault: Faults) -> tuple[int, ...]:
    """Those of the default that a day has items for, where none are given."""
    if given is None:
        return tuple(number for number in Newsroom().reviews_per_day if number <= items) or (items,)
    path: yaml.Path = ("newsroom", "reviews_per_day")
    numbers = given if isinstance(given, list) else [given]
    if not numbers or not all(_whole(number) and number <= items for number in numbers):
        fault(path, f"whole numbers from 1 to the {items} items of a day are needed")
        return (items,)
    return tuple(dict.fromkeys(numbers))


def _whole(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
