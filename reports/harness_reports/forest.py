"""Intervals one beneath the other, as coordinates; the template only draws them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil, floor, isnan

from harness_reports.geometry import WIDE, Scale, Tick, y_ticks
from harness_reports.numerals import points

LEFT, RIGHT, WIDTH = 460, 800, 1040
TOP, STEP, FOOT = 14, 22, 48


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one arm, pair or curve: its mean, the ends of its interval, and both as they are printed."""

    group: str
    name: str
    mid: float
    low: float
    high: float
    text: str
    manner: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """An interval in its place."""

    name: str
    text: str
    manner: str
    y: float
    low: float
    mid: float
    high: float


@dataclass(frozen=True, slots=True)
class Forest:
    """One picture."""

    title: str
    description: str
    axis: str
    height: int
    reaches: tuple[Reach, ...]
    headings: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    zero: float | None
    width: int = WIDTH
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP

    @property
    def bottom(self) -> int:
        """Where the axis lies."""
        return self.height - FOOT


def forest(title: str, axis: str, measured: Iterable[Measured], signed: bool = False) -> Forest | None:
    """A picture of what is known; None where nothing is. With ``signed`` they are differences around a zero."""
    known = [one for one in measured if not isnan(one.mid)]
    if not known:
        return None
    ends = [end for one in known for end in (one.low, one.mid, one.high) if not isnan(end)]
    scale = _signed(ends) if signed else _shares(ends)
    reaches: list[Reach] = []
    headings: list[Tick] = []
    y = TOP + STEP / 2
    for group, own in groupby(known, lambda one: one.group):
        if group:
            headings.append(Tick(y, group))
            y += STEP
        for one in own:
            reaches.append(_reach(one, scale, y))
            y += STEP
    described = ". ".join(f"{one.name}: {one.text}" for one in known) + "."
    ticks = _signed_ticks(scale) if signed else tuple(y_ticks(scale))
    zero = scale(0.0) if signed else None
    return Forest(title, described, axis, round(y - STEP / 2 + 8 + FOOT), tuple(reaches), tuple(headings), ticks, zero)


def _reach(one: Measured, scale: Scale, y: float) -> Reach:
    low, high = (one.mid if isnan(end) else end for end in (one.low, one.high))
    return Reach(one.name, one.text, one.manner, y, scale(low), scale(one.mid), scale(high))


def _shares(ends: Sequence[float]) -> Scale:
    return replace(Scale.of_shares(WIDE, (min(ends), max(ends))), start=LEFT, end=RIGHT)


def _signed(ends: Sequence[float]) -> Scale:
    """Round steps with zero among them, at most ten."""
    reach = max(0.0, *ends) - min(0.0, *ends)
    step = next((step for step in (0.01, 0.02, 0.05, 0.1) if reach / step <= 8), 0.2)
    low, high = floor(min(0.0, *ends) / step) * step, ceil(max(0.0, *ends) / step) * step
    return Scale(low, max(high, low + step), LEFT, RIGHT, step)


def _signed_ticks(scale: Scale) -> tuple[Tick, ...]:
    first, last = round(scale.low / scale.step), round(scale.high / scale.step)
    return tuple(
        Tick(scale(place * scale.step), points(place * scale.step).removesuffix(".0"))
        for place in range(first, last + 1)
    )
