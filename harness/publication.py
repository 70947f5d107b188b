"""A view → files: its tables as CSV, and its reports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.components import Report
from harness.store import write_text
from harness.view import RunView

TABLES = (
    "results",
    "arms",
    "contrasts",
    "curves",
    "curve_contrasts",
    "equivalences",
    "operating",
    "prevalence",
    "ablation",
    "pairs",
    "voices",
    "teachers",
    "conflicts",
    "benchmarks",
    "findings",
    "examples",
    "skipped",
    "failures",
    "steps",
)
"""The tables of a view that are written, by their names."""


def publish(view: RunView, reports: Mapping[str, Report], out: Path) -> dict[str, list[Path]]:
    """Write everything into the folder ``out``; the files of each report, the one to open first."""
    out.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        write_text(out / f"{name}.csv", getattr(view, name).to_csv(index=False))
    return {label: list(report.render(view, out)) for label, report in reports.items()}
