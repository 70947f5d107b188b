"""From the floor to the bound, step by step: how far each arm of an ablation is from its method, as coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from harness_reports.forest import Measured, Picture, Reach, described, laid, shares
from harness_reports.geometry import Scale, y_ticks
from harness_reports.numerals import interval, percent, points
from harness_reports.records import Row

LEFT, RIGHT = 250, 720

KINDS = {
    "floor": "Floors",
    "control": "Controls",
    "variant": "One factor off",
    "method": "The method",
    "bound": "With more labels",
}
"""What arms are to the method, in the order in which they stand, with the heading of each."""


@dataclass(frozen=True, slots=True)
class Drop(Reach):
    """An arm in its place, with a bar from the method to it."""

    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Waterfall(Picture):
    """One picture; ``method`` is where the method stands."""

    width = 1000
    left = LEFT
    right = RIGHT

    method: float
    drops: tuple[Drop, ...]


def in_order(rows: Sequence[Row]) -> list[Row]:
    """By what they are to the method, and by accuracy; what has no result stands last."""
    kinds = list(KINDS)

    def place(row: Row) -> tuple[int, bool, float]:
        kind, accuracy = row.text("kind"), row.number("accuracy")
        return (kinds.index(kind) if kind in kinds else len(kinds), isnan(accuracy), accuracy)

    return sorted(rows, key=place)


def waterfall(title: str, rows: Sequence[Row]) -> Waterfall | None:
    """A picture of the arms that have a result; None where the method has none."""
    known = [row for row in in_order(rows) if not isnan(row.number("accuracy"))]
    method = next((row.number("accuracy") for row in known if row.text("kind") == "method"), None)
    if method is None:
        return None
    measured = [_measured(row) for row in known]
    scale = shares(measured, LEFT, RIGHT)
    places, headings, height = laid(measured)
    at = scale(method)
    drops = tuple(_drop(one, scale, y, at) for one, y in zip(measured, places, strict=True))
    return Waterfall(title, described(measured), height, headings, tuple(y_ticks(scale)), at, drops)


def _measured(row: Row) -> Measured:
    kind, mid = row.text("kind"), row.number("accuracy")
    low, high = row.number("accuracy_low"), row.number("accuracy_high")
    text = percent(mid) + (f" ({reach})" if (reach := interval(low, high)) else "")
    if kind != "method" and not isnan(row.number("difference")):
        text = f"{text}  {points(row.number('difference'))}"
    manner = kind if kind in ("method", "bound") else row.text("verdict") or "inconclusive"
    return Measured(KINDS.get(kind, kind), row.text("factor", 60), mid, low, high, text, manner)


def _drop(one: Measured, scale: Scale, y: float, method: float) -> Drop:
    low, mid, high = map(scale, one.ends)
    return Drop(one.name, one.text, one.manner, y, low, mid, high, min(mid, method), round(abs(mid - method), 1))
