"""The section ``ablate:`` of a matrix: whose factors are taken off one by one, and at which place of the matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.components import Strategy, Student
from harness.families import Faults, refuse_unknown
from harness.loading import did_you_mean

AXES = ("benchmark", "student", "teachers", "rule")
"""Axes on which an ablation has one place: by default the first that the matrix names."""

KEYS = ("strategy", *AXES, "label_fraction", "arms")

Kind = Literal["floor", "control", "variant", "method", "bound"]
"""What an arm is to the method: beneath it, beside it, the method with one factor off, itself, or above it."""

_FORM = "auto, or a mapping as in  {strategy: mmkd, label_fraction: 0.1}, is needed"


@dataclass(frozen=True, slots=True)
class Ablate:
    """What the matrix says of its ablation; empty or None is by default."""

    strategies: tuple[str, ...] = ()
    """Labels of the strategies that are ablated; by default all that say what their factors are."""
    benchmark: str | None = None
    student: str | None = None
    teachers: str | None = None
    rule: str | None = None
    label_fraction: float | None = None
    arms: tuple[str, ...] = ()
    """Names of factors and controls, or patterns of them; by default all."""


@dataclass(frozen=True, slots=True)
class Extra:
    """An arm that an ablation asks for: one place of the matrix, over all seeds."""

    method: str
    """Label of the strategy that is ablated."""
    factor: str
    """What is different, such as ``no replay``."""
    kind: Kind
    benchmark: str
    student: str
    strategy: str
    """Labels; what they stand for is in `made` where the matrix does not name it itself."""
    teachers: str | None
    rule: str | None
    label_fraction: float | None
    learner: Student
    made: Strategy
    apart: bool
    """Whether it says something of the method only, and is no strategy that anybody would use."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """An arm that an ablation would have, and why it means nothing here."""

    method: str
    factor: str
    kind: Kind
    reason: str


def read(section: object, known: Mapping[str, Sequence[str]], fault: Faults) -> Ablate | None:
    """The ablation of a matrix, by default none; ``known`` are the labels on each axis and of ``strategy``."""
    if section is None:
        return None
    if section == "auto":
        return Ablate()
    if not isinstance(section, Mapping) or not section:
        fault(("ablate",), _FORM)
        return None
    refuse_unknown(("ablate",), section, KEYS, fault)
    places = {axis: _label(axis, section.get(axis), known[axis], fault) for axis in AXES}
    return Ablate(
        _listed("strategy", section.get("strategy"), known["strategy"], fault),
        **places,
        label_fraction=_fraction(section.get("label_fraction"), fault),
        arms=_listed("arms", section.get("arms"), None, fault),
    )


def _label(axis: str, given: object, known: Sequence[str], fault: Faults) -> str | None:
    if given is None:
        return None
    if isinstance(given, str) and given in known:
        return given
    fault(("ablate", axis), f"{given!r} is not on this axis{did_you_mean(str(given), known)}")
    return None


def _listed(key: str, given: object, known: Sequence[str] | None, fault: Faults) -> tuple[str, ...]:
    """One text or a list of them; what is not known is told where it stands."""
    if given is None:
        return ()
    if given == [] or not isinstance(given, str | list):
        fault(("ablate", key), "a name, or a list of names, is needed")
        return ()
    texts = given if isinstance(given, list) else [given]
    for index, text in enumerate(texts):
        place = ("ablate", key, index) if isinstance(given, list) else ("ablate", key)
        if not isinstance(text, str):
            fault(place, f"{text!r} is no name")
        elif known is not None and text not in known:
            fault(place, f"{text!r} is not on this axis{did_you_mean(text, known)}")
    return tuple(texts)


def _fraction(given: object, fault: Faults) -> float | None:
    if given is None or (isinstance(given, int | float) and not isinstance(given, bool) and 0 < given <= 1):
        return None if given is None else float(given)
    fault(("ablate", "label_fraction"), f"{given!r} is not above 0 and at most 1")
    return None
