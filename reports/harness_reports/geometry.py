"""Where things lie in a chart: its layout, its two scales, its ticks, its markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from harness_reports.numerals import percent

STYLES = 8
"""Series that can be told apart by colour and marker; the next begins again."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the plot lies in its picture; lengths in user units."""

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int = 18
    bottom: int = 58

    @property
    def x_end(self) -> int:
        return self.width - self.right

    @property
    def y_end(self) -> int:
        return self.height - self.bottom


WIDE = Layout("wide", 1000, 430, left=52, right=286)
NARROW = Layout("narrow", 400, 330, left=40, right=10)


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float
    start: float
    end: float
    step: float = 0.0

    def __call__(self, value: float) -> float:
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    @classmethod
    def of_shares(cls, layout: Layout, extent: tuple[float, float]) -> Scale:
        step = 0.05 if extent[1] - extent[0] < 0.3 else 0.1
        low = max(0.0, floor(extent[0] / step) * step)
        high = min(1.0, ceil(extent[1] / step) * step)
        return cls(low, max(high, low + step), layout.y_end, layout.top, step)

    @classmethod
    def of_labels(cls, layout: Layout, labels: Sequence[float]) -> Scale:
        low, high = log10(min(labels)), log10(max(labels))
        if high - low < 0.3:
            low, high = low - 0.15, high + 0.15
        return cls(low, high, layout.left + 36, layout.x_end - 36)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str
    more: str = ""


def y_ticks(scale: Scale) -> Iterable[Tick]:
    steps = round((scale.high - scale.low) / scale.step)
    for index in range(steps + 1):
        share = scale.low + index * scale.step
        yield Tick(scale(share), percent(share, 0))


def spread(wanted: Sequence[float], low: float, high: float, gap: float) -> list[float]:
    """Places near the wanted ones, at least ``gap`` apart and, where there is room, between ``low`` and ``high``."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    at: list[float] = []
    for index in order:
        at.append(max(wanted[index], at[-1] + gap if at else low))
    for place in range(len(at) - 1, -1, -1):
        at[place] = min(at[place], high)
        high = at[place] - gap
    places = dict(zip(order, at, strict=True))
    return [round(places[index], 1) for index in range(len(wanted))]


def marker(index: int, x: float, y: float) -> str:
    """A path around a point; the shape says which series it is where colour does not."""
    shapes = (
        "m-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
        "m-4.2,-4.2h8.4v8.4h-8.4z",
        "m0,-5.4l5.2,9.2h-10.4z",
        "m0,-5.8l5.4,5.8l-5.4,5.8l-5.4,-5.8z",
        "m0,5.4l5.2,-9.2h-10.4z",
        "m-1.7,-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
        "m-5,-2.6h10v5.2h-10z",
        "m-2.6,-5h5.2v10h-5.2z",
    )
    return f"M{round(x, 1)},{round(y, 1)}{shapes[index % STYLES]}"
