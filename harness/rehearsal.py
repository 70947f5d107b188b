"""The rules of a matrix on its validation split: what each would buy there. Nothing is trained and no label bought."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness import planning, purchases
from harness.components import ConflictRule
from harness.errors import HarnessError
from harness.handed import Panel
from harness.identity import seed_from
from harness.plan import Plan, budget_of
from harness.purchases import MEASURES, Ground
from harness.recipe import Need
from harness.steps import rows
from harness.steps.pool import bought_ids
from harness.steps.rank import order_of
from harness.store import Store
from harness.types import Ranked, Split


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule that cannot be compared."""

    reason: str


def split_of(plan: Plan, benchmark: str) -> Split:
    """Rules rank the validation items; where there are none, the training items, of which no label is read."""
    return "validation" if "validation" in plan.facts[benchmark].splits else "train"


def asking(plan: Plan) -> Plan:
    """The annotate steps that a comparison reads, as a plan of its own; raises `HarnessError` where there is none."""
    matrix = plan.matrix
    for section in ("teachers", "rules", "label_fractions"):
        if not getattr(matrix, section):
            raise HarnessError(f"has no {section}, and there is nothing to compare", place=matrix.file)
    members = {teacher for found in matrix.teacher_sets.values() for teacher in found}
    wanted = [
        (teacher, benchmark, split_of(plan, benchmark))
        for benchmark in matrix.benchmarks
        for teacher in sorted(members)
    ]
    return planning.annotating(plan, wanted)


def rehearse(plan: Plan, asked: Plan, store: Store) -> Iterator[dict[str, Any]]:
    """One row for each benchmark, teacher set, rule and budget; ``asked`` is what `asking` gave, and is stored."""
    for benchmark in plan.matrix.benchmarks:
        for ground in _grounds(plan, asked, store, benchmark):
            yield from _compared(ground, plan)


def _grounds(plan: Plan, asked: Plan, store: Store, benchmark: str) -> Iterator[Ground]:
    """One for each teacher set, of the same items."""
    split, found = split_of(plan, benchmark), plan.matrix.benchmarks[benchmark]
    items = {item.id: item for item in found.items(split)}
    labels = found.labels(split) if split == "validation" else {}
    lacking = "" if labels else "the validation split has no label"
    if split == "train":
        lacking = "there is no validation split, and no label of another one is read"
    for teachers, members in plan.matrix.teacher_sets.items():
        said = {
            teacher: rows.read_annotations(store, asked.annotations[teacher, benchmark, split]) for teacher in members
        }
        yield Ground(benchmark, teachers, split, Panel(items, said), labels, lacking)


def _compared(ground: Ground, plan: Plan) -> Iterator[dict[str, Any]]:
    matrix, items = plan.matrix, len(ground.panel.items)
    alpha = purchases.plain(ground.agreement())
    orders = {label: _orders(rule, ground.panel, matrix.seeds) for label, rule in matrix.rules.items()}
    for fraction in matrix.label_fractions:
        budget = budget_of(fraction, items)
        bought = {
            label: [bought_ids(order, budget) for order in found]
            for label, found in orders.items()
            if not isinstance(found, LeftOut)
        }
        shared = purchases.overlaps(bought)
        for label, found in orders.items():
            common = {
                "benchmark": ground.benchmark,
                "teachers": ground.teachers,
                "rule": label,
                "label_fraction": fraction,
                "split": ground.split,
                "items": items,
                "labelled": len(ground.labels),
                "budget": budget,
                "seeds": len(matrix.seeds),
                **alpha,
            }
            yield common | _measures(ground, found, budget) | {"overlap": shared.get(label, {})}


def _measures(ground: Ground, found: Sequence[Sequence[Ranked]] | LeftOut, budget: int) -> dict[str, Any]:
    if isinstance(found, LeftOut):
        empty = {name: None for measure in MEASURES for name in (measure, f"{measure}_sd")}
        return {"left_out": found.reason, "without_labels": ground.lacking, **empty, "by_teacher": {}}
    seen = purchases.averaged([purchases.measured(ground, order, budget) for order in found])
    # Which items are conflicts hangs on the seed in few rules; the first one stands for all.
    right = purchases.by_teacher(ground, found[0])
    return {"left_out": "", "without_labels": ground.lacking, **seen, "by_teacher": right}


def _orders(rule: ConflictRule, panel: Panel, seeds: Sequence[int]) -> Sequence[Sequence[Ranked]] | LeftOut:
    """The orders in which a rule would buy, checked as in a run."""
    if Need.STAGE1_PREDICTIONS in rule.needs():
        return LeftOut("needs training: it reads what the stage-1 student predicts")
    if Need.VALIDATION in rule.needs():
        return LeftOut("is fitted on the validation split itself, so that its order there says too much")
    if len(panel.teachers) < (least := rule.fewest_teachers()):
        return LeftOut(f"needs {least} teachers")
    seen = panel if Need.ANNOTATIONS in rule.needs() else Panel(panel.items, {})
    try:
        return [order_of(rule, seen, seed_from("rank", seed)) for seed in seeds]
    except HarnessError as error:
        return LeftOut(f"{error.place}: {error.cause}" if error.place else error.cause)
    # A stranger's rule may fail in any way; the others are compared all the same.
    except Exception as error:
        return LeftOut(f"rank() raised {type(error).__name__}: {error}")
