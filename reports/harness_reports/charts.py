"""The label-fraction chart as coordinates; the template only draws them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isnan, log10

from harness_reports.arms import Arm, Panel
from harness_reports.geometry import NARROW, STYLES, WIDE, Layout, Scale, Tick, marker, spread, y_ticks
from harness_reports.numerals import count, fraction, interval, share
from harness_reports.records import harmless

REFERENCES = {
    "floor": "floor",
    "free": "no labels",
    "teacher": "teacher",
    "majority": "teachers",
    "bound": "label-rich bound",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its error bar; ``hollow`` where it is saturated."""

    x: float
    y: float
    low: float
    high: float
    path: str
    hollow: bool
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A series or a horizontal reference."""

    name: str
    role: str
    style: int
    value: str
    title: str
    y: float
    label_y: float
    marks: tuple[Mark, ...] = ()
    key: str = ""

    @property
    def way(self) -> str:
        """The points of its polyline."""
        return " ".join(f"{mark.x},{mark.y}" for mark in self.marks)

    @property
    def band(self) -> str:
        """The outline between the ends of its intervals."""
        ends = [(mark.x, mark.low) for mark in self.marks] + [(mark.x, mark.high) for mark in reversed(self.marks)]
        return f"M{'L'.join(f'{x},{y}' for x, y in ends)}Z"


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture."""

    layout: Layout
    series: tuple[Line, ...]
    references: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """The same picture for wide and for narrow pages, with what it shows in words."""

    title: str
    description: str
    charts: tuple[Chart, ...]
    saturated: bool


def figures(panel: Panel) -> tuple[Figure, ...]:
    """One figure per student and teacher set with bought labels."""
    bought = [arm for arm in panel.of("bought") if arm.known and arm.labels > 0]
    pairs = dict.fromkeys((arm.row.raw("student"), arm.row.raw("teachers")) for arm in bought)
    distilled = [pair for pair in pairs if pair[1]] or list(pairs)
    return tuple(_figure(panel, student, teachers, len(distilled) > 1) for student, teachers in distilled)


def _figure(panel: Panel, student: str, teachers: str, several: bool) -> Figure:
    groups: dict[tuple[str, str], list[Arm]] = {}
    for arm in panel.of("bought", student=student, teachers=teachers):
        if arm.known and arm.labels > 0:
            groups.setdefault((arm.row.raw("strategy"), arm.row.raw("rule")), []).append(arm)
    horizontals = [
        arm
        for arm in (
            *panel.of("floor", "free", "bound", student=student, teachers=teachers),
            *panel.of("teacher"),
            *panel.of("majority", teachers=teachers),
        )
        if arm.known
    ]
    where = ", ".join((panel.title, *(harmless(part, 60) for part in (student, teachers) if part and several)))
    return Figure(
        f"Accuracy against labels bought, {where}",
        _description(groups, horizontals),
        tuple(_chart(layout, groups, horizontals) for layout in (WIDE, NARROW)),
        any(arm.row.flag("saturated") for arms in groups.values() for arm in arms),
    )


def _description(groups: dict[tuple[str, str], list[Arm]], horizontals: Sequence[Arm]) -> str:
    lines = [
        f"{_series_name(key)}: "
        + ", ".join(f"{share(arm.accuracy)} with {count(arm.labels)} labels" for arm in _ordered(arms))
        for key, arms in groups.items()
    ]
    lines += [f"{arm.name} ({REFERENCES[arm.kind]}): {share(arm.accuracy)}" for arm in horizontals]
    return ". ".join(lines) + "."


def _chart(layout: Layout, groups: dict[tuple[str, str], list[Arm]], horizontals: Sequence[Arm]) -> Chart:
    arms = [arm for own in groups.values() for arm in own]
    y_scale = Scale.of_shares(layout, _extent([*arms, *horizontals]))
    x_scale = Scale.of_labels(layout, [arm.labels for arm in arms])
    series = [
        _series(index, len(groups), key, own, x_scale, y_scale) for index, (key, own) in enumerate(groups.items())
    ]
    references = [_reference(arm, y_scale) for arm in horizontals]
    placed = _apart([*series, *references], layout)
    return Chart(
        layout,
        tuple(placed[: len(series)]),
        tuple(placed[len(series) :]),
        tuple(_x_ticks(arms, x_scale, 56 if layout is WIDE else 44)),
        tuple(y_ticks(y_scale)),
    )


