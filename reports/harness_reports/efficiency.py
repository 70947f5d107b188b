"""What labels buy, in one number a curve and in labels of another curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isnan

from harness_reports.arms import Arm, key_of
from harness_reports.numerals import (
    NONE,
    count,
    decimal,
    fraction,
    interval,
    percent,
    points,
    points_interval,
    probability,
)
from harness_reports.records import Row
from harness_reports.tables import Cell, Column, Group, Line, Table, exact, label, number, prose, table

VERDICTS = ("better", "worse", "inconclusive")
QUESTIONS = {
    "against labels alone": "Do the teachers help over the whole range, or would the labels have been enough?",
    "against random conflicts": "Does it matter where labels are bought?",
    "other strategy": "Curves that differ in their strategy only.",
    "other rule": "Curves that differ in their rule only.",
    "other teachers": "Curves that differ in their teachers only.",
}

Names = Mapping[tuple[str, str], str]

_CURVES = (
    Column("Curve", numeric=False, wide=True),
    Column("Labels", help="the fewest and the most that were bought"),
    Column("Fractions", help="points of the curve"),
    Column("Area", help="mean accuracy over log2 labels, in percent: the area under the curve by its range"),
    Column("Seeds", help="seeds that all points have"),
)


def names_of(curves: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Short names by curve and benchmark; the axes that tell curves apart, and the whole name where none does."""
    telling = [
        axis for axis in ("student", "teachers", "benchmark") if len({row.text(axis) for row in curves} - {""}) > 1
    ]
    short = {_key(row): _short(row, telling) for row in curves}
    owners: dict[str, set[str]] = {}
    for (curve, _), name in short.items():
        owners.setdefault(name, set()).add(curve)
    return {key: name if len(owners[name]) == 1 else f"{name} ({key[0]})" for key, name in short.items()}


def _short(row: Row, telling: Sequence[str]) -> str:
    parts = [row.text(axis, 60) for axis in ("strategy", "rule", *telling)]
    return " · ".join(part for part in parts if part) or row.text("curve")


def _key(row: Row) -> tuple[str, str]:
    return row.raw("curve"), row.raw("evaluated_on")


def curves(rows: Sequence[Row]) -> Table:
    """The area under every curve."""
    names = names_of(rows)
    lines = [
        Line(
            (
                label(names[_key(row)], tested(row, rows)),
                Cell(f"{count(row.number('from_labels'))}–{count(row.number('to_labels'))}"),
                number(row, "points", count, "not recorded"),
                number(row, "aulc", percent, "no seed has all points", _reach(row, "aulc")),
                number(row, "seeds", count, "not recorded"),
            ),
            (("curve", row.text("curve")), ("on", row.text("evaluated_on"))),
        )
        for row in rows
    ]
    caption = "Area under each label curve, in percent with its 95 % interval. Areas over other ranges are not alike."
    empty = "No curve yet: a curve needs two label fractions that are done and bought different numbers of labels."
    return table("curves-table", caption, _CURVES, [Group("", tuple(lines))], empty)


def tested(row: Row, rows: Sequence[Row]) -> str:
    """Where its items come from, if not all rows are tested on the same."""
    several = len({one.text("evaluated_on") for one in rows}) > 1
    return f"tested on {row.text('evaluated_on')}" if several else ""


def _reach(row: Row, column: str) -> str:
    return interval(row.number(f"{column}_low"), row.number(f"{column}_high"))


_AREAS = (
    Column("Curve", numeric=False, wide=True),
    Column("Against", numeric=False, wide=True),
    Column("Verdict", numeric=False, help="at 5 %, after Holm within the question"),
    Column("Difference", help="of the areas, in percentage points, with its 95 % interval"),
    Column("p", help="before adjustment"),
    Column("Adjusted p", help="Holm within the question"),
    Column("Labels", help="the range that both curves have"),
    Column("Seeds"),
)


def areas(rows: Sequence[Row], names: Names) -> Table:
    """Differences of areas by question."""
    asked = [question for question in QUESTIONS if any(row.text("question") == question for row in rows)]
    groups = [
        Group(
            f"{question.capitalize()}. {QUESTIONS[question]}",
            tuple(_area(row, rows, names) for row in rows if row.text("question") == question),
        )
        for question in asked
    ]
    caption = "Differences of areas over the labels that both curves have; one test a pair instead of one a fraction."
    return table("areas-table", caption, _AREAS, groups, "No two curves can be compared yet.")


