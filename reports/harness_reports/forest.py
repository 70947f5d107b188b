"""Intervals one beneath the other, as coordinates; the template only draws them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil, floor, isnan
from typing import ClassVar

from harness_reports.geometry import WIDE, Scale, Tick, y_ticks
from harness_reports.numerals import points

LEFT, RIGHT = 460, 800
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

    @property
    def ends(self) -> tuple[float, float, float]:
        """From below; the mean for an end that is not known."""
        low, high = (self.mid if isnan(end) else end for end in (self.low, self.high))
        return low, self.mid, high


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
class Picture:
    """What every such picture has, whatever is drawn in its rows."""

    width: ClassVar[int]
    left: ClassVar[int]
    right: ClassVar[int]
    top: ClassVar[int] = TOP

    title: str
    description: str
    height: int
    headings: tuple[Tick, ...]
    ticks: tuple[Tick, ...]

    @property
    def bottom(self) -> int:
        """Where the axis lies."""
        return self.height - FOOT


@dataclass(frozen=True, slots=True)
class Forest(Picture):
    """One picture."""

    width = 1040
    left = LEFT
    right = RIGHT

    axis: str
    reaches: tuple[Reach, ...]
    zero: float | None


def forest(title: str, axis: str, measured: Iterable[Measured], signed: bool = False) -> Forest | None:
    """A picture of what is known; None where nothing is. With ``signed`` they are differences around a zero."""
    known = [one for one in measured if not isnan(one.mid)]
    if not known:
        return None
    scale = _signed(known) if signed else shares(known, LEFT, RIGHT)
    places, headings, height = laid(known)
    reaches = tuple(_reach(one, scale, y) for one, y in zip(known, places, strict=True))
    ticks = _signed_ticks(scale) if signed else tuple(y_ticks(scale))
    zero = scale(0.0) if signed else None
    return Forest(title, described(known), height, headings, ticks, axis, reaches, zero)


def laid(known: Iterable[Measured]) -> tuple[list[float], tuple[Tick, ...], int]:
    """The height at which each lies, the headings of their groups, and how high the picture is."""
    places: list[float] = []
    headings: list[Tick] = []
    y = TOP + STEP / 2
    for group, own in groupby(known, lambda one: one.group):
        if group:
            headings.append(Tick(y, group))
            y += STEP
        for _ in own:
            places.append(y)
            y += STEP
    return places, tuple(headings), round(y - STEP / 2 + 8 + FOOT)


def described(known: Iterable[Measured]) -> str:
    """The picture in words."""
    return ". ".join(f"{one.name}: {one.text}" for one in known) + "."


def shares(known: Iterable[Measured], left: int, right: int) -> Scale:
    """From left to right, as wide as what is known."""
    ends = [end for one in known for end in one.ends]
    return replace(Scale.of_shares(WIDE, (min(ends), max(ends))), start=left, end=right)


def _reach(one: Measured, scale: Scale, y: float) -> Reach:
    low, mid, high = map(scale, one.ends)
    return Reach(one.name, one.text, one.manner, y, low, mid, high)


def _signed(known: Iterable[Measured]) -> Scale:
    """Round steps with zero among them, at most ten."""
    ends = [end for one in known for end in one.ends]
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
