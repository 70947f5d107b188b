"""The section ``exclude:`` of a matrix: cells that are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import yaml
from harness.families import Faults
from harness.loading import did_you_mean

CELL_AXES = ("benchmark", "teachers", "student", "rule", "strategy", "label_fraction", "seed")

Exclusion = Mapping[str, tuple[Any, ...]]
"""Axes with the values on each; a cell that has one of the values on every axis is left out."""


def read(section: object, known: Mapping[str, Sequence[Any]], fault: Faults) -> tuple[Exclusion, ...]:
    """The entries, those without a fault; ``known`` are the values on each axis."""
    if section is None:
        return ()
    if not isinstance(section, list):
        fault(("exclude",), "a list is needed, as in  - {strategy: mmkd, label_fraction: 1.0}")
        return ()
    return tuple(rule for index, entry in enumerate(section) if (rule := _entry(index, entry, known, fault)))


def _entry(index: int, entry: object, known: Mapping[str, Sequence[Any]], fault: Faults) -> Exclusion:
    path: yaml.Path = ("exclude", index)
    if not isinstance(entry, Mapping) or not entry:
        fault(path, "a mapping of axes to values is needed, as in  {strategy: mmkd, label_fraction: 1.0}")
        return {}
    rule = {}
    for axis, given in entry.items():
        values = tuple(given) if isinstance(given, list) else (given,)
        if axis not in CELL_AXES:
            fault((*path, str(axis)), f"no such axis{did_you_mean(str(axis), CELL_AXES)}", key=True)
            continue
        for value in values:
            # true equals 1, and is no seed.
            if isinstance(value, bool) or value not in known[axis]:
                fault(
                    (*path, str(axis)),
                    f"{value!r} is not on this axis{did_you_mean(str(value), map(str, known[axis]))}",
                )
        rule[str(axis)] = values
    return rule
