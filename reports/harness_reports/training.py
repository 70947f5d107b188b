"""How the loss fell in each training, a small picture for each, seed by seed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from harness.api import Details
from harness_reports.arms import key_of
from harness_reports.geometry import STYLES
from harness_reports.numerals import count, decimal
from harness_reports.section import Section
from harness_reports.seen import Seen

_MOST_POINTS, _MOST_SEEDS = 120, 8
_WIDTH, _HEIGHT, _LEFT, _TOP = 260, 96, 34, 6
_SEED = re.compile(r", seed -?\d+")

Losses = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One seed's losses as the points of a line, and in numbers."""

    style: int
    points: str
    end: tuple[float, float]
    told: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The seeds of one training."""

    title: str
    told: str
    curves: tuple[Curve, ...]
    high: str
    low: str
    end: str


@dataclass(frozen=True)
class Training(Section):
    """``most`` bounds how many trainings are drawn."""

    most: int = 24

    name = "training"
    title = "Training curves"
    link = "Training"
    template = "sections/training.j2"

    def applies(self, seen: Seen) -> bool:
        return any(row.text("kind") == "train" for row in seen.steps)

    def context(self, seen: Seen) -> Mapping[str, object]:
        found = trainings(seen)
        what = {row.raw("key"): row.text("what", 160) for row in seen.steps}
        pictures: list[Picture] = []
        for keys in found:
            drawn = picture(_SEED.sub("", what.get(keys[0], "a training")), keys, seen.view.details)
            if drawn:
                pictures.append(drawn)
            if len(pictures) == self.most:
                break
        size = {"width": _WIDTH, "height": _HEIGHT, "left": _LEFT, "top": _TOP}
        return {"pictures": pictures, "size": size, "more": len(found) > self.most and len(pictures) == self.most}


def trainings(seen: Seen) -> list[tuple[str, ...]]:
    """Keys of training steps, those of one arm and place in its course together, seeds in their order."""
    arms: dict[tuple[str, str], list[Sequence[str]]] = {}
    for row in seen.results:
        if row.text("state") == "done" and row.text("role") == "student":
            arms.setdefault(key_of(row), []).append(seen.view.details.trainings(row.raw("cell")))
    stages: dict[tuple[str, ...], None] = {}
    for courses in arms.values():
        for place in range(max(map(len, courses))):
            keys = tuple(dict.fromkeys(course[place] for course in courses if place < len(course)))
            stages.setdefault(keys)
    return list(stages)


def picture(title: str, keys: Sequence[str], details: Details) -> Picture | None:
    """The logs of some steps in one picture; None where no log tells of a loss."""
    logs = [found for key in keys[:_MOST_SEEDS] if (found := losses(details, key))]
    if not logs:
        return None
    every = [loss for log in logs for _, loss in log]
    low, high = min(every), max(every)
    last = max(step for log in logs for step, _ in log)
    first = min(step for log in logs for step, _ in log)
    curves = tuple(_curve(place, log, (first, last), (low, high)) for place, log in enumerate(logs))
    seeds = "1 seed" if len(keys) == 1 else f"{len(keys)} seeds"
    told = f"{seeds}; loss " + ", ".join(curve.told for curve in curves)
    return Picture(title, told, curves, decimal(high, 2), decimal(low, 2), count(last))


def losses(details: Details, step: str) -> Losses:
    """Finite losses by step of training, thinned evenly; the last one is always there."""
    found: Losses = []
    for place, line in enumerate(details.log(step), 1):
        at, loss = line.get("step", place), line.get("loss")
        if _number(at) and _number(loss):
            found.append((float(at), float(loss)))  # type: ignore[arg-type]
    stride = -(-len(found) // _MOST_POINTS) or 1
    thin = found[::stride]
    return thin if not found or thin[-1] == found[-1] else [*thin, found[-1]]


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and abs(value) < 1e12


def _curve(place: int, log: Losses, steps: tuple[float, float], extent: tuple[float, float]) -> Curve:
    width, height = _WIDTH - _LEFT, _HEIGHT - 2 * _TOP

    def at(value: float, ends: tuple[float, float]) -> float:
        return (value - ends[0]) / (ends[1] - ends[0]) if ends[1] > ends[0] else 0.5

    places = [
        (round(_LEFT + width * at(step, steps), 1), round(_TOP + height * (1 - at(loss, extent)), 1))
        for step, loss in log
    ]
    points = " ".join(f"{x},{y}" for x, y in places)
    return Curve(place % STYLES, points, places[-1], f"{decimal(log[0][1], 2)} → {decimal(log[-1][1], 2)}")
