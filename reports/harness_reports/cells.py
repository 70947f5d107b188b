"""The table of cells, seed by seed: what each yielded, or why there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness_reports.arms import Arm, key_of
from harness_reports.comparison import SHARES, UNDEFINED, labels
from harness_reports.numerals import count, decimal, percent
from harness_reports.records import Row
from harness_reports.tables import STATES, Cell, Column, Group, Line, Table, label, number, prose, table

_CELLS = (
    Column("Arm", numeric=False, wide=True),
    Column("Seed"),
    Column("Tested on", numeric=False),
    Column("State", numeric=False),
    Column("All"),
    Column("Falsified"),
    Column("Pristine"),
    Column("Macro-F1"),
    Column("AUROC"),
    Column("Brier"),
    Column("ECE"),
    Column("Labels bought"),
    Column("Items"),
    Column("Accuracy of the parsed"),
    Column("Unpars-able"),
    Column("Refused"),
    Column("Errors"),
    Column("Says falsified"),
)


def cells(rows: Sequence[Row], arms: Sequence[Arm]) -> Table:
    """Every cell of the matrix with what it yielded, or why there is nothing."""
    names = {arm.key: arm.name for arm in arms}
    lines = tuple(_cell(row, names) for row in rows)
    caption = "One row per cell and test benchmark; accuracies and shares in percent."
    return table("cells-table", caption, _CELLS, [Group("", lines)], "The matrix has no cells.", tall=True)


def _cell(row: Row, names: Mapping[tuple[str, str], str]) -> Line:
    about = (("cell", row.text("cell")), ("on", row.text("evaluated_on")))
    head = _head(row, names.get(key_of(row)) or row.text("arm"))
    if row.text("state") != "done":
        reason = row.text("reason") or "no reason is recorded"
        return Line((*head, Cell(reason, span=len(_CELLS) - len(head))), about)
    scores = (
        *(_score(row, column, percent) for column in SHARES),
        *(_score(row, column, decimal) for column in ("brier", "ece")),
        labels(row),
        _score(row, "n", count),
        _score(row, "accuracy_parsed", percent),
        *(_score(row, column, count) for column in ("unparsable", "refused", "errors")),
        _score(row, "share_falsified", percent),
    )
    return Line((*head, *scores), about)


def _head(row: Row, name: str) -> tuple[Cell, ...]:
    state = row.text("state")
    return (
        label(name),
        number(row, "seed", lambda value: f"{value:.0f}", "this arm has no seed"),
        prose(row.text("evaluated_on")),
        Cell(state or "–", state, manner=f"state-{state}" if state in STATES else ""),
    )


def _score(row: Row, column: str, show: Callable[[float], str]) -> Cell:
    return number(row, column, show, UNDEFINED.get(column, "not recorded"))
