"""A small real run, and what a report sees of it: finished, in the middle, empty, and with hostile text."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import planning
from harness.columns import AXES
from harness.components import Executor
from harness.diagnosis import view
from harness.plan import Plan, Step
from harness.plugins import Registry
from harness.reading import parse
from harness.run import run
from harness.steps import Report
from harness.store import Store
from harness.testing import cast
from harness.view import RunView

if TYPE_CHECKING:
    from pandas import DataFrame

MATRIX = """\
benchmarks:
  news: news
teachers:
  careful: {uses: reader, strict: true}
  hasty: {uses: reader, strict: false}
teachers_as_arms: true
students:
  counter: counter
rules:
  differ: differ
strategies:
  untrained: untrained
  two-stage: two-stage
label_fractions: [0.1, 0.25]
seeds: [0, 1]
executor: here
reports: {nothing: nothing}
"""

HOSTILE = "</script></style></title></textarea>\"'><hostile-element onload=hostile()>{{ 6 * 7 }}\u202e|`*_$#\\\n"
"""Ends what it stands in and begins an element of its own; a template would make 42 of a part of it."""

LABELS = frozenset(
    {*AXES, "arm", "against", "cell", "evaluated_on", "teacher", "teachers", "benchmark", "what", "method", "factor"}
)
"""Columns that hold names of the matrix; the same name is the same text in every table."""

TEXTS = frozenset({"reason", "notes", "warnings", "cells", "found", "note", "entry", "item", "other_item", "made_of"})


class _Silent:
    def begin(self, total: int, reused: int) -> None: ...
    def started(self, step: Step) -> None: ...
    def ended(self, step: Step, report: Report) -> None: ...


@cache
def plan() -> Plan:
    """The cells and steps of the kit's matrix."""
    return planning.make(parse(MATRIX, Registry.of(cast)))


def performed(executor: Executor) -> RunView:
    """What a report sees once the kit's matrix has been run by an executor."""
    with tempfile.TemporaryDirectory(prefix="harness-trial-") as folder:
        store = Store(Path(folder) / "store")
        run(plan(), store, executor, Registry.of(cast), {"python": "3"}, _Silent())
        return view(plan(), store)


def finished() -> RunView:
    """A run in which every cell is done; tables of the caller's own."""
    return _map_tables(_finished(), lambda table: table.copy(deep=True))


@cache
def _finished() -> RunView:
    return performed(cast.Here())


def begun() -> RunView:
    """A run in which nothing is done yet."""
    with tempfile.TemporaryDirectory(prefix="harness-trial-") as folder:
        return view(plan(), Store(Path(folder) / "store"))


def half() -> RunView:
    """A run in which the student's cells are done for one seed and one failed."""
    done, missing = finished(), begun()
    results = done.results.copy()
    waits = results["seed"] == 1
    results.loc[waits] = missing.results.loc[waits]
    results.loc[waits.idxmax(), ["state", "reason"]] = ["failed", "ValueError: the teacher is ill"]
    return replace(done, results=results, arms=done.arms.iloc[::2], contrasts=done.contrasts.iloc[:1])


def empty() -> RunView:
    """A run of which there is no row in any table."""
    return _map_tables(finished(), lambda table: table.iloc[:0])


def hostile() -> RunView:
    """The finished run with hostile text in every name and text that comes from outside."""
    seen = _map_tables(half(), _poisoned)
    return replace(
        seen, title=HOSTILE, matrix_text=HOSTILE * 3, provenance=_poisoned_value(dict(finished().provenance))
    )


def tables(seen: RunView) -> Mapping[str, DataFrame]:
    """The view's tables by the names of their fields."""
    return {
        field.name: getattr(seen, field.name) for field in fields(seen) if hasattr(getattr(seen, field.name), "iloc")
    }


def _map_tables(seen: RunView, change: Any) -> RunView:  # noqa: ANN401 - a function on tables
    return replace(seen, **{name: change(table) for name, table in tables(seen).items()})


def _poisoned(table: DataFrame) -> DataFrame:
    changed = table.copy()
    for column in changed.columns:
        if column in LABELS | TEXTS:
            values = [_poison(value, column) for value in changed[column]]
            changed[column] = type(changed[column])(values, index=changed.index, dtype=object)
    return changed


def _poison(value: object, column: str) -> object:
    if isinstance(value, str) and (value or column in TEXTS):
        return HOSTILE + value
    return value


def _poisoned_value(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return {key: _poisoned_value(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_poisoned_value(part) for part in value]
    return HOSTILE + value if isinstance(value, str) else value
