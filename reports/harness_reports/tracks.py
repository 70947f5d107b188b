"""What was measured along a training, as small pictures: a measure each, a line for each seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log10

from harness_reports.geometry import STYLES
from harness_reports.numerals import count, decimal

MOST_POINTS = 120
WIDTH, HEIGHT, LEFT, TOP = 260, 96, 40, 6

Line = Mapping[str, object]
"""A line of a log."""
Track = list[tuple[float, float]]
"""Finite values by step."""


def _figure(value: float) -> str:
    """Three digits that say something, whatever the size."""
    if abs(value) >= 1000:
        return count(round(value))
    # What is smaller is rounding: rewards of equal models, for one.
    digits = 2 if abs(value) < 5e-5 else max(0, 2 - int(log10(abs(value)) // 1))
    return decimal(value, min(digits, 4))


def _loss(value: float) -> str:
    return decimal(value, 2)


def _gigabytes(value: float) -> str:
    return decimal(value / 1e9, 2)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a picture shows: names of values in the lines of a log, and what each is called."""

    title: str
    names: Mapping[str, str]
    write: Callable[[float], str] = _figure


LOGGED = (
    Measure("Loss", {"loss": "loss"}, _loss),
    Measure("Reward margin", {"rewards/margins": "margin"}),
    Measure("Log-probability drift", {"drift/chosen": "chosen", "drift/rejected": "rejected"}),
    Measure("Gradient norm", {"grad_norm": "norm"}),
)
MEASURED = (
    Measure("Tokens per second", {"tokens_per_second": "tokens/s"}),
    Measure("Peak memory, GB", {"peak_bytes": "peak"}, _gigabytes),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """One seed's values as the points of a line, and in numbers; ``place`` is that of its name in the measure."""

    style: int
    place: int
    points: str
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """One measure of a training; ``zero`` is the height of 0 where it lies between the ends."""

    title: str
    told: str
    curves: tuple[Curve, ...]
    high: str
    low: str
    zero: float | None
    end: str


def pictures(measures: Iterable[Measure], logs: Sequence[Sequence[Line]]) -> list[Picture]:
    """A picture of each measure that a log tells of; ``logs`` are those of the seeds."""
    return [drawn for measure in measures if (drawn := picture(measure, logs))]


def picture(measure: Measure, logs: Sequence[Sequence[Line]]) -> Picture | None:
    """The seeds in one picture; None where nothing is told."""
    found = [
        (seed, place, track)
        for seed, log in enumerate(logs)
        for place, name in enumerate(measure.names)
        if (track := track_of(log, name))
    ]
    if not found:
        return None
    every = [value for *_, track in found for _, value in track]
    steps = [step for *_, track in found for step, _ in track]
    x, y = _scale(steps, LEFT, WIDTH), _scale(every, HEIGHT - TOP, TOP)
    curves = tuple(_curve(seed, place, track, x, y) for seed, place, track in found)
    told = "; ".join(
        f"{called} " + ", ".join(_told(track, measure.write) for _, own, track in found if own == place)
        for place, called in enumerate(measure.names.values())
        if any(own == place for _, own, _ in found)
    )
    zero = y(0.0) if min(every) < 0 < max(every) else None
    ends = measure.write(max(every)), measure.write(min(every))
    return Picture(measure.title, told, curves, *ends, zero, count(max(steps)))


def track_of(log: Iterable[Line], name: str) -> Track:
    """Finite values by step, thinned evenly; the last one is always there."""
    found: Track = []
    for place, line in enumerate(log, 1):
        at, value = line.get("step", place), line.get(name)
        if _number(at) and _number(value):
            found.append((float(at), float(value)))  # type: ignore[arg-type]
    stride = -(-len(found) // MOST_POINTS) or 1
    thin = found[::stride]
    return thin if not found or thin[-1] == found[-1] else [*thin, found[-1]]


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and abs(value) < 1e15


def _scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    return lambda value: round(start + (end - start) * ((value - low) / (high - low) if high > low else 0.5), 1)


def _curve(seed: int, place: int, track: Track, x: Callable[[float], float], y: Callable[[float], float]) -> Curve:
    places = [(x(step), y(value)) for step, value in track]
    return Curve(seed % STYLES, place, " ".join(f"{across},{up}" for across, up in places), places[-1])


def _told(track: Track, write: Callable[[float], str]) -> str:
    return f"{write(track[0][1])} → {write(track[-1][1])}"
