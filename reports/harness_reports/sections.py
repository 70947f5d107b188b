"""The sections after the comparison: conflicts, teachers, data and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isnan

from harness_reports.arms import Arm
from harness_reports.numerals import count, duration, money, percent
from harness_reports.records import Row, mean_of, words
from harness_reports.tables import STATES, Cell, Column, Group, Line, Table, label, number, plain, prose, table

_CONFLICTS = (
    Column("Rule", numeric=False),
    Column("Teachers", numeric=False),
    Column("Trained on", numeric=False),
    Column("Items"),
    Column("Conflicts", help="mean over seeds"),
    Column("Conflict rate", help="share of the training items, in percent"),
    Column("Falsified among the conflicts", help="in percent; far from 50 the bought labels are lopsided"),
    Column("Teachers right where they agree", help="in percent"),
    Column("Majority right", help="in percent"),
    Column("Best teacher on conflicts", help="in percent"),
    Column("Seeds"),
)


def conflicts(rows: Sequence[Row]) -> Table:
    """One row per rule, teacher set and benchmark; means over seeds."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.text("rule"), row.text("teachers"), row.text("benchmark")), []).append(row)
    lines = tuple(_conflict(key, own) for key, own in groups.items())
    caption = (
        "Where the teachers conflict on the training items. Diagnosis with all labels; nothing that trains sees it."
    )
    return table(
        "conflicts-table", caption, _CONFLICTS, [Group("", lines)], "No rule has ranked the training items yet."
    )


def _conflict(key: tuple[str, str, str], rows: Sequence[Row]) -> Line:
    shares = (
        "conflict_rate",
        "falsified_share",
        "agreement_accuracy",
        "majority_accuracy",
        "best_teacher_on_conflicts",
    )
    why = "not known: the training labels are not there, or there is no such item"
    cells = (
        label(key[0]),
        prose(key[1], "this rule was used without teachers"),
        prose(key[2]),
        *(plain(mean_of(rows, column), count) for column in ("items", "conflicts")),
        *(plain(mean_of(rows, column), percent, why) for column in shares),
        plain(len({row.number("seed") for row in rows}), count),
    )
    return Line(cells, (("rule", key[0]), ("teachers", key[1]), ("benchmark", key[2])))


_TEACHERS = (
    Column("Teacher", numeric=False),
    Column("Benchmark", numeric=False),
    Column("Split", numeric=False),
    Column("Items"),
    Column("All", help="accuracy in percent; what is not ok counts as wrong"),
    Column("Falsified", help="recall in percent"),
    Column("Pristine", help="recall in percent"),
    Column("Says falsified", help="share of the answers, in percent"),
    Column("OK"),
    Column("Refused"),
    Column("Unpars-able"),
    Column("Errors"),
    Column("Calls"),
    Column("USD"),
    Column("Time"),
)


def teachers(rows: Sequence[Row]) -> Table:
    """What each teacher answered."""
    return table(
        "teachers-table",
        "What the teachers answered, and how often they were right.",
        _TEACHERS,
        [Group("", tuple(map(_teacher, rows)))],
        "No teacher has annotated anything yet.",
    )


def _teacher(row: Row) -> Line:
    why = "not known: these items have no labels, or none was asked about yet"
    shares = ("accuracy", "accuracy_falsified", "accuracy_pristine", "share_falsified")
    cells = (
        label(row.text("teacher")),
        prose(row.text("benchmark")),
        prose(row.text("split")),
        number(row, "items", count, why),
        *(number(row, column, percent, why) for column in shares),
        *(number(row, column, count, "not recorded") for column in ("ok", "refused", "unparsable", "errors", "calls")),
        number(row, "usd", money, "no price is recorded"),
        number(row, "seconds", duration, "not recorded"),
    )
    return Line(cells, tuple((axis, row.text(axis)) for axis in ("teacher", "benchmark", "split")))


_DATA = (
    Column("Benchmark", numeric=False),
    Column("Split", numeric=False),
    Column("Items"),
    Column("Pristine"),
    Column("Falsified"),
    Column("Unlabelled"),
    Column("Groups", help="items that share an image, a story or a claim"),
    Column("Notes", numeric=False),
)


def data(rows: Sequence[Row]) -> Table:
    """The benchmarks and what they say of themselves."""
    return table(
        "data-table",
        "Items by split, and what each benchmark notes about how it was read.",
        _DATA,
        [Group("", tuple(map(_benchmark, rows)))],
        "No benchmark has been read yet.",
    )


LONGEST_NOTES = 1200
"""Characters of a benchmark's notes on the page; all of them are in the table of benchmarks."""


def _told(row: Row) -> str:
    """Its notes, after what no reader may miss."""
    oracles, notes = row.text("oracles", LONGEST_NOTES), row.text("notes", LONGEST_NOTES)
    return f"Oracle: {oracles} {notes}".rstrip() if oracles else notes


def _benchmark(row: Row) -> Line:
    columns = ("items", "pristine", "falsified", "unlabelled", "groups")
    cells = (
        label(row.text("benchmark")),
        prose(row.text("split")),
        *(number(row, column, count, "not recorded") for column in columns),
        prose(_told(row), "the benchmark has no notes"),
    )
    return Line(cells, (("benchmark", row.text("benchmark")), ("split", row.text("split"))))


_FAILURES = (
    Column("Step", numeric=False),
    Column("What", numeric=False),
    Column("State", numeric=False),
    Column("Reason", numeric=False),
    Column("Cells that lack it"),
)


def failures(rows: Sequence[Row]) -> Table:
    """Steps that failed or wait, and why."""
    return table(
        "failures-table",
        "Steps that failed or wait.",
        _FAILURES,
        [Group("", tuple(map(_failure, rows)))],
        "No step failed and none waits.",
    )


def _failure(row: Row) -> Line:
    state, cells = row.text("state"), row.values.get("cells")
    numeric = not isnan(row.number("cells"))
    shown = number(row, "cells", count, "") if numeric else prose(words(cells), "not recorded")
    return Line(
        (
            label(row.text("step", 80)),
            prose(row.text("what")),
            Cell(state or "–", state, manner=f"state-{state}" if state in STATES else ""),
            prose(row.text("reason", 1000), "no reason is recorded"),
            shown,
        )
    )


def unread(cells: Sequence[Row], arms: Sequence[Arm]) -> str:
    """How many answers of the arms carry no verdict, and whose they are; empty before there are answers."""
    outcomes = ("unparsable", "refused", "errors")
    answers = fsum(value for cell in cells if not isnan(value := cell.number("n")))
    if not answers:
        return ""
    lost = [fsum(value for cell in cells if not isnan(value := cell.number(outcome))) for outcome in outcomes]
    if not any(lost):
        return f"Of {count(answers)} test answers none was unparsable, refused or an error."
    kinds = f"{count(lost[0])} were unparsable, {count(lost[1])} refused and {count(lost[2])} errors"
    sums = [fsum(value for column in outcomes if (value := arm.row.number(column)) > 0) for arm in arms]
    worst = sorted((pair for pair in zip(arms, sums, strict=True) if pair[1]), key=lambda pair: -pair[1])[:3]
    whose = "; ".join(f"{arm.name} on {arm.row.text('evaluated_on')} ({count(number)})" for arm, number in worst)
    return f"Of {count(answers)} test answers, {kinds}; all of these count as wrong." + (
        f" Most of them: {whose}." if worst else ""
    )
