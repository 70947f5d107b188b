"""One matrix run in a store of its own, in this process, with nothing kept from the run before."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import planning
from harness.plan import Cell, Plan, Step
from harness.plugins import Registry
from harness.reading import parse
from harness.run import run
from harness.steps import Report, bench, rows
from harness.store import Store

MATRIX = """\
benchmarks:
  world: {{uses: newsworld, seed: 6, train: {train}, validation: 0, test: {test}}}
teachers:
  entities: {{uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}}
  titles: {{uses: evidence-overlap, sources: [captions], checks: all, threshold: 0.6}}
students:
  student:
    uses: vlm
    model: {model}
    dtype: {dtype}
    max_new_tokens: 32
    predict_batch_size: 24
    threads: 2
    lora_targets: '.*(language_model|text_model).*\\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)'
    sft: {{lr: 1.0e-3, epochs: 2, batch_size: {batch}}}
    dpo: {{lr: 5.0e-4, epochs: 3, batch_size: {batch}}}
    engine: {engine}
rules: {{disagreement: hard-disagreement}}
strategies: {strategies}
label_fractions: {fractions}
seeds: {seeds}
executor: inline
reports: {{}}
"""


class Silent:
    """Watches a run and says only what failed."""

    def begin(self, total: int, reused: int) -> None: ...
    def started(self, step: Step) -> None: ...

    def ended(self, step: Step, report: Report) -> None:
        if report.state != "done":
            raise RuntimeError(f"{step.what}: {report.reason}\n{report.log}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run took, and what came of it."""

    seconds: float
    stages: Mapping[str, float]
    """Seconds by stage of training and by other kinds of step, the sum over steps."""
    losses: Mapping[str, tuple[float, ...]]
    """The logged losses of each training step, by its key."""
    answers: Mapping[str, tuple[tuple[str, str | None, float | None], ...]]
    """Text, verdict and p_falsified of every prediction, by the key of the step."""
    measured: tuple[Sequence[Mapping[str, Any]], ...]
    """What clock and memory said of each training."""


def plan_of(dtype: str = "float32", **settings: object) -> Plan:
    """The plan of a matrix; ``settings`` fill in `MATRIX`."""
    given = {key: _yaml(value) for key, value in settings.items()}
    return planning.make(parse(MATRIX.format_map({"dtype": dtype, **given}), _registry()))


def _yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _registry() -> Registry:
    return Registry.installed()


def only(plan: Plan, cell: Cell) -> Plan:
    """The plan of one cell, with nothing that another cell needs."""
    needed = plan.steps_of(cell)
    return replace(plan, cells=[cell], steps={key: step for key, step in plan.steps.items() if key in needed})


@contextmanager
def fresh():  # noqa: ANN201
    """A store that is gone afterwards, and a process that has nothing loaded."""
    bench.forget_warm()
    with tempfile.TemporaryDirectory(prefix="harness-engine-") as folder:
        yield Store(Path(folder))
    bench.forget_warm()


def perform(plan: Plan, store: Store) -> Outcome:
    """Run all of the plan that the store lacks."""
    start = time.perf_counter()
    run(plan, store, plan.matrix.executor, _registry(), {}, Silent())
    return _outcome(plan, store, time.perf_counter() - start)


def _outcome(plan: Plan, store: Store, seconds: float) -> Outcome:
    first = {key for cell in plan.cells if cell.stage1 for key in plan.needed(cell.stage1)}
    stages: Counter[str] = Counter()
    losses, answers, measured = {}, {}, []
    for key, step in plan.steps.items():
        manifest = store.manifest(step.kind, key)
        stage = {"train": "stage 1" if key in first else "stage 2"}.get(step.kind, step.kind)
        stages[stage] += manifest["provenance"]["seconds"]
        if step.kind == "train":
            lines = (store.folder("train", key) / bench.LOG).read_text().splitlines()
            losses[key] = tuple(line["loss"] for line in map(json.loads, lines) if "loss" in line)
            measured.append(manifest["provenance"].get("measured", []))
        elif step.kind == "predict":
            found = rows.read_predictions(store, key).values()
            answers[key] = tuple((said.text, said.verdict, said.p_falsified) for said in found)
    return Outcome(seconds, stages, losses, answers, tuple(measured))


def largest_difference(one: Outcome, other: Outcome) -> float:
    """The largest difference between losses of the same step of one training; of their size where that is above 1."""
    return max(
        abs(first - second) / max(1.0, abs(second))
        for key in one.losses.keys() & other.losses.keys()
        for first, second in zip(one.losses[key], other.losses[key], strict=True)
    )


def share_of_equal_answers(one: Outcome, other: Outcome) -> float:
    """Share of predictions whose words are the same in both."""
    pairs = [
        (first[0], second[0])
        for key in one.answers.keys() & other.answers.keys()
        for first, second in zip(one.answers[key], other.answers[key], strict=True)
    ]
    return sum(first == second for first, second in pairs) / len(pairs)
