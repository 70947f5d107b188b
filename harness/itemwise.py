"""Items, answers and logs of a run, read from its data and its store when a report asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from harness.details import MOST_LINES, LogLine
from harness.errors import StoreError
from harness.plan import Cell, Plan
from harness.scores import Scorer
from harness.steps import rows
from harness.steps.bench import LOG
from harness.store import Store
from harness.types import Annotation, Item, Prediction, Ranked, Split, Verdict


@dataclass(frozen=True, slots=True)
class Stored:
    """`harness.details.Details` of a plan and its store."""

    plan: Plan
    store: Store

    def items(self, benchmark: str, split: Split) -> Mapping[str, Item]:
        found = self.plan.matrix.every_benchmark.get(benchmark)
        return {item.id: item for item in found.items(split)} if found else {}

    def truth(self, benchmark: str) -> Mapping[str, Verdict]:
        found = self.plan.matrix.every_benchmark.get(benchmark)
        return dict(found.labels("test")) if found else {}

    def teachers(self, teacher_set: str) -> Sequence[str]:
        return tuple(self.plan.matrix.teacher_sets.get(teacher_set, ()))

    def annotations(self, benchmark: str, split: Split) -> Mapping[str, Mapping[str, Annotation]]:
        keys = {
            teacher: key
            for (teacher, label, part), key in self.plan.annotations.items()
            if (label, part) == (benchmark, split)
        }
        return {teacher: said for teacher, key in keys.items() if (said := self._annotations(key))}

    def _annotations(self, key: str) -> Mapping[str, Annotation]:
        try:
            return rows.read_annotations(self.store, key)
        except StoreError:
            return {}

    def ranking(self, rule: str, teachers: str, benchmark: str) -> Sequence[Ranked]:
        for (label, panel, trained_on, _), key in self.plan.ranks.items():
            if (label, panel, trained_on) == (rule, teachers, benchmark) and self.store.has("rank", key):
                try:
                    return rows.read_ranks(self.store, key)
                except StoreError:
                    continue
        return ()

    def predictions(self, cell: str, evaluated_on: str) -> Mapping[str, Prediction]:
        found = self._cell(cell)
        if found is None or evaluated_on not in found.answers:
            return {}
        try:
            return Scorer(self.plan, self.store).answers(found, evaluated_on)
        except StoreError:
            return {}

    def proved(self, cell: str, evaluated_on: str) -> Mapping[str, object]:
        found = self._cell(cell)
        if found is None or found.role != "student" or evaluated_on not in found.answers:
            return {}
        try:
            facts = self.store.manifest("predict", found.answers[evaluated_on][0]).get("proofs")
        except StoreError:
            return {}
        return facts if isinstance(facts, dict) else {}

    def trainings(self, cell: str) -> Sequence[str]:
        found = self._cell(cell)
        if found is None or found.model is None:
            return ()
        needed = self.plan.needed(found.model)
        return tuple(key for key, step in self.plan.steps.items() if step.kind == "train" and key in needed)

    def log(self, step: str) -> Sequence[LogLine]:
        try:
            with (self.store.folder("train", step) / LOG).open(encoding="utf-8") as lines:
                found = [json.loads(line) for line in islice(lines, MOST_LINES)]
        except (OSError, ValueError):
            return ()
        return [line for line in found if isinstance(line, dict)]

    def measured(self, step: str) -> Sequence[LogLine]:
        try:
            found = self.store.manifest("train", step)["provenance"].get("measured", ())
        except (StoreError, KeyError, AttributeError):
            return ()
        return [line for line in found[:MOST_LINES] if isinstance(line, dict)] if isinstance(found, list) else ()

    def _cell(self, name: str) -> Cell | None:
        return next((cell for cell in self.plan.cells if cell.point.cell == name), None)
