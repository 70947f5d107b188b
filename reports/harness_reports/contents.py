"""The page's own sections that are made of a view's tables."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from harness_reports.cells import cells
from harness_reports.charts import figures
from harness_reports.comparison import comparison, more
from harness_reports.contrasts import contrasts
from harness_reports.costs import costs, steps
from harness_reports.efficiency import areas, curves, worth
from harness_reports.findings import findings, instances, skipped
from harness_reports.operating import operating, prevalence
from harness_reports.paid import paid
from harness_reports.provenance import facts
from harness_reports.records import harmless, rows
from harness_reports.section import Section
from harness_reports.sections import conflicts, data, failures, teachers, unread
from harness_reports.seen import Seen

_LONGEST_MATRIX = 60_000


class Fractions(Section):
    name = "fractions"
    title = "What labels buy"
    link = "Label fractions"
    template = "sections/fractions.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"figures": [figures(panel) for panel in seen.panels]}


class Comparison(Section):
    name = "comparison"
    title = "Comparison of arms"
    link = "Comparison"
    template = "sections/comparison.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        parts = [
            {"panel": panel, "arms": comparison(panel, f"arms-{place}"), "more": more(panel, f"more-{place}")}
            for place, panel in enumerate(seen.panels, 1)
        ]
        return {"tested": parts, "cells": cells(seen.results, seen.arms)}


class Contrasts(Section):
    name = "contrasts"
    title = "Contrasts"
    template = "sections/contrasts.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"contrasts": contrasts(seen.contrasts, seen.arms)}


class Efficiency(Section):
    name = "efficiency"
    title = "Label efficiency"
    template = "sections/efficiency.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {
            "worth": worth(rows(seen.view.equivalences), seen.arms, seen.curve_names),
            "areas": areas(rows(seen.view.curve_contrasts), seen.curve_names),
            "curves": curves(rows(seen.view.curves)),
        }


class Operating(Section):
    name = "operating"
    title = "Operating points"
    template = "sections/operating.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {
            "operating": operating(rows(seen.view.operating), seen.arms),
            "prevalence": prevalence(rows(seen.view.prevalence), seen.arms),
        }


class Conflicts(Section):
    name = "conflicts"
    title = "Conflicts among teachers"
    link = "Conflicts"
    template = "sections/conflicts.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"conflicts": conflicts(seen.conflicts), "teachers": teachers(rows(seen.view.teachers))}


@dataclass(frozen=True)
class Data(Section):
    """Its fields bound how many items are shown of what was found in each benchmark, and whether with pictures."""

    examples: int = 6
    pictures: bool = True

    name = "data"
    title = "Data"
    template = "sections/data.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        view = seen.view
        return {
            "data": data(seen.benchmarks),
            "findings": findings(rows(view.findings)),
            "instances": instances(rows(view.examples), view.details, self.examples, self.pictures),
            "skipped": skipped(rows(view.skipped)),
        }


class Gaps(Section):
    name = "gaps"
    title = "Failures and gaps"
    link = "Gaps"
    template = "sections/gaps.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"failures": failures(rows(seen.view.failures)), "unread": unread(seen.results, seen.arms)}


class Costs(Section):
    name = "costs"
    title = "Costs"
    template = "sections/costs.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {
            "costs": costs(seen.steps),
            "paid": paid(rows(seen.view.teachers)),
            "steps": steps(seen.steps),
        }


class Provenance(Section):
    name = "provenance"
    title = "Provenance"
    template = "sections/provenance.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {
            "provenance": facts(seen.view.provenance),
            "matrix": harmless(seen.view.matrix_text, _LONGEST_MATRIX, lines=True),
            "command": f"harness report {shlex.quote(harmless(seen.view.title, 80) + '.yaml')}",
        }


class Glossary(Section):
    name = "glossary"
    title = "Glossary"
    template = "sections/glossary.j2"

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {}
