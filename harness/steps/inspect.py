"""Benchmark → findings: what is wrong with its data or gives its labels away."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar, cast

from harness.components import Benchmark, Teacher
from harness.errors import StoreError
from harness.findings import Example, Finding
from harness.guard.inspection import Looked, between, in_prompts, within
from harness.guard.sights import SHELF
from harness.identity import canonical
from harness.plan import Step
from harness.steps.bench import StepBench
from harness.store import Store
from harness.types import Skipped

T = TypeVar("T")

FINDINGS, SKIPPED = "findings.jsonl", "skipped.jsonl"


def inspect(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """Of a benchmark; of its training items beside the test items of ``other``; or of a teacher's prompts about it."""
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
    return _read(store, key, FINDINGS, _finding)


def read_skipped(store: Store, key: str) -> list[Skipped]:
    """The entries that the benchmark skipped, in its order."""
    return _read(store, key, SKIPPED, lambda row: Skipped(**row))


def _finding(row: dict[str, Any]) -> Finding:
    return Finding(**{**row, "examples": tuple(Example(**one) for one in row["examples"])})


def _read(store: Store, key: str, name: str, make: Callable[[dict[str, Any]], T]) -> list[T]:
    path = store.folder("inspect", key) / name
    try:
        with path.open(encoding="utf-8") as lines:
            return [make(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"cannot be read: {error}", place=str(path), remedy="Run the matrix again: it is made anew."
        ) from None
