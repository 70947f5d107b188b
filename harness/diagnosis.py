"""What happened besides the scores: data, teachers, conflicts, costs, failures, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from harness.ablating import ablation_table
from harness.columns import BENCHMARK_COLUMNS, CONFLICT_COLUMNS, FAILURE_COLUMNS, STEP_COLUMNS, TEACHER_COLUMNS
from harness.contrasts import contrasts_table
from harness.efficiency import curve_contrasts_table, curves_of, curves_table, equivalences_table
from harness.inspected import examples_table, findings_table, found_in, skipped_table
from harness.itemwise import Stored
from harness.operating import operating_table, prevalence_table
from harness.pairs import pairs_table, voices_table
from harness.plan import Plan
from harness.results import arm_results, arms_table, cell_results, results_table
from harness.scores import Scorer, combine
from harness.seal import seal
from harness.stats import Floats
from harness.steps import rows
from harness.store import Store
from harness.types import Annotation, Split, Verdict
from harness.view import RunView

if TYPE_CHECKING:
    from pandas import DataFrame

OF_ONE_STEP = ("seconds", "finished", "measured", "together_with", "alone_after", "tried_after", "halvings", "accepted")
"""Keys of a manifest's provenance that tell of its step and not of its surroundings."""


def view(plan: Plan, store: Store, similarities: Mapping[tuple[str, str], Floats] | None = None) -> RunView:
    """All that a report sees, from what is stored now; ``similarities`` as in `Scorer`."""
    scorer = Scorer(plan, store, similarities or {})
    results = cell_results(scorer)
    arms = arm_results(results)
    own = [arm for arm in arms if arm.arm not in plan.apart]
    curves = curves_of(own)
    users, found = plan.users(), found_in(plan, store)
    contrasts = contrasts_table(scorer, arms)
    return RunView(
        title=plan.matrix.title,
        matrix_text=plan.matrix.text,
        results=results_table(results),
        arms=arms_table(scorer, arms),
        contrasts=contrasts,
        steps=steps_table(plan, store, users),
        teachers=_frame(TEACHER_COLUMNS, teacher_rows(plan, store)),
        conflicts=_frame(CONFLICT_COLUMNS, conflict_rows(plan, store)),
        benchmarks=_frame(BENCHMARK_COLUMNS, benchmark_rows(plan)),
        failures=_frame(FAILURE_COLUMNS, failure_rows(plan, store, users)),
        provenance=provenance(plan, store),
        curves=curves_table(scorer, curves),
        curve_contrasts=curve_contrasts_table(scorer, curves),
        equivalences=equivalences_table(scorer, own, curves),
        operating=operating_table(scorer, own),
        prevalence=prevalence_table(scorer, own),
        ablation=ablation_table(scorer, arms, contrasts),
        pairs=pairs_table(plan, store),
        voices=voices_table(plan, store),
        findings=findings_table(found),
        examples=examples_table(found),
        skipped=skipped_table(plan, store),
        seal=seal(plan, store),
        details=Stored(plan, store),
    )


