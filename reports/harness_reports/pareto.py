"""Which arms nothing beats at their price: accuracy against labels, teachers and training time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, log10

from harness_reports.arms import Arm, Panel
from harness_reports.geometry import marker
from harness_reports.numerals import count, duration, interval, money, percent, share
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Column, Group, Line, Table, exact, label, plain, table

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 340, 230, 34, 14, 14, 40
_ZERO = 26
"""How far from the axis what costs nothing stands; a log axis has no zero."""

Numbers = Mapping[tuple[str, str], str]
"""Rows of the table by arm."""

_APART = 44
"""Least distance of two ticks, so that their texts do not touch."""


@dataclass(frozen=True, slots=True)
class Price:
    """A cost that arms can be compared by."""

    column: str
    title: str
    show: Callable[[float], str]

    @property
    def within(self) -> str:
        """The title in the middle of a sentence; dollars keep their capitals."""
        return self.title if self.title.startswith("USD") else self.title.lower()

    def of(self, arm: Arm) -> float:
        """What an arm costs; training that never was costs nothing."""
        value = arm.row.number(self.column)
        return 0.0 if isnan(value) and arm.kind == "floor" else value


LABELS = Price("labels_bought", "Labels bought", count)
CALLS = Price("teacher_calls", "Teacher calls", count)
USD = Price("teacher_usd", "USD to teachers", money)
TIME = Price("training_seconds", "Training time", duration)


@dataclass(frozen=True, slots=True)
class Point:
    """An arm; ``number`` is its row in the table, empty where something beats it."""

    x: float
    y: float
    path: str
    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Accuracy against one price."""

    id: str
    title: str
    described: str
    points: tuple[Point, ...]
    stair: str
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Front:
    """One panel: its charts, and the arms on their frontiers in numbers."""

    title: str
    charts: tuple[Chart, ...]
    table: Table


class Pareto(Section):
    name = "pareto"
    title = "What accuracy costs"
    link = "Costs and accuracy"
    template = "sections/pareto.j2"

    def applies(self, seen: Seen) -> bool:
        return any(len(_arms(panel)) > 1 for panel in seen.panels)

    def context(self, seen: Seen) -> Mapping[str, object]:
        panels = [panel for panel in seen.panels if len(_arms(panel)) > 1]
        box = {"width": _WIDTH, "height": _HEIGHT, "left": _LEFT, "right": _WIDTH - _RIGHT, "end": _HEIGHT - _BOTTOM}
        return {"fronts": [front(panel, place) for place, panel in enumerate(panels, 1)], "box": box}


def front(panel: Panel, place: int) -> Front:
    """The student arms of a panel that are unbeaten at some price."""
    arms = _arms(panel)
    paid = any(USD.of(arm) > 0 for arm in arms)
    prices = [price for price in (LABELS, USD if paid else CALLS, TIME) if _telling(price, arms)]
    edges = {price.column: frontier(arms, price) for price in prices}
    unbeaten = [arm for arm in arms if any(arm in edge for edge in edges.values())]
    unbeaten.sort(key=lambda arm: -arm.accuracy)
    numbers = {arm.key: str(number) for number, arm in enumerate(unbeaten, 1)}
    charts = tuple(
        _chart(f"pareto-{place}-{price.column}", price, arms, edges[price.column], numbers) for price in prices
    )
    return Front(panel.title, charts, _table(f"pareto-{place}", panel, prices, unbeaten, edges))


def _arms(panel: Panel) -> list[Arm]:
    return [arm for arm in panel.of("floor", "free", "bought", "bound") if arm.known]


def _telling(price: Price, arms: Sequence[Arm]) -> bool:
    """Whether arms differ in it."""
    return len({price.of(arm) for arm in arms if not isnan(price.of(arm))}) > 1


def frontier(arms: Sequence[Arm], price: Price) -> list[Arm]:
    """Arms that are better than all that cost no more, the cheapest first; of equals the first."""
    edge: list[Arm] = []
    known = [arm for arm in arms if not isnan(price.of(arm))]
    for arm in sorted(known, key=lambda arm: (price.of(arm), -arm.accuracy)):
        if not edge or arm.accuracy > edge[-1].accuracy:
            edge.append(arm)
    return edge


