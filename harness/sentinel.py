"""The section ``sentinel:`` of a matrix: whether a teacher is still the one that answered before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.families import Faults, refuse_unknown
from harness.loading import did_you_mean

KEYS = ("items", "confidence", "accept")


@dataclass(frozen=True, slots=True)
class Sentinel:
    """Canaries: items that are asked about again in every run that asks a teacher anything new."""

    items: int = 50
    confidence: float = 0.99
    """A steady teacher passes with at least this probability."""
    accept: tuple[str, ...] = ()
    """Teachers whose change is told and does not stop them."""


def read(section: object, teachers: Sequence[str], fault: Faults) -> Sentinel | None:
    """The sentinel of a matrix, by default none; ``teachers`` are the labels that it may accept."""
    if section is None:
        return None
    if not isinstance(section, Mapping):
        fault(("sentinel",), "a mapping is needed, as in  {items: 50, confidence: 0.99}")
        return None
    refuse_unknown(("sentinel",), section, KEYS, fault)
    usual = Sentinel()
    items, confidence = section.get("items", usual.items), section.get("confidence", usual.confidence)
    if isinstance(items, bool) or not isinstance(items, int) or not 10 <= items <= 1000:
        fault(("sentinel", "items"), f"{items!r} is not a whole number from 10 to 1000")
        items = usual.items
    if not isinstance(confidence, float) or not 0.5 <= confidence < 1:
        fault(("sentinel", "confidence"), f"{confidence!r} is not a share from 0.5 and below 1")
        confidence = usual.confidence
    return Sentinel(items, confidence, _accepted(section.get("accept"), teachers, fault))


def _accepted(given: object, teachers: Sequence[str], fault: Faults) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        fault(("sentinel", "accept"), "a list of teachers is needed")
        return ()
    for index, label in enumerate(given):
        if str(label) not in teachers:
            fault(("sentinel", "accept", index), f"no teacher {label!r}{did_you_mean(str(label), teachers)}")
    return tuple(map(str, given))
