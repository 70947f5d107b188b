"""What the inspections found, as tables: findings, the items that show them, and entries that were skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import StoreError
from harness.findings import EXAMPLE_COLUMNS, FINDING_COLUMNS, KINDS, SKIPPED_COLUMNS, Finding, gravity
from harness.plan import Inspection, Plan
from harness.steps.inspect import read_findings, read_skipped
from harness.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

Found = list[tuple[Inspection, Finding]]


def found_in(plan: Plan, store: Store) -> Found:
    """Every finding, the gravest of each benchmark first; what was not looked at is one, too."""
    every = [
        (inspection, replace(finding, other_benchmark=inspection.trained))
        for inspection in plan.inspections.values()
        for finding in _findings(inspection, store)
    ]
    labels = list(plan.matrix.every_benchmark)
    return sorted(every, key=lambda pair: (labels.index(pair[0].benchmark), *gravity(pair[1])))


def _findings(inspection: Inspection, store: Store) -> list[Finding]:
    step = inspection.step
    if store.has(step.kind, step.key):
        try:
            return read_findings(store, step.key)
        except StoreError as error:
            return [Finding("not inspected", "", 0, str(error))]
    failure = store.failure(step.key)
    if failure is None:
        return [Finding("not inspected yet", "", 0, f"{step.what} was not looked at yet")]
    return [Finding("not inspected", "", 0, f"{step.what} could not be looked at: {failure['reason']}")]


def alarms(found: Found) -> Iterator[str]:
    """A line for each benchmark with errors, and for each inspection that failed."""
    errors: dict[str, list[str]] = {}
    for inspection, finding in found:
        if finding.severity == "error":
            errors.setdefault(inspection.benchmark, []).append(finding.kind)
        elif finding.kind == "not inspected":
            yield f"data: {finding.found}"
    for benchmark, kinds in errors.items():
        count = f"{len(kinds)} error{'' if len(kinds) == 1 else 's'}"
        yield f"data: {benchmark} has {count} ({', '.join(dict.fromkeys(kinds))}); see the report's section Data"


def findings_table(found: Found) -> DataFrame:
    """`harness.findings.FINDING_COLUMNS`."""
    return _frame(FINDING_COLUMNS, (_row(inspection, finding) for inspection, finding in found))


def _row(inspection: Inspection, finding: Finding) -> dict[str, Any]:
    kind = KINDS[finding.kind]
    return {
        "benchmark": inspection.benchmark,
        "trained_on": finding.other_benchmark,
        "teacher": inspection.teacher,
        "kind": finding.kind,
        "severity": finding.severity,
        "splits": finding.split,
        "count": finding.count,
        "found": finding.found,
        "means": kind.means,
        "remedy": kind.remedy,
    }


def examples_table(found: Found) -> DataFrame:
    """`harness.findings.EXAMPLE_COLUMNS`; ``finding`` is the place of the row in the table of findings."""
    rows = (
        {
            "finding": place,
            "benchmark": inspection.benchmark,
            "kind": finding.kind,
            "split": example.split,
            "item": example.item,
            "other_benchmark": (finding.other_benchmark or inspection.benchmark) if example.other else "",
            "other_split": example.other_split,
            "other_item": example.other,
            "note": example.note,
        }
        for place, (inspection, finding) in enumerate(found)
        for example in finding.examples
    )
    return _frame(EXAMPLE_COLUMNS, rows)


def skipped_table(plan: Plan, store: Store) -> DataFrame:
    """`harness.findings.SKIPPED_COLUMNS`, in the order of the data."""
    return _frame(SKIPPED_COLUMNS, _skipped(plan, store))


def _skipped(plan: Plan, store: Store) -> Iterator[dict[str, Any]]:
    for inspection in plan.inspections.values():
        alone = not inspection.trained and not inspection.teacher
        if alone and store.has(inspection.step.kind, inspection.step.key):
            try:
                entries = read_skipped(store, inspection.step.key)
            except StoreError:
                continue
            for entry in entries:
                yield {
                    "benchmark": inspection.benchmark,
                    "split": entry.split or "",
                    "entry": entry.what,
                    "reason": entry.reason,
                }


def _frame(columns: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))
