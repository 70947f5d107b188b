"""Which stored steps a run's results were read from: ``run.json`` beside its tables, for comparing runs later.

A matrix alone finds only what today's code would make of it; the record finds what was made when it ran.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import planning, reading, sealed
from harness.cells import Point
from harness.errors import HarnessError
from harness.plan import Ablated, Cell, Plan, Step
from harness.plugins import Registry
from harness.store import Store

FILE = "run.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One of the runs that are compared: cells over steps, and where these are stored."""

    name: str
    plan: Plan
    store: Store


def facts_of(plan: Plan) -> dict[str, Any]:
    """The record of a plan as JSON."""
    return {
        "schema": SCHEMA_VERSION,
        "title": plan.matrix.title,
        "matrix": plan.matrix.text,
        "oracles": {label: list(found.oracles) for label, found in plan.facts.items() if found.oracles},
        "cells": [asdict(cell) for cell in plan.cells],
        "ablation": [asdict(arm) for arm in plan.ablation],
        "steps": {
            key: {"kind": step.kind, "what": step.what, "inputs": dict(step.inputs)} for key, step in plan.steps.items()
        },
    }


def written(plan: Plan) -> str:
    """The record of a plan as text."""
    return json.dumps(facts_of(plan), separators=(",", ":"), ensure_ascii=False) + "\n"


def find(path: Path, store: Store, registry: Registry) -> Run:
    """A run by its matrix, its folder of tables, its record or its report; raises `HarnessError`."""
    name = str(path)
    if path.is_dir():
        path = _in_folder(path)
    if path.suffix == ".html":
        title, text = sealed.opened(path).matrix()
        return Run(name, planning.make(reading.parse(text, registry, f"{title}.yaml")), store)
    if path.suffix == ".json":
        return Run(name, _recorded(path, registry), store)
    return Run(name, planning.make(reading.load(path, registry)), store)


def _in_folder(folder: Path) -> Path:
    if (folder / FILE).is_file():
        return folder / FILE
    raise HarnessError(
        f"holds no {FILE}, so it does not say which stored steps its tables were made from",
        place=str(folder),
        remedy="`harness run` and `harness report` write one beside the tables, unless these are redacted.",
    )


def _recorded(file: Path, registry: Registry) -> Plan:
    """The plan of that time; its components are unknown, what they were is in the manifests of its steps."""
    try:
        facts = json.loads(file.read_bytes())
        if facts["schema"] != SCHEMA_VERSION:
            raise ValueError(f"schema {facts['schema']}")
        title, text = str(facts["title"]), str(facts["matrix"])
        cells, ablation, steps = laid_out(facts)
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", place=str(file)) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HarnessError(f"is no record of a run that can be read: {error!r}", place=str(file)) from None
    if unknown := lacking(cells, steps):
        raise HarnessError(f"lacks step {unknown!r} that its cells name", place=str(file))
    return Plan(reading.parse(text, registry, f"{title}.yaml"), {}, cells, steps, ablation=ablation)


def laid_out(facts: Mapping[str, Any]) -> tuple[list[Cell], list[Ablated], dict[str, Step]]:
    """Cells, the arms of the ablation, and steps of a record; raises what a strange object raises."""
    cells = [_cell(cell) for cell in facts["cells"]]
    # Records of runs from before there were ablations have none.
    ablation = [Ablated(**arm) for arm in facts.get("ablation", ())]
    return cells, ablation, {str(key): _step(key, step) for key, step in facts["steps"].items()}


def lacking(cells: Iterable[Cell], steps: Mapping[str, Step]) -> str:
    """What cells or steps read and is no step, the first in order; empty where all is there."""
    named = {key for cell in cells for key in cell.ends}
    named |= {key for step in steps.values() for key in step.inputs.values()}
    return min(named - steps.keys(), default="")


def _cell(facts: Mapping[str, Any]) -> Cell:
    answers = {label: tuple(keys) for label, keys in facts["answers"].items()}
    return Cell(**{**facts, "point": Point(**facts["point"]), "answers": answers})


def _step(key: str, facts: Mapping[str, Any]) -> Step:
    return Step(str(facts["kind"]), key, str(facts["what"]), {}, {}, dict(facts["inputs"]), {})