def _chart(
    id: str, price: Price, arms: Sequence[Arm], edge: Sequence[Arm], numbers: Mapping[tuple[str, str], str]
) -> Chart:
    known = [arm for arm in arms if not isnan(price.of(arm))]
    costs = [price.of(arm) for arm in known]
    accuracies = [arm.accuracy for arm in known]
    low, high = min(accuracies), max(accuracies)

    def x(cost: float) -> float:
        return _x(cost, [cost for cost in costs if cost > 0])

    def y(accuracy: float) -> float:
        part = (accuracy - low) / (high - low) if high > low else 0.5
        return round(_TOP + (1 - part) * (_HEIGHT - _BOTTOM - _TOP - 8), 1)

    points = tuple(_point(arm, price, x(price.of(arm)), y(arm.accuracy), arm in edge, numbers) for arm in known)
    told = "; ".join(f"{arm.name}: {share(arm.accuracy)} at {price.show(price.of(arm))}" for arm in edge[:12])
    ends = sorted({min(costs), *(cost for cost in costs if cost > 0)})
    ticks: list[float] = []
    for cost in (ends[0], ends[-1], ends[1] if len(ends) > 2 else ends[-1]):
        if all(abs(x(cost) - x(other)) > _APART for other in ticks):
            ticks.append(cost)
    return Chart(
        id,
        f"Accuracy against {price.within}",
        f"Unbeaten at their price: {told}.",
        points,
        _stair([(x(price.of(arm)), y(arm.accuracy)) for arm in edge]),
        tuple((x(cost), price.show(cost)) for cost in sorted(ticks)),
        tuple((y(level), percent(level)) for level in dict.fromkeys((low, high))),
    )


def _x(cost: float, positive: Sequence[float]) -> float:
    start, end = _LEFT + _ZERO, _WIDTH - _RIGHT - 8
    if cost <= 0:
        return _LEFT + 8.0
    low, high = log10(min(positive)), log10(max(positive))
    part = (log10(cost) - low) / (high - low) if high > low else 0.5
    return round(start + part * (end - start), 1)


def _stair(places: Sequence[tuple[float, float]]) -> str:
    (first_x, first_y), *rest = places
    return f"M{first_x},{first_y}" + "".join(f"H{x}V{y}" for x, y in rest) + f"H{_WIDTH - _RIGHT}"


def _point(arm: Arm, price: Price, x: float, y: float, unbeaten: bool, numbers: Numbers) -> Point:
    title = f"{arm.name}: {share(arm.accuracy)} at {price.show(price.of(arm))}"
    return Point(x, y, marker(0 if unbeaten else 1, x, y), numbers[arm.key] if unbeaten else "", title)


def _table(
    id: str, panel: Panel, prices: Sequence[Price], arms: Sequence[Arm], edges: Mapping[str, Sequence[Arm]]
) -> Table:
    columns = (
        Column("No.", numeric=False),
        Column("Arm", numeric=False, wide=True),
        Column("All", help="accuracy in percent, with its 95 % interval"),
        *(Column(price.title) for price in prices),
        Column("Unbeaten for its", numeric=False),
    )
    lines = []
    for number, arm in enumerate(arms, 1):
        within = interval(arm.row.number("accuracy_low"), arm.row.number("accuracy_high"))
        cells = (
            Cell(str(number), str(number)),
            label(arm.name),
            Cell(percent(arm.accuracy), exact(arm.accuracy), within),
            *(plain(price.of(arm), price.show) for price in prices),
            Cell(", ".join(price.within for price in prices if arm in edges[price.column])),
        )
        lines.append(Line(cells))
    caption = f"Students on {panel.title} that no cheaper one beats, by at least one price. Differences may be chance."
    return table(id, caption, columns, [Group("", tuple(lines))])