def _area(row: Row, rows: Sequence[Row], names: Names) -> Line:
    verdict, on = row.text("verdict"), row.raw("evaluated_on")
    why = "too few seeds or items for this number"
    cells = (
        label(names.get((row.raw("curve"), on), row.text("curve")), tested(row, rows)),
        prose(names.get((row.raw("against"), on), row.text("against"))),
        Cell(verdict or NONE, verdict, manner=verdict if verdict in VERDICTS else "", why="" if verdict else why),
        number(row, "difference", points, why, points_interval(row.number("low"), row.number("high"))),
        number(row, "p", probability, why),
        number(row, "p_holm", probability, why),
        Cell(f"{count(row.number('from_labels'))}–{count(row.number('to_labels'))}"),
        number(row, "seeds", count, why),
    )
    return Line(cells, (("curve", row.text("curve")), ("over", row.text("against")), ("on", row.text("evaluated_on"))))


_WORTH = (
    Column("Arm", numeric=False, wide=True),
    Column("In labels of", numeric=False, wide=True),
    Column("Labels", help="that the arm bought"),
    Column("Worth", help="labels with which the other curve is as high, with its 95 % interval"),
    Column("Factor", help="labels that it is worth for each label of its own"),
    Column("In words", numeric=False),
)


def worth(rows: Sequence[Row], arms: Sequence[Arm], names: Names) -> Table:
    """What each arm is worth in labels of another curve."""
    called = {arm.key: arm.name for arm in arms}
    asked = [question for question in QUESTIONS if any(row.text("question") == question for row in rows)]
    groups = [
        Group(
            f"{question.capitalize()}.",
            tuple(_worth(row, rows, called, names) for row in rows if row.text("question") == question),
        )
        for question in asked
    ]
    caption = (
        "How many labels the other curve needs to be as high as an arm. “<” and “>” mark the ends of that curve: "
        "nothing is said beyond what was run."
    )
    empty = "No arm can be measured in labels yet: that needs a label curve of labels alone, or of random conflicts."
    return table("worth-table", caption, _WORTH, groups, empty)


def _worth(row: Row, rows: Sequence[Row], called: Names, names: Names) -> Line:
    on, arm = row.text("evaluated_on"), called.get(key_of(row), row.text("arm"))
    curve = names.get((row.raw("against"), row.raw("evaluated_on")), row.text("against"))
    ends = f"{_labels(row, 'low')} to {_labels(row, 'high')}"
    cells = (
        label(arm, tested(row, rows)),
        prose(curve),
        number(row, "labels", count, "not recorded"),
        Cell(_labels(row, "equivalent"), _exact(row.number("equivalent")), ends, metric="equivalent"),
        _factor(row),
        prose(in_words(row, arm, curve), "the number of training items is not known"),
    )
    return Line(cells, (("arm", row.text("arm")), ("worth-in", row.text("against")), ("on", on)))


def _labels(row: Row, column: str) -> str:
    """A number of labels of the curve; what is beyond its ends is said to be."""
    value = row.number(column)
    if value == inf:
        return f">\u202f{count(row.number('to_labels'))}"
    if value == 0:
        return f"<\u202f{count(row.number('from_labels'))}"
    return NONE if isnan(value) else count(round(value))


def _factor(row: Row) -> Cell:
    value, low, high = (row.number(column) for column in ("factor", "factor_low", "factor_high"))
    if isnan(value):
        return Cell(NONE, why="the arm bought no labels", metric="factor")
    ends = tuple(_times(row, end) for end in (value, low, high))
    return Cell(ends[0], _exact(value), f"{ends[1]} to {ends[2]}", metric="factor")


def _times(row: Row, factor: float) -> str:
    own = row.number("labels")
    if factor == inf:
        return f">\u202f{decimal(row.number('to_labels') / own, 1)}"
    return f"<\u202f{decimal(row.number('from_labels') / own, 1)}" if factor == 0 else decimal(factor, 1)


def _exact(value: float) -> str:
    """Infinity as both Python and a browser read it."""
    return "" if isnan(value) else "Infinity" if value == inf else exact(value)


def in_words(row: Row, arm: str, curve: str) -> str:
    """As in  mmkd · 5 % ≈ supervised at 19 % [14, 27]; empty where the number of training items is not known."""
    items = row.number("train_items")
    if not items > 0:
        return ""

    def part(column: str) -> str:
        value, ends = row.number(column), {inf: (">\u202f", "to_labels"), 0.0: ("<\u202f", "from_labels")}
        sign, shown = ends.get(value, ("", column))
        return f"{sign}{fraction(round(row.number(shown) / items, 3))}"

    low, high = (part(column).removesuffix("\u202f%") for column in ("low", "high"))
    return f"{arm} ≈ {curve} at {part('equivalent')} [{low}, {high}]"
