"""From the floor to the bound, step by step: how far each arm of an ablation is from its method, as coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isnan

from harness_reports.geometry import WIDE, Scale, Tick, y_ticks
from harness_reports.numerals import interval, percent, points
from harness_reports.records import Row

LEFT, RIGHT, WIDTH = 250, 720, 1000
TOP, STEP, FOOT = 14, 22, 48

KINDS = {
    "floor": "Floors",
    "control": "Controls",
    "variant": "One factor off",
    "method": "The method",
    "bound": "With more labels",
}
"""What arms are to the method, in the order in which they stand, with the heading of each."""


@dataclass(frozen=True, slots=True)
class Drop:
    """An arm in its place: a bar from the method to it, and its interval."""

    name: str
    text: str
    manner: str
    y: float
    start: float
    width: float
    low: float
    mid: float
    high: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One picture; ``method`` is where the method stands."""

    title: str
    description: str
    height: int
    method: float
    drops: tuple[Drop, ...]
    headings: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    width: int = WIDTH
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP

    @property
    def bottom(self) -> int:
        """Where the axis lies."""
        return self.height - FOOT


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
    ends = [end for row in known for end in _ends(row)]
    scale = replace(Scale.of_shares(WIDE, (min(ends), max(ends))), start=LEFT, end=RIGHT)
    drops: list[Drop] = []
    headings: list[Tick] = []
    y = TOP + STEP / 2
    for kind, own in groupby(known, lambda row: row.text("kind")):
        headings.append(Tick(y, KINDS.get(kind, kind)))
        y += STEP
        for row in own:
            drops.append(_drop(row, scale, y, method))
            y += STEP
    described = ". ".join(f"{drop.name}: {drop.text}" for drop in drops) + "."
    height = round(y - STEP / 2 + 8 + FOOT)
    return Waterfall(title, described, height, scale(method), tuple(drops), tuple(headings), tuple(y_ticks(scale)))


def _ends(row: Row) -> tuple[float, float, float]:
    mid = row.number("accuracy")
    low, high = (mid if isnan(end) else end for end in map(row.number, ("accuracy_low", "accuracy_high")))
    return low, mid, high


def _drop(row: Row, scale: Scale, y: float, method: float) -> Drop:
    low, mid, high = map(scale, _ends(row))
    at = scale(method)
    reach = interval(row.number("accuracy_low"), row.number("accuracy_high"))
    text = percent(row.number("accuracy")) + (f" ({reach})" if reach else "")
    if row.text("kind") != "method" and not isnan(row.number("difference")):
        text = f"{text}  {points(row.number('difference'))}"
    manner = row.text("kind") if row.text("kind") in ("method", "bound") else row.text("verdict") or "inconclusive"
    return Drop(row.text("factor", 60), text, manner, y, min(mid, at), round(abs(mid - at), 1), low, mid, high)