def _frame(columns: Sequence[str], found: list[dict[str, Any]]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(found, columns=list(columns))


def steps_table(plan: Plan, store: Store, users: Mapping[str, int]) -> DataFrame:
    """`harness.columns.STEP_COLUMNS`: every stored step and what it cost when it ran."""
    found = []
    for key, step in plan.steps.items():
        if store.has(step.kind, key):
            manifest = store.manifest(step.kind, key)
            found.append(
                {
                    "key": key,
                    "kind": step.kind,
                    "what": step.what,
                    "seconds": manifest["provenance"]["seconds"],
                    "calls": manifest["facts"].get("calls", 0),
                    "usd": manifest["facts"].get("usd", 0.0),
                    "cells": users[key],
                    "finished": manifest["provenance"]["finished"],
                }
            )
    return _frame(STEP_COLUMNS, found)


def teacher_rows(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """One row per teacher, benchmark and split that is annotated."""
    found = []
    for (teacher, benchmark, split), key in plan.annotations.items():
        if store.has("annotate", key):
            manifest = store.manifest("annotate", key)
            said = rows.read_annotations(store, key)
            labels = plan.matrix.every_benchmark[benchmark].labels(split)
            found.append(
                {
                    "teacher": teacher,
                    "benchmark": benchmark,
                    "split": split,
                    **_outcomes(said),
                    **_accuracies(said, labels),
                    "seconds": manifest["provenance"]["seconds"],
                    **_paid(manifest["facts"]),
                }
            )
    return found


def _paid(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a step's answers cost; what an earlier version has not written down is not known."""
    sentinel = facts.get("sentinel", {})
    changed = f"{sentinel['changed']} of {sentinel['asked']} canaries have changed" if sentinel.get("beyond") else ""
    return {
        "calls": facts["calls"],
        "usd": facts["usd"],
        "asked": facts["asked"],
        "input_tokens": facts.get("input_tokens", nan),
        "output_tokens": facts.get("output_tokens", nan),
        "usd_per_1000": 1000 * facts["usd"] / facts["items"] if facts["items"] else nan,
        "warnings": changed,
    }


def _outcomes(said: Mapping[str, Annotation]) -> dict[str, int]:
    outcomes = [annotation.outcome for annotation in said.values()]
    return {
        "items": len(outcomes),
        "ok": outcomes.count("ok"),
        "refused": outcomes.count("refused"),
        "unparsable": outcomes.count("unparsable"),
        "errors": outcomes.count("error"),
    }


def _accuracies(said: Mapping[str, Annotation], labels: Mapping[str, Verdict]) -> dict[str, float]:
    """Over the items that have a label; no verdict counts as wrong."""

    def right(wanted: tuple[str, ...]) -> float:
        chosen = [item_id for item_id, label in labels.items() if label in wanted and item_id in said]
        return _share([said[item_id].verdict == labels[item_id] for item_id in chosen])

    verdicts = [annotation.verdict for annotation in said.values() if annotation.verdict]
    return {
        "accuracy": right(("pristine", "falsified")),
        "accuracy_falsified": right(("falsified",)),
        "accuracy_pristine": right(("pristine",)),
        "share_falsified": _share([verdict == "falsified" for verdict in verdicts]),
    }


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else nan


def conflict_rows(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """One row per rule, teacher set and benchmark: the first seed's. A rule that reads nothing knows no conflict."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    rules = plan.matrix.every_rule
    for (rule, teachers, benchmark, seed), key in plan.ranks.items():
        if (rule, teachers, benchmark) in found or not rules[rule].needs() or not store.has("rank", key):
            continue
        order = rows.read_ranks(store, key)
        labels = plan.matrix.every_benchmark[benchmark].labels("train")
        conflicts = [row.item_id for row in order if row.conflict]
        calm = [row.item_id for row in order if not row.conflict]
        found[rule, teachers, benchmark] = {
            "rule": rule,
            "teachers": teachers,
            "benchmark": benchmark,
            "seed": seed,
            "items": len(order),
            "conflicts": len(conflicts),
            "conflict_rate": len(conflicts) / len(order),
            "falsified_share": _share([labels[item_id] == "falsified" for item_id in conflicts if item_id in labels]),
            **_panel_accuracies(plan, store, teachers, benchmark, conflicts, calm, labels),
        }
    return list(found.values())


def _panel_accuracies(
    plan: Plan,
    store: Store,
    teachers: str,
    benchmark: str,
    conflicts: Sequence[str],
    calm: Sequence[str],
    labels: Mapping[str, Verdict],
) -> dict[str, float]:
    members = plan.matrix.teacher_sets.get(teachers, ())
    split: Split = "train"
    keys = [plan.annotations.get((member, benchmark, split), "") for member in members]
    if not members or not all(key and store.has("annotate", key) for key in keys):
        return {"agreement_accuracy": nan, "majority_accuracy": nan, "best_teacher_on_conflicts": nan}
    panel = [rows.read_annotations(store, key) for key in keys]
    majority = combine(panel, "majority")

    def right(said: Mapping[str, Any], ids: Sequence[str]) -> float:
        return _share([said[item_id].verdict == labels[item_id] for item_id in ids if item_id in labels])

    return {
        "agreement_accuracy": right(majority, calm),
        "majority_accuracy": right(majority, [*conflicts, *calm]),
        "best_teacher_on_conflicts": max(right(said, conflicts) for said in panel),
    }


def benchmark_rows(plan: Plan) -> list[dict[str, Any]]:
    """One row per benchmark and split, from what the plan found in the data."""
    return [
        {
            "benchmark": label,
            "split": split,
            "items": facts.items,
            "pristine": facts.classes.get("pristine", 0),
            "falsified": facts.classes.get("falsified", 0),
            "unlabelled": facts.unlabelled,
            "groups": facts.groups,
            "notes": "; ".join(f"{name}: {value}" for name, value in plan.facts[label].notes.items()),
            "oracles": " ".join(plan.facts[label].oracles),
        }
        for label in plan.facts
        for split, facts in plan.facts[label].splits.items()
    ]


def failure_rows(plan: Plan, store: Store, users: Mapping[str, int]) -> list[dict[str, Any]]:
    """Steps that failed or wait, and how many cells lack them."""
    found = []
    for key, step in plan.steps.items():
        failure = None if store.has(step.kind, key) else store.failure(key)
        if failure:
            found.append(
                {
                    "step": f"{step.kind}:{key[:12]}",
                    "what": step.what,
                    "state": failure["state"],
                    "reason": failure["reason"],
                    "cells": users[key],
                }
            )
    return found


def provenance(plan: Plan, store: Store) -> dict[str, Any]:
    """Surroundings of the stored steps: what all share, and, where they differ, how many steps had which."""
    seen: dict[str, int] = {}
    for key, step in plan.steps.items():
        if store.has(step.kind, key):
            facts = dict(store.manifest(step.kind, key)["provenance"])
            for own in OF_ONE_STEP:
                facts.pop(own, None)
            text = json.dumps(facts, sort_keys=True)
            seen[text] = seen.get(text, 0) + 1
    surroundings = [{"steps": count, **json.loads(text)} for text, count in sorted(seen.items())]
    return {"surroundings": surroundings}
