"""The tables that compare arms, group by group: what they reach and cost, and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil, floor, isnan

from harness_reports.arms import Arm, Panel
from harness_reports.numerals import (
    count,
    decimal,
    duration,
    interval,
    money,
    percent,
)
from harness_reports.records import Row
from harness_reports.tables import Bar, Cell, Column, Group, Line, Table, label, number, table

_ARMS = (
    Column("Arm", numeric=False, wide=True),
    Column("All", help="accuracy over all test items, in percent, with its 95 % interval"),
    Column("95 % interval of All", hidden=True),
    Column("Falsified", help="share of the falsified items that were found, in percent"),
    Column("Pristine", help="share of the pristine items that were left alone, in percent"),
    Column("Macro-F1", help="mean of the F1 of both classes, in percent"),
    Column("AUROC", help="area under the ROC curve, in percent"),
    Column("Labels bought", help="ground-truth labels that training has seen, mean over seeds"),
    Column("Seeds", help="seeds that are done"),
    Column("Unpars-able", help="answers without a readable verdict, summed over seeds; they count as wrong"),
    Column("Training", help="mean time per seed of the steps that lead to the model"),
    Column("Teacher calls", help="calls to teachers that the arm rests on"),
    Column("USD", help="price of these calls"),
)
_MORE = (
    Column("Arm", numeric=False, wide=True),
    Column("Items", help="test items per seed"),
    Column("Groups", help="groups of items that hang together"),
    Column("Brier", help="mean squared error of the probability; lower is better"),
    Column("ECE", help="expected calibration error; lower is better"),
    Column("Accuracy of the parsed", help="in percent, over readable answers only"),
    Column("Unpars-able"),
    Column("Refused"),
    Column("Errors"),
    Column("Says falsified", help="share of the answers, in percent"),
    Column("ROUGE-L", help="likeness of the answers' texts to reference rationales, from 0 to 1"),
    Column("Prediction", help="time of predicting"),
)
SHARES = ("accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc")

UNDEFINED = {
    "auroc": "not defined: the answers carry no probabilities, or all items are of one class",
    "brier": "not defined: the answers carry no probabilities",
    "ece": "not defined: the answers carry no probabilities",
    "accuracy_falsified": "not defined: there is no falsified test item",
    "accuracy_pristine": "not defined: there is no pristine test item",
    "labels_bought": "this arm buys no labels",
    "training_seconds": "nothing is trained for this arm, or its time is not recorded",
    "accuracy_parsed": "not defined: no answer could be read",
    "rouge_l": "not defined: the benchmark gives no reference rationales, or the arm no texts",
    "teacher_calls": "this arm rests on no teacher, or its calls are not recorded",
    "teacher_usd": "this arm rests on no teacher, or no price is recorded",
}


def comparison(panel: Panel, id: str) -> Table:
    """The main table: what was reached, for how many labels, at what cost."""
    scale = _scale(panel)
    groups = [Group(title, tuple(_arm(arm, scale) for arm in arms)) for title, arms in _groups(panel)]
    low, high = percent(scale[0], 0), percent(scale[1], 0)
    caption = f"Tested on {panel.title}. The bars run from {low} to {high} %; the thin line is the floor."
    return table(id, caption, _ARMS, groups, "No arm is known.", tall=len(panel.arms) > 8)


def more(panel: Panel, id: str) -> Table:
    """Calibration and outcomes."""
    groups = [Group(title, tuple(_more(arm) for arm in arms)) for title, arms in _groups(panel)]
    return table(id, f"Calibration and outcomes, tested on {panel.title}.", _MORE, groups, "No arm is known.")


def _groups(panel: Panel) -> Iterator[tuple[str, list[Arm]]]:
    yield "Floor: untrained, no teachers, no labels", list(panel.of("floor"))
    yield "Trained without labels", list(panel.of("free"))
    bought: dict[str, list[Arm]] = {}
    for arm in panel.of("bought"):
        axes = ("strategy", "rule", "student", "teachers")
        texts = {axis: arm.row.text(axis, 60) for axis in axes}
        shown = (text for axis, text in texts.items() if axis in axes[:2] or text in arm.name)
        bought.setdefault(" · ".join(text for text in shown if text), []).append(arm)
    for title, arms in bought.items():
        yield f"With bought labels: {title}", sorted(arms, key=lambda arm: arm.row.number("label_fraction"))
    yield "Label-rich bound: every training label", list(panel.of("bound"))
    yield "Teachers, asked about the test items", list(panel.of("teacher"))
    yield "Majority of the teachers", list(panel.of("majority"))


def _arm(arm: Arm, scale: tuple[float, float, float | None]) -> Line:
    if arm.blank:
        return _empty(arm, _ARMS)
    cells = (
        _name(arm),
        _metric(arm, "accuracy", percent),
        Cell("", bar=_bar(arm, scale)),
        *(_metric(arm, column, percent) for column in SHARES[1:]),
        labels(arm.row),
        _seeds(arm),
        _metric(arm, "unparsable", count),
        _metric(arm, "training_seconds", duration),
        _metric(arm, "teacher_calls", count),
        _metric(arm, "teacher_usd", money),
    )
    return Line(cells, _about(arm))


def _more(arm: Arm) -> Line:
    if arm.blank:
        return _empty(arm, _MORE)
    cells = (
        _name(arm, alerts=False),
        _metric(arm, "n", count),
        _metric(arm, "groups", count),
        _metric(arm, "brier", decimal),
        _metric(arm, "ece", decimal),
        _metric(arm, "accuracy_parsed", percent),
        *(_metric(arm, column, count) for column in ("unparsable", "refused", "errors")),
        _metric(arm, "share_falsified", percent),
        _metric(arm, "rouge_l", decimal),
        _metric(arm, "prediction_seconds", duration),
    )
    return Line(cells, _about(arm))


def _empty(arm: Arm, columns: Sequence[Column]) -> Line:
    return Line((_name(arm), Cell(arm.blank, span=len(columns) - 1)), _about(arm))


def _about(arm: Arm) -> tuple[tuple[str, str], ...]:
    return (("arm", arm.row.text("arm")), ("on", arm.row.text("evaluated_on")))


def _name(arm: Arm, alerts: bool = True) -> Cell:
    warnings = arm.row.text("warnings")
    return label(arm.name, "", (warnings,) if warnings and alerts else ())


def _metric(arm: Arm, column: str, show: Callable[[float], str]) -> Cell:
    low, high = arm.row.number(f"{column}_low"), arm.row.number(f"{column}_high")
    if isnan(low + high):
        reach = "no interval" if column == "accuracy" else ""
    elif show is percent:
        reach = interval(low, high)
    else:
        reach = f"{show(low)}–{show(high)}"
    return number(arm.row, column, show, UNDEFINED.get(column, "not recorded"), reach)


def labels(row: Row) -> Cell:
    """How many labels were bought, whether that was fewer than the budget, and how many of validation were read."""
    notes = ["saturated"] if row.flag("saturated") else []
    if (read := row.number("validation_labels")) > 0:
        notes.append(f"and {count(read)} of validation")
    return number(row, "labels_bought", count, UNDEFINED["labels_bought"], "; ".join(notes))


def _seeds(arm: Arm) -> Cell:
    done, planned = arm.row.number("seeds"), arm.row.number("seeds_planned")
    cell = number(arm.row, "seeds", count, "not recorded")
    return replace(cell, text=f"{count(done)} of {count(planned)}") if done < planned else cell


def _scale(panel: Panel) -> tuple[float, float, float | None]:
    """Ends of the bars' common scale in steps of ten points, and the floor."""
    columns = ("accuracy", "accuracy_low", "accuracy_high")
    known = [value for arm in panel.arms for column in columns if not isnan(value := arm.row.number(column))]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    bottom = max(0, floor(low * 10)) / 10
    top = max(min(10, ceil(high * 10)) / 10, bottom + 0.1)
    floors = [arm.accuracy for arm in panel.of("floor") if arm.known]
    return bottom, top, floors[0] if len(floors) == 1 else None


def _bar(arm: Arm, scale: tuple[float, float, float | None]) -> Bar:
    low, high = arm.row.number("accuracy_low"), arm.row.number("accuracy_high")
    ends = (arm.accuracy, arm.accuracy) if isnan(low + high) else (low, high)
    zero = None if scale[2] is None else _place(scale[2], scale)
    return Bar(_place(ends[0], scale), _place(arm.accuracy, scale), _place(ends[1], scale), zero, arm.kind)


def _place(value: float, scale: tuple[float, float, float | None]) -> float:
    share = (value - scale[0]) / (scale[1] - scale[0])
    return round(4 + 112 * min(max(share, 0.0), 1.0), 1)
