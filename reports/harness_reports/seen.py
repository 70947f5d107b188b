"""A view as the sections of the page read it: its rows, its arms and its panels, each made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from harness.api import RunView
from harness_reports.arms import Arm, Panel, arms_of, panels_of
from harness_reports.efficiency import Names, names_of
from harness_reports.records import Row, rows


@dataclass(frozen=True, slots=True)
class Seen:
    """What a section is given. Texts of a `Row` are harmless; those of ``view`` itself are not."""

    view: RunView
    results: tuple[Row, ...]
    benchmarks: tuple[Row, ...]
    contrasts: tuple[Row, ...]
    """Without those of an ablation, which stand in a section of their own."""
    steps: tuple[Row, ...]
    conflicts: tuple[Row, ...]
    arms: tuple[Arm, ...]
    """Every arm, also those of which nothing is known yet, without those that are for an ablation alone."""
    panels: tuple[Panel, ...]
    """Arms that can be compared, by where they were trained and tested."""
    curve_names: Names

    @classmethod
    def of(cls, view: RunView) -> Seen:
        results = rows(view.results)
        apart = {row.raw("arm") for row in rows(view.ablation) if row.flag("apart")}
        arms = arms_of(*([row for row in found if row.raw("arm") not in apart] for found in (rows(view.arms), results)))
        return cls(
            view=view,
            results=results,
            benchmarks=rows(view.benchmarks),
            contrasts=tuple(row for row in rows(view.contrasts) if row.raw("question") != "ablation"),
            steps=rows(view.steps),
            conflicts=rows(view.conflicts),
            arms=arms,
            panels=panels_of(arms),
            curve_names=names_of(rows(view.curves)),
        )

    @property
    def train_items(self) -> Mapping[str, float]:
        """Training items by benchmark, where they are known."""
        return {
            row.text("benchmark"): items
            for row in self.benchmarks
            if row.text("split") == "train" and not isnan(items := row.number("items"))
        }

    @property
    def oracles(self) -> Mapping[str, str]:
        """What depends on the label of the way a benchmark is read, for each of which something does."""
        told = {row.text("benchmark"): row.text("oracles", 2000) for row in self.benchmarks}
        return {name: text for name, text in told.items() if text}

    @property
    def synthetic(self) -> tuple[str, ...]:
        """The benchmarks that call themselves synthetic."""
        texts = ((row.text("benchmark"), row.text("notes", 5000)) for row in self.benchmarks)
        return tuple(dict.fromkeys(name for name, notes in texts if "synthetic" in f"{name} {notes}".lower()))
