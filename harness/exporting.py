"""A trained arm → a folder for others: the model, a card that says what it is, and what `harness predict` needs."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import __version__
from harness.card import Facts, card
from harness.errors import HarnessError
from harness.identity import identity, seed_from
from harness.plan import Cell, Plan
from harness.results import arm_results, arms_table, cell_results, results_table
from harness.scores import Scorer
from harness.steps.bench import LOG, StepBench
from harness.store import MANIFEST, Store
from harness.trained import RECORD, RECORD_SCHEMA, Trained, checksum_of, of_cell
from harness.types import Exported

CARD = "README.md"


def export(plan: Plan, store: Store, cell: Cell, out: Path, *, merged: bool) -> list[Path]:
    """The files of the folder ``out``, which is whole as soon as it is there; raises `HarnessError`."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HarnessError("is there and not empty", place=str(out), remedy="Name another folder by  -o .")
    trained = of_cell(plan, store, cell)
    if trained.model is None:
        raise HarnessError(f"{trained.name} is a base that nobody has trained: there is nothing to export")
    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    draft.mkdir(parents=True)
    try:
        _fill(draft, plan, store, cell, trained, merged)
        if out.exists():
            out.rmdir()
        os.rename(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _fill(draft: Path, plan: Plan, store: Store, cell: Cell, trained: Trained, merged: bool) -> None:
    assert trained.model is not None
    assert cell.model is not None
    bench = StepBench(store, trained.key, draft, seed_from("export"))
    exported = trained.student.export(trained.model, merged, bench)
    for name in (MANIFEST, LOG):
        (draft / name).unlink(missing_ok=True)
    student, elsewhere = portable(identity(trained.student))
    record = {
        "schema": RECORD_SCHEMA,
        "kind": "model",
        "harness": __version__,
        "arm": cell.point.arm,
        "seed": cell.point.seed,
        "step": cell.model,
        "ingredients": {"components": {"student": student}},
        "elsewhere": [] if exported.whole else elsewhere,
        "whole": exported.whole,
        "proofs": bench.proofs,
        "files": {
            path.relative_to(draft).as_posix(): checksum_of(path) for path in sorted(draft.rglob("*")) if path.is_file()
        },
    }
    (draft / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    text = card(_facts(plan, store, cell, exported, student, bench.proofs))
    (draft / CARD).write_text(text, encoding="utf-8")


def portable(student: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A student's identity without paths of this machine, and the options that held one."""
    options = dict(student["options"])
    elsewhere = [name for name, value in options.items() if isinstance(value, str) and _is_path(value)]
    options |= {name: Path(options[name]).name for name in elsewhere}
    return {**student, "options": options}, elsewhere


def _is_path(text: str) -> bool:
    return os.path.isabs(text) or ("/" in text and os.path.exists(text))


def _facts(
    plan: Plan, store: Store, cell: Cell, exported: Exported, student: Mapping[str, Any], proofs: Mapping[str, object]
) -> Facts:
    """What the card tells, numbers as the run's own tables have them."""
    arm = [other for other in plan.cells if other.point.arm == cell.point.arm]
    scorer = Scorer(replace(plan, cells=arm), store)
    results = cell_results(scorer)
    mine = results_table([result for result in results if result.cell is cell])
    assert cell.model is not None
    return Facts(
        point=cell.point,
        student=student,
        exported=exported,
        arms=arms_table(scorer, arm_results(results)).to_dict("records"),
        results=mine.to_dict("records"),
        benchmarks={
            label: (found, plan.facts[label])
            for label, found in plan.matrix.every_benchmark.items()
            if label == cell.point.benchmark or label in cell.answers
        },
        teachers=[
            (label, plan.matrix.teachers[label].name)
            for label in (plan.matrix.teacher_sets[cell.point.teachers] if cell.point.teachers else ())
        ],
        manifest=store.manifest("train", cell.model),
        proofs=proofs,
    )
