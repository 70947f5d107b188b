"""What arms are worth at a desk: so many items a day, few of them falsified, fewer that can be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan

from harness_reports.arms import Arm, key_of
from harness_reports.efficiency import Names, tested
from harness_reports.numerals import NONE, count, interval, percent, share
from harness_reports.records import Row
from harness_reports.tables import Cell, Column, Group, Line, Table, label, number, table

_FOUND = (
    "share of a day's falsified items among so many looked at, in percent; beneath it, how many of those are falsified"
)
_ALARMS = (
    Column("False alarms at 95 %", help="share of the pristine items that are looked at to find 95 % of the falsified"),
    Column("Alarms a day", help="pristine items a day above that threshold"),
    Column("Seeds"),
)


def operating(rows: Sequence[Row], arms: Sequence[Arm]) -> Table:
    """A line an arm, a column for each number of reviews a day."""
    names = {arm.key: arm.name for arm in arms}
    budgets = sorted({value for row in rows if not isnan(value := row.number("reviews_per_day"))})
    columns = (
        Column("Arm", numeric=False, wide=True),
        *(Column(f"Found by {count(budget)} reviews", help=_FOUND) for budget in budgets),
        *_ALARMS,
    )
    lines = [_line(own, tested(next(iter(own.values())), rows), names, budgets) for own in _by(rows, "reviews_per_day")]
    empty = "No answer carries a probability yet."
    return table("operating-table", _caption(rows), columns, [Group("", tuple(lines))], empty, tall=len(lines) > 12)


def _by(rows: Sequence[Row], column: str) -> list[dict[float, Row]]:
    """Rows of each arm by the number in the column."""
    found: dict[tuple[str, str], dict[float, Row]] = {}
    for row in rows:
        found.setdefault(key_of(row), {})[row.number(column)] = row
    return list(found.values())


def _caption(rows: Sequence[Row]) -> str:
    if not rows:
        return "A newsroom's day."
    items, prevalence = rows[0].number("items_per_day"), rows[0].number("prevalence")
    return (
        f"Of {count(items)} items a day {share(prevalence)} are falsified, and those of the highest probability are "
        "looked at. Test items are weighted to that prevalence; thresholds are of the test items themselves."
    )


def _line(own: Mapping[float, Row], where: str, names: Names, budgets: Sequence[float]) -> Line:
    why = "not defined: all test items are of one class"
    row = next(iter(own.values()))
    cells = (
        label(names.get(key_of(row), row.text("arm")), where),
        *(_found(own.get(budget), budget, why) for budget in budgets),
        number(row, "alarms_at_95", percent, why, _reach(row, "alarms_at_95")),
        number(row, "alarms_per_day_at_95", lambda value: count(round(value)), why),
        number(row, "seeds", count, why),
    )
    return Line(cells, (("desk", row.text("arm")), ("on", row.text("evaluated_on"))))


def _found(row: Row | None, budget: float, why: str) -> Cell:
    if row is None:
        return Cell(NONE, why=why)
    note = f"{_reach(row, 'recall')}; {percent(row.number('precision'))} right"
    return replace(number(row, "recall", percent, why, note), metric=f"recall-{budget:.0f}")


def _reach(row: Row, column: str) -> str:
    return interval(row.number(f"{column}_low"), row.number(f"{column}_high"))


def prevalence(rows: Sequence[Row], arms: Sequence[Arm]) -> Table:
    """Precision of each arm's verdicts, a column for each prevalence."""
    names = {arm.key: arm.name for arm in arms}
    shares = sorted({value for row in rows if not isnan(value := row.number("prevalence"))})
    columns = [Column("Arm", numeric=False, wide=True)]
    columns += [Column(share(value, 1 if value < 0.01 else 0), help="of the items are falsified") for value in shares]
    lines = [_precisions(own, tested(next(iter(own.values())), rows), names, shares) for own in _by(rows, "prevalence")]
    caption = "How often “falsified” is right, in percent, by the share of falsified items among those that come in."
    return table("prevalence-table", caption, columns, [Group("", tuple(lines))], "Nothing has been answered yet.")


def _precisions(own: Mapping[float, Row], where: str, names: Names, shares: Sequence[float]) -> Line:
    first = next(iter(own.values()))
    cells = [_precision(own.get(value), value) for value in shares]
    about = (("prevalence", first.text("arm")), ("on", first.text("evaluated_on")))
    return Line((label(names.get(key_of(first), first.text("arm")), where), *cells), about)


def _precision(row: Row | None, prevalence: float) -> Cell:
    why = "not defined: the arm never says falsified"
    if row is None:
        return Cell(NONE, why=why)
    cell = number(row, "precision", percent, why, _reach(row, "precision"))
    return replace(cell, metric=f"precision-{prevalence:g}")
