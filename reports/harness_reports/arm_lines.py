"""The rows of the comparison as an export takes them: the page's own cells, by metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from harness_reports.arms import Panel
from harness_reports.comparison import comparison, more
from harness_reports.tables import Cell, Line

Metric = Literal[
    "accuracy",
    "accuracy_falsified",
    "accuracy_pristine",
    "macro_f1",
    "auroc",
    "brier",
    "ece",
    "labels_bought",
    "seeds",
    "n",
    "groups",
    "accuracy_parsed",
    "unparsable",
    "refused",
    "errors",
    "share_falsified",
    "training_seconds",
    "prediction_seconds",
    "teacher_calls",
    "teacher_usd",
]
"""What an export can show of an arm."""

TITLES: Mapping[Metric, str] = {
    "accuracy": "All",
    "accuracy_falsified": "Falsified",
    "accuracy_pristine": "Pristine",
    "macro_f1": "Macro-F1",
    "auroc": "AUROC",
    "brier": "Brier",
    "ece": "ECE",
    "labels_bought": "Labels",
    "seeds": "Seeds",
    "n": "Items",
    "groups": "Groups",
    "accuracy_parsed": "Parsed",
    "unparsable": "Unparsable",
    "refused": "Refused",
    "errors": "Errors",
    "share_falsified": "Says falsified",
    "training_seconds": "Training",
    "prediction_seconds": "Prediction",
    "teacher_calls": "Calls",
    "teacher_usd": "USD",
}
LOWER_IS_BETTER = frozenset({"brier", "ece"})


@dataclass(frozen=True, slots=True)
class ArmLine:
    """An arm in its group; ``key`` is its id and where it was tested, as they may be shown."""

    group: str
    name: str
    key: tuple[str, str]
    cells: Mapping[str, Cell]
    blank: str
    """Why there are no cells; empty where there are."""


def arm_lines(panel: Panel) -> Iterator[ArmLine]:
    """Arms in the groups and the order of the page."""
    rest = {_key(line): line for group in more(panel, "more").groups for line in group.lines}
    for group in comparison(panel, "arms").groups:
        for line in group.lines:
            spanned = [cell.text for cell in line.cells if cell.span > 1]
            both = () if spanned else (*rest[_key(line)].cells, *line.cells)
            cells = {cell.metric: cell for cell in both if cell.metric}
            yield ArmLine(group.title, line.cells[0].text, _key(line), cells, "".join(spanned))


def left_out(panel: Panel) -> int:
    """Arms of the panel for which the page's table has no room."""
    return comparison(panel, "arms").left_out


def _key(line: Line) -> tuple[str, str]:
    about = dict(line.about)
    return about["arm"], about["on"]
