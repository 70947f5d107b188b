"""The matrix at a glance: accuracy by strategy and label fraction, or by strategy and student."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan

from harness_reports.arms import Arm, Panel
from harness_reports.numerals import NONE, count, fraction, interval, percent
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Column, Group, Line, Table, exact, label, table

Names = Callable[[Arm], str]
_MOST_COLUMNS = 12
_DARKEST = 9


class Heatmap(Section):
    name = "map"
    title = "The matrix at a glance"
    link = "Map"
    template = "sections/heatmap.j2"

    def applies(self, seen: Seen) -> bool:
        return any(_columns(panel) for panel in seen.panels)

    def context(self, seen: Seen) -> Mapping[str, object]:
        panels = [panel for panel in seen.panels if _columns(panel)]
        return {"maps": [heatmap(panel, f"map-{place}") for place, panel in enumerate(panels, 1)]}


def heatmap(panel: Panel, id: str) -> Table:
    """Student arms of a panel; the darkest cell is the best of them."""
    across, names, down = _columns(panel), _across(panel), _down(panel)
    arms = panel.of("floor", "free", "bought", "bound")
    known = [arm.accuracy for arm in arms if arm.known]
    places: dict[str, dict[str, Arm]] = {}
    for arm in arms:
        places.setdefault(down(arm), {}).setdefault(names(arm), arm)
    reach = (min(known, default=0.0), max(known, default=1.0))
    lines = [Line((label(row), *(_cell(own.get(column), reach) for column in across))) for row, own in places.items()]
    what = f"Accuracy on {panel.title} in percent, means over seeds with 95 % intervals"
    caption = f"{what}; the deeper the colour, the higher."
    columns = (Column("Strategy and rule", numeric=False, wide=True), *(Column(column) for column in across))
    return table(id, caption, columns, [Group("", tuple(lines))])


def _cell(arm: Arm | None, reach: tuple[float, float]) -> Cell:
    if arm is None:
        return Cell(NONE, why="the matrix has no such arm")
    if not arm.known:
        return Cell(NONE, why=arm.blank)
    low, high = reach
    shade = round(_DARKEST * (arm.accuracy - low) / (high - low)) if high > low else 0
    within = interval(arm.row.number("accuracy_low"), arm.row.number("accuracy_high"))
    note = within or f"{count(arm.row.number('seeds'))} of {count(arm.row.number('seeds_planned'))} seeds"
    return Cell(percent(arm.accuracy), exact(arm.accuracy), note, shade=shade)


def _columns(panel: Panel) -> list[str]:
    """Label fractions, where arms differ in them, else students; empty where there is nothing across."""
    arms = panel.of("floor", "free", "bought", "bound")
    if _by_fraction(panel):
        shares = sorted({share for arm in arms if not isnan(share := arm.row.number("label_fraction"))})
        unlabelled = ["no labels"] if any(isnan(arm.row.number("label_fraction")) for arm in arms) else []
        return [*unlabelled, *map(fraction, shares)][:_MOST_COLUMNS]
    students = list(dict.fromkeys(arm.row.text("student", 60) for arm in arms))
    return students[:_MOST_COLUMNS] if len(students) > 1 else []


def _by_fraction(panel: Panel) -> bool:
    arms = panel.of("floor", "free", "bought", "bound")
    return any(not isnan(arm.row.number("label_fraction")) for arm in arms)


def _across(panel: Panel) -> Names:
    if _by_fraction(panel):
        return lambda arm: fraction(arm.row.number("label_fraction")) or "no labels"
    return lambda arm: arm.row.text("student", 60)


def _down(panel: Panel) -> Names:
    """Names from the axes that do not stand across and that tell arms apart."""
    arms = panel.of("floor", "free", "bought", "bound")
    free: Sequence[str] = ("student", "teachers") if _by_fraction(panel) else ("teachers",)
    telling = [axis for axis in free if len({arm.row.text(axis) for arm in arms} - {""}) > 1]

    def name(arm: Arm) -> str:
        parts = [arm.row.text(axis, 60) for axis in ("strategy", "rule", *telling)]
        return " · ".join(part for part in parts if part) or arm.name

    return name
