"""Components of the kit's own, small and real, so that reports and executors are tried on a whole run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor as Workers
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.components import Benchmark, ConflictRule, Executor, Report, Strategy, Student, Teacher
from harness.handed import Panel, Pool, Workbench
from harness.hookspec import hookimpl
from harness.identity import seed_from
from harness.recipe import Accepts, Need, Objective, Recipe
from harness.testing import material
from harness.types import Annotation, Example, Item, Prediction, Ranked, Split, Target, Verdict, opposite, verdict_of
from harness.view import RunView


class News(Benchmark):
    """The kit's items as a data set."""

    name = "news"
    revision = 1

    def items(self, split: Split) -> Sequence[Item]:
        return material.items({"train": 40, "test": 30}.get(split, 0), seed=len(split))

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        return material.truth(self.items(split))

    def gives(self) -> frozenset[str]:
        return frozenset({"image", "evidence"})


class Reader(Teacher):
    """Says whether the pages name the caption's place; a hasty one looks at every other page only."""

    name = "reader"
    revision = 1
    strict: bool = True

    def annotate(self, items: Sequence[Item]) -> Iterable[Annotation]:
        truth = material.truth(items)
        for item in items:
            wrong = not self.strict and seed_from("hasty", item.caption) % 3 == 0
            verdict = opposite(truth[item.id]) if wrong else truth[item.id]
            p_falsified = 0.9 if verdict == "falsified" else 0.1
            yield Annotation(item.id, "ok", verdict, p_falsified, f"The pages say: {', '.join(item.evidence.captions)}")

    def reads(self) -> frozenset[str]:
        return frozenset({"evidence"})


class Counter(Student):
    """Counts, by whether the pages name the caption's place, how often the answer was falsified."""

    name = "counter"
    revision = 1

    def reads(self) -> frozenset[str]:
        return frozenset({"evidence"})

    def accepts(self) -> frozenset[Accepts]:
        return frozenset({Accepts.TARGETS})

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        counts = _counts(start)
        truth = material.truth(items.values())
        for example in examples:
            assert isinstance(example, Target)
            counts[truth[example.item_id]][example.verdict == "falsified"] += 1
        (bench.out / "counts.json").write_text(json.dumps(counts))
        bench.log(examples=len(examples), loss=1 / (1 + len(examples)))

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterable[Prediction]:
        counts = _counts(model)
        truth = material.truth(items)
        for item in items:
            pristine, falsified = counts[truth[item.id]]
            p_falsified = falsified / (pristine + falsified)
            yield Prediction(item.id, "ok", verdict_of(p_falsified), p_falsified, item.caption)


def _counts(folder: Path | None) -> dict[str, list[int]]:
    if folder is None:
        return {"pristine": [1, 1], "falsified": [1, 1]}
    found: dict[str, list[int]] = json.loads((folder / "counts.json").read_text())
    return found


class Differ(ConflictRule):
    """Conflict where verdicts differ."""

    name = "differ"
    revision = 1

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        rows = [Ranked(item_id, float(panel.disagree(item_id)), panel.disagree(item_id)) for item_id in panel.items]
        return sorted(rows, key=lambda row: (not row.conflict, seed_from(seed, row.item_id)))


class LearnTeachers(Recipe):
    """Every teacher's verdict."""

    revision = 1

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        return [Target(item_id, verdict) for item_id in pool.items for verdict in pool.panel.verdicts(item_id)]


class LearnLabels(Recipe):
    """The bought labels."""

    revision = 1

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.LABELS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        return [Target(item_id, verdict) for item_id, verdict in pool.labels.items()]


class TwoStage(Strategy):
    """Teachers, then labels."""

    name = "two-stage"
    revision = 1

    def stage1(self) -> Sequence[Recipe]:
        return (LearnTeachers(),)

    def stage2(self) -> Sequence[Recipe]:
        return (LearnLabels(),)


class Untrained(Strategy):
    """Nothing."""

    name = "untrained"
    revision = 1

    def stage1(self) -> Sequence[Recipe]:
        return ()

    def stage2(self) -> Sequence[Recipe]:
        return ()


class _Here(Workers):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - the base's own signature
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Here(Executor):
    """One step after the other in this process."""

    name = "here"

    @contextmanager
    def open(self) -> Iterator[Workers]:
        yield _Here()


class Nothing(Report):
    """Writes nothing."""

    name = "nothing"

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        return []


@hookimpl
def harness_benchmarks() -> Iterable[type[Benchmark]]:
    return [News]


@hookimpl
def harness_teachers() -> Iterable[type[Teacher]]:
    return [Reader]


@hookimpl
def harness_students() -> Iterable[type[Student]]:
    return [Counter]


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [Differ]


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [TwoStage, Untrained]


@hookimpl
def harness_executors() -> Iterable[type[Executor]]:
    return [Here]


@hookimpl
def harness_reports() -> Iterable[type[Report]]:
    return [Nothing]