def _extent(arms: Iterable[Arm]) -> tuple[float, float]:
    columns = ("accuracy", "accuracy_low", "accuracy_high")
    values = [arm.row.number(column) for arm in arms for column in columns[: 3 if arm.kind == "bought" else 1]]
    known = [value for value in values if not isnan(value)]
    return min(known), max(known)


def _ordered(arms: Iterable[Arm]) -> list[Arm]:
    return sorted(arms, key=lambda arm: (arm.labels, arm.row.number("label_fraction")))


def _series_name(key: tuple[str, str]) -> str:
    return " · ".join(harmless(part, 60) for part in key if part)


def _series(index: int, of: int, key: tuple[str, str], arms: Sequence[Arm], x_scale: Scale, y_scale: Scale) -> Line:
    name = _series_name(key)
    beside = (index - (of - 1) / 2) * 6
    marks = []
    for arm in _ordered(arms):
        x, y = round(x_scale(log10(arm.labels)) + beside, 1), y_scale(arm.accuracy)
        low, high = arm.row.number("accuracy_low"), arm.row.number("accuracy_high")
        reach = (y, y) if isnan(low + high) else (y_scale(low), y_scale(high))
        marks.append(Mark(x, y, *reach, marker(index, x, y), arm.row.flag("saturated"), _point_title(arm)))
    last = _ordered(arms)[-1]
    end = marks[-1].y
    return Line(
        name,
        "series",
        index % STYLES,
        f"{share(last.accuracy)}",
        name,
        end,
        end,
        tuple(marks),
        marker(index, 8, 8),
    )


def _point_title(arm: Arm) -> str:
    reach = interval(arm.row.number("accuracy_low"), arm.row.number("accuracy_high"))
    lines = [
        arm.name,
        f"{share(arm.accuracy)} accuracy" + (f", 95\u202f% interval {reach}" if reach else ""),
        f"{count(arm.labels)} labels bought, {count(arm.row.number('seeds'))} seeds",
    ]
    if arm.row.flag("saturated"):
        lines.append("saturated: fewer conflicts than the budget")
    return "\n".join(lines)


def _reference(arm: Arm, y_scale: Scale) -> Line:
    y = y_scale(arm.accuracy)
    reach = interval(arm.row.number("accuracy_low"), arm.row.number("accuracy_high"))
    title = f"{arm.name} ({REFERENCES[arm.kind]}): {share(arm.accuracy)}" + (f", {reach}" if reach else "")
    role = "teacher" if arm.kind == "majority" else arm.kind
    called = arm.name if arm.kind in ("free", "majority") else f"{arm.name} ({REFERENCES[arm.kind]})"
    if arm.kind == "bound":
        called = REFERENCES[arm.kind]
    return Line(called, role, 0, f"{share(arm.accuracy)}", title, y, y)


def _apart(lines: Sequence[Line], layout: Layout) -> list[Line]:
    """The lines with their labels moved so that none covers another."""
    places = spread([line.y for line in lines], layout.top, layout.y_end + 8, gap=17)
    return [replace(line, label_y=place) for line, place in zip(lines, places, strict=True)]


def _x_ticks(arms: Sequence[Arm], scale: Scale, gap: float) -> Iterable[Tick]:
    """A tick at each number of labels that was bought, as many as there is room for."""
    shares: dict[float, dict[str, None]] = {}
    for arm in _ordered(arms):
        asked = shares.setdefault(arm.labels, {})
        if not arm.row.flag("saturated"):
            asked[fraction(arm.row.number("label_fraction"))] = None
    taken: list[float] = []
    for labels, asked in sorted(shares.items(), key=lambda pair: not pair[1]):
        at = scale(log10(labels))
        if all(abs(at - other) >= gap for other in taken):
            taken.append(at)
            yield Tick(at, count(labels), ", ".join(asked))
