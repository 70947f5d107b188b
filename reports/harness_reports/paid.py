"""The ledger of the teachers: what each was asked, what came of it, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isnan, nan

from harness_reports.numerals import count, money
from harness_reports.records import Row
from harness_reports.tables import Column, Group, Line, Table, label, plain, table

_PAID = (
    Column("Teacher", numeric=False),
    Column("Items", help="over all benchmarks and splits"),
    Column("Newly asked", help="when the stored steps ran"),
    Column("From the journal", help="answered before, by another step or an interrupted run"),
    Column("OK"),
    Column("Refused"),
    Column("Unpars-able"),
    Column("Errors"),
    Column("Calls"),
    Column("Tokens in"),
    Column("Tokens out"),
    Column("USD", help="of all these answers, when they were given"),
    Column("USD per 1,000 items"),
)

_UNKNOWN = "not recorded"


def paid(rows: Sequence[Row]) -> Table:
    """One row per teacher, the sum last."""
    teachers = dict.fromkeys(row.text("teacher") for row in rows)
    lines = [_paid(teacher, [row for row in rows if row.text("teacher") == teacher]) for teacher in teachers]
    groups = [Group("", tuple(lines))]
    if len(lines) > 1:
        groups.append(Group("Sum", (_paid("all teachers", rows),)))
    caption = (
        "What the teachers were asked and what their answers cost. An answer is paid once, however often it is used."
    )
    return table("paid-table", caption, _PAID, groups, "No teacher has annotated anything yet.")


def _paid(teacher: str, rows: Sequence[Row]) -> Line:
    items, asked, usd = (_sum(rows, column) for column in ("items", "asked", "usd"))
    counts = ("ok", "refused", "unparsable", "errors", "calls", "input_tokens", "output_tokens")
    warnings = "; ".join(dict.fromkeys(text for row in rows if (text := row.text("warnings"))))
    cells = (
        label(teacher, warnings),
        plain(items, count),
        plain(asked, count, _UNKNOWN),
        plain(items - asked, count, _UNKNOWN),
        *(plain(_sum(rows, column), count, _UNKNOWN) for column in counts),
        plain(usd, money, "no price is recorded"),
        plain(1000 * usd / items if items else nan, money, "no price is recorded"),
    )
    return Line(cells, (("teacher", teacher),))


def _sum(rows: Sequence[Row], column: str) -> float:
    """Unknown as soon as one part is."""
    values = [row.number(column) for row in rows]
    return nan if any(map(isnan, values)) else fsum(values)
