"""Benchmark → findings: what is wrong with its data or gives its labels away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from harness.components import Benchmark, Teacher
from harness.findings import Example, Finding
from harness.identity import canonical
from harness.plan import Step
from harness.steps import rows
from harness.steps.bench import StepBench
from harness.store import Store
from harness.types import Skipped

FINDINGS, SKIPPED = "findings.jsonl", "skipped.jsonl"


def inspect(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """Of a benchmark; of its training items beside the test items of ``other``; or of a teacher's prompts about it."""
    # It imports numpy, which a worker may not do before it is told its threads (`harness.nursery`).
    from harness.guard.inspection import Looked, between, in_prompts, within
    from harness.guard.sights import SHELF

    benchmark = cast(Benchmark, step.components["benchmark"])
    shelf = store.shelf(SHELF)
    skipped: Sequence[Skipped] = ()
    if "teacher" in step.components:
        found = in_prompts(cast(Teacher, step.components["teacher"]), benchmark)
    elif "other" in step.components:
        other = cast(Benchmark, step.components["other"])
        found = between(Looked.at(benchmark, shelf, splits=("train",)), Looked.at(other, shelf, splits=("test",)))
    else:
        found, skipped = within(Looked.at(benchmark, shelf)), benchmark.skipped()
    _write(bench, FINDINGS, found)
    _write(bench, SKIPPED, skipped)
    return {"findings": len(found), "skipped": len(skipped)}


def _write(bench: StepBench, name: str, values: Sequence[Finding | Skipped]) -> None:
    lines = (canonical(asdict(value)).encode() + b"\n" for value in values)
    with (bench.out / name).open("wb") as file:
        file.writelines(lines)


def read_findings(store: Store, key: str) -> list[Finding]:
    """What an inspect step found, the gravest first."""
    return rows.read(store, "inspect", key, FINDINGS, _finding)


def read_skipped(store: Store, key: str) -> list[Skipped]:
    """The entries that the benchmark skipped, in its order."""
    return rows.read(store, "inspect", key, SKIPPED, lambda row: Skipped(**row))


def _finding(row: dict[str, Any]) -> Finding:
    return Finding(**{**row, "examples": tuple(Example(**one) for one in row["examples"])})
