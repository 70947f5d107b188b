"""What arms are worth at a desk: so many items a day, few of them falsified, fewer that can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from harness_reports.arms import Arm, key_of
from harness_reports.efficiency import tested
from harness_reports.numerals import NONE, count, decimal, interval, percent, share
from harness_reports.records import Row
from harness_reports.tables import Cell, Column, Group, Line, Table, label, number, table

_DESK = (
    Column("Arm", numeric=False, wide=True),
    Column("Found", help="share of the falsified items among those looked at, in percent"),
    Column("Right", help="share of those looked at that are falsified (precision), in percent"),
    Column("Found a day", help="falsified items, of those that come in"),
    Column(
        "False alarms at 95 %", help="share of the pristine items that must be looked at to find 95 % of the falsified"
    ),
    Column("Alarms a day", help="pristine items a day above that threshold"),
    Column("Seeds"),
)


def operating(rows: Sequence[Row], arms: Sequence[Arm]) -> Table:
    """Arms by number of reviews a day."""
    names = {arm.key: arm.name for arm in arms}
    budgets = dict.fromkeys(row.number("reviews_per_day") for row in rows)
    groups = [
        Group(
            f"{count(budget)} looked at a day",
            tuple(_line(row, rows, names) for row in rows if row.number("reviews_per_day") == budget),
        )
        for budget in budgets
    ]
    return table(
        "operating-table", _caption(rows), _DESK, groups, "No answer carries a probability yet.", tall=len(rows) > 12
    )


def _caption(rows: Sequence[Row]) -> str:
    if not rows:
        return "A newsroom's day."
    items, prevalence = rows[0].number("items_per_day"), rows[0].number("prevalence")
    return (
        f"Of {count(items)} items a day {share(prevalence)} are falsified, and those of the highest probability are "
        "looked at. Test items are weighted to that prevalence; thresholds are of the test items themselves."
    )


def _line(row: Row, rows: Sequence[Row], names: dict[tuple[str, str], str]) -> Line:
    why = "not defined: all test items are of one class"
    on = row.text("evaluated_on")
    cells = (
        label(names.get(key_of(row), row.text("arm")), tested(row, rows)),
        *(number(row, column, percent, why, _reach(row, column)) for column in ("recall", "precision")),
        number(row, "found_per_day", lambda value: decimal(value, 1), why),
        number(row, "alarms_at_95", percent, why, _reach(row, "alarms_at_95")),
        number(row, "alarms_per_day_at_95", lambda value: count(round(value)), why),
        number(row, "seeds", count, why),
    )
    return Line(cells, (("desk", row.text("arm")), ("on", on), ("reviews", count(row.number("reviews_per_day")))))


def _reach(row: Row, column: str) -> str:
    return interval(row.number(f"{column}_low"), row.number(f"{column}_high"))


def prevalence(rows: Sequence[Row], arms: Sequence[Arm]) -> Table:
    """Precision of each arm's verdicts, a column for each prevalence."""
    names = {arm.key: arm.name for arm in arms}
    shares = sorted({value for row in rows if not isnan(value := row.number("prevalence"))})
    columns = [Column("Arm", numeric=False, wide=True)]
    columns += [
        Column(f"{share(value, 1 if value < 0.01 else 0)}", help="of the items are falsified") for value in shares
    ]
    by_arm: dict[tuple[str, str], dict[float, Row]] = {}
    for row in rows:
        by_arm.setdefault(key_of(row), {})[row.number("prevalence")] = row
    lines = [
        _precisions(names, tested(first, rows), first, [own.get(value) for value in shares])
        for own in by_arm.values()
        for first in [next(iter(own.values()))]
    ]
    caption = "How often “falsified” is right, in percent, by the share of falsified items among those that come in."
    return table("prevalence-table", caption, columns, [Group("", tuple(lines))], "Nothing has been answered yet.")


def _precisions(names: dict[tuple[str, str], str], where: str, first: Row, own: Sequence[Row | None]) -> Line:
    why = "not defined: the arm never says falsified"
    cells = [
        Cell(NONE, why=why) if row is None else number(row, "precision", percent, why, _reach(row, "precision"))
        for row in own
    ]
    on = first.text("evaluated_on")
    about = (("prevalence", first.text("arm")), ("on", on))
    return Line((label(names.get(key_of(first), first.text("arm")), where), *cells), about)
