"""What a run cost: time, calls and money of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isnan, nan

from harness_reports.numerals import count, duration, money
from harness_reports.records import Row
from harness_reports.tables import Cell, Column, Group, Line, Table, label, number, plain, prose, table

_COSTS = (
    Column("Kind of step", numeric=False),
    Column("Steps"),
    Column("Time", help="summed over the steps, as if one after the other"),
    Column("Longest"),
    Column("Teacher calls"),
    Column("USD"),
    Column("Uses", help="how often a cell uses one of these steps; what is shared was paid once"),
)


def costs(rows: Sequence[Row]) -> Table:
    """What the stored steps cost, by kind, the sum last."""
    kinds = dict.fromkeys(row.text("kind") for row in rows)
    lines = [_cost(kind or "unknown", [row for row in rows if row.text("kind") == kind]) for kind in kinds]
    groups = [Group("", tuple(lines))]
    if len(lines) > 1:
        groups.append(Group("Sum", (_cost("all steps", rows),)))
    caption = "What the stored steps cost; each was paid once, however many cells use it."
    return table("costs-table", caption, _COSTS, groups, "No step is stored yet.")


def _cost(kind: str, rows: Sequence[Row]) -> Line:
    seconds = [value for row in rows if not isnan(value := row.number("seconds"))]
    cells = (
        label(kind),
        plain(len(rows), count),
        plain(_sum(rows, "seconds"), duration),
        plain(max(seconds, default=nan), duration),
        plain(_sum(rows, "calls"), count, "these steps call no teacher"),
        plain(_sum(rows, "usd"), money, "no price is recorded"),
        plain(_sum(rows, "cells"), count),
    )
    return Line(cells, (("kind", kind),))


_STEPS = (
    Column("Step", numeric=False),
    Column("Kind", numeric=False),
    Column("What", numeric=False),
    Column("Time"),
    Column("Calls"),
    Column("USD"),
    Column("Cells"),
    Column("Finished", numeric=False),
)


def steps(rows: Sequence[Row]) -> Table:
    """Every stored step, the dearest first."""
    lines = tuple(_step(row) for row in sorted(rows, key=_longest_first))
    return table("steps-table", "Every stored step, the longest first.", _STEPS, [Group("", lines)], tall=True)


def _longest_first(row: Row) -> float:
    seconds = row.number("seconds")
    return 1.0 if isnan(seconds) else -seconds


def _step(row: Row) -> Line:
    key = row.text("key")
    cells = (
        Cell(key[:12], key, why=key if len(key) > 12 else "", heading=True),
        prose(row.text("kind")),
        prose(row.text("what")),
        number(row, "seconds", duration, "not recorded"),
        number(row, "calls", count, "this step calls no teacher"),
        number(row, "usd", money, "no price is recorded"),
        number(row, "cells", count, "not recorded"),
        prose(row.text("finished"), "not recorded"),
    )
    return Line(cells, (("step", key),))


def _sum(rows: Sequence[Row], column: str) -> float:
    known = [value for row in rows if not isnan(value := row.number(column))]
    return fsum(known) if known else nan
