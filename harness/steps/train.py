"""Recipe, student, what the recipe declared → adapter."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from harness.components import Benchmark, Student
from harness.errors import TrainingError
from harness.plan import Step
from harness.recipe import Accepts, Job, Need, Recipe
from harness.steps import pairs, rows
from harness.steps.bench import StepBench
from harness.steps.pool import DeclaredPool, Ledger
from harness.steps.rank import panel_of
from harness.store import MANIFEST, Store
from harness.types import Example, Item, Preference, Target


def train(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """Buy labels, let the recipe make examples of them, and train the student."""
    job, facts = prepare(step, store, bench)
    if not learns_nothing(job, bench):
        student = cast(Student, step.components["student"])
        student.train(job.items, job.examples, job.objective, job.start, bench)
    return facts


def prepare(step: Step, store: Store, bench: StepBench) -> tuple[Job, Mapping[str, Any]]:
    """What the student is to be given, and what the manifest says of it."""
    recipe = cast(Recipe, step.components["recipe"])
    pool = _pool(step, store, recipe)
    examples = list(recipe.examples(pool))
    refuse_undeclared(examples, pool.items, recipe.asks())
    start = store.folder("train", step.inputs["start"]) if "start" in step.inputs else None
    facts = {
        "examples": _counts(examples),
        "labels_bought": len(pool.labels) if Need.LABELS in recipe.needs() else 0,
        "objective": recipe.objective.model_dump(mode="json"),
        "pairs": pairs.described(examples, pool.items),
    }
    return Job(pool.items, examples, recipe.objective, start, bench), facts


def _pool(step: Step, store: Store, recipe: Recipe) -> DeclaredPool:
    benchmark = cast(Benchmark, step.components["benchmark"])
    panel = panel_of(step, store, recipe.needs())
    rank = rows.read_ranks(store, step.inputs["rank"]) if "rank" in step.inputs else []
    ledger = Ledger({})
    if Need.LABELS in recipe.needs():
        ledger = Ledger.buy(rank, step.params["budget"], benchmark.labels("train"))
    return DeclaredPool(panel.items, step.params["seed"], recipe.needs(), panel=panel, rank=rank, labels=ledger)


def refuse_undeclared(examples: Sequence[Example], items: Mapping[str, Item], asked: frozenset[Accepts]) -> None:
    """What a recipe yields is what it announced, and about items that exist."""
    for example in examples:
        yields = _kinds(example)
        if not yields <= asked:
            surplus = ", ".join(sorted(yields - asked))
            raise TrainingError(
                f"the recipe yields {surplus} and does not announce them", remedy="Add them to what its asks() returns."
            )
        mentioned = {example.item_id}
        if isinstance(example, Preference):
            mentioned |= {example.chosen.item_id, *(answer.item_id for answer in example.rejected)}
            mentioned |= {example.image_of} if example.image_of else set()
        if strange := sorted(mentioned - items.keys()):
            raise TrainingError(f"the recipe made an example of {strange[0]!r}, which is no training item")


def _kinds(example: Example) -> set[Accepts]:
    if isinstance(example, Preference):
        kinds = {Accepts.PREFERENCES}
        if example.image_of is not None:
            kinds.add(Accepts.IMAGE_PREFERENCES)
        if len(example.rejected) != 1:
            kinds.add(Accepts.SEVERAL_REJECTED)
        answers: tuple[Target, ...] = (example.chosen, *example.rejected)
    else:
        kinds, answers = {Accepts.TARGETS}, (example,)
    if any(answer.verdict is None for answer in answers):
        kinds.add(Accepts.SOFT_TARGETS)
    if example.weight != 1.0:
        kinds.add(Accepts.WEIGHTS)
    if any(answer.task != "verdict" for answer in answers):
        kinds.add(Accepts.TASKS)
    return kinds


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    """How many targets and preferences there are, by the verdict that is to be learnt."""
    counts: Counter[str] = Counter()
    for example in examples:
        answer = example.chosen if isinstance(example, Preference) else example
        kind = "preferences" if isinstance(example, Preference) else "targets"
        counts[f"{kind}.{answer.verdict or 'soft'}"] += 1
    return dict(sorted(counts.items()))


def learns_nothing(job: Job, bench: StepBench) -> bool:
    """Whether there are no examples; then the model is left as it was."""
    if job.examples:
        return False
    if job.start is None:
        raise TrainingError(
            "the recipe made no example, and there is no earlier model to keep",
            remedy="Did every teacher fail? `harness report` counts their outcomes.",
        )
    shutil.copytree(job.start, bench.out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST, "log.jsonl"))
    bench.prove(unchanged=True)
    return True
