"""What a report sees of a run: tables and texts, read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

AXES = ("benchmark", "teachers", "student", "rule", "strategy", "label_fraction")
"""What an arm is; empty text (NaN for the fraction) where the arm does not use the axis."""

METRICS = ("accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc", "brier", "ece")
"""All in [0, 1]. The two accuracies by class are recalls. An answer that is not ``ok`` counts as wrong."""

RESULT_COLUMNS = (
    "cell",
    "arm",
    "role",
    *AXES,
    "seed",
    "evaluated_on",
    "split",
    "state",
    "reason",
    "labels_bought",
    "saturated",
    "n",
    *METRICS,
    "accuracy_parsed",
    "unparsable",
    "refused",
    "errors",
    "share_falsified",
)
"""``role`` is student, teacher or majority; ``state`` is done, failed, blocked, waiting or pending."""

ARM_COLUMNS = (
    "arm",
    "role",
    *AXES,
    "evaluated_on",
    "seeds",
    "seeds_planned",
    "labels_bought",
    "saturated",
    "n",
    "groups",
    *(name for metric in METRICS for name in (metric, f"{metric}_low", f"{metric}_high")),
    "accuracy_parsed",
    "unparsable",
    "refused",
    "errors",
    "share_falsified",
    "training_seconds",
    "prediction_seconds",
    "teacher_calls",
    "teacher_usd",
    "warnings",
)
"""Counts (``unparsable``, ``refused``, ``errors``) are summed over seeds; ``n`` is items per seed; ``warnings``
is text for people, empty where there is nothing to warn of. ``training_seconds`` is the mean per seed of the steps
that lead to the arm's model, shared ones counted whole."""

CONTRAST_COLUMNS = (
    "question",
    "arm",
    "against",
    "evaluated_on",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "verdict",
    "seeds",
    "items",
    "groups",
    "detectable",
)
"""``difference`` is in accuracy, ``arm`` minus ``against``, with its 95 % interval; ``verdict`` is better, worse or
inconclusive at 5 % after Holm within ``question``; ``detectable`` is the smallest difference that this many seeds and
items would show with 80 % power. ``question`` is one of: above the floor, stage 2 adds, against labels alone,
against random conflicts."""

STEP_COLUMNS = ("key", "kind", "what", "seconds", "calls", "usd", "cells", "finished")
TEACHER_COLUMNS = (
    "teacher",
    "benchmark",
    "split",
    "items",
    "ok",
    "refused",
    "unparsable",
    "errors",
    "accuracy",
    "accuracy_falsified",
    "accuracy_pristine",
    "share_falsified",
    "calls",
    "usd",
    "seconds",
)
CONFLICT_COLUMNS = (
    "rule",
    "teachers",
    "benchmark",
    "seed",
    "items",
    "conflicts",
    "conflict_rate",
    "falsified_share",
    "agreement_accuracy",
    "majority_accuracy",
    "best_teacher_on_conflicts",
)
"""Diagnosis with all of the training labels that the data set has; nothing that trains sees it. ``falsified_share`` is
among the conflicts; ``agreement_accuracy`` is how often the teachers are right where they do not conflict."""

BENCHMARK_COLUMNS = ("benchmark", "split", "items", "pristine", "falsified", "unlabelled", "groups", "notes")
FAILURE_COLUMNS = ("step", "what", "state", "reason", "cells")


@dataclass(frozen=True, slots=True)
class RunView:
    """One matrix and all that is stored of it, maybe in the middle of a run.

    Accuracies, recalls and shares are in [0, 1], unknown numbers are NaN, times are in seconds.
    """

    title: str
    matrix_text: str
    """The matrix file as its author wrote it."""
    results: DataFrame
    """A row per cell and evaluation benchmark; see `harness.results.RESULT_COLUMNS`."""
    arms: DataFrame
    """A row per arm and evaluation benchmark: means over seeds with 95 % intervals; `ARM_COLUMNS`."""
    contrasts: DataFrame
    """A row per pair of arms that answers a question of the report; `CONTRAST_COLUMNS`."""
    steps: DataFrame
    """A row per step that is stored: what it was and what it cost; `STEP_COLUMNS`."""
    teachers: DataFrame
    """A row per teacher, benchmark and split; `TEACHER_COLUMNS`."""
    conflicts: DataFrame
    """A row per rule, teacher set and benchmark; `CONFLICT_COLUMNS`."""
    benchmarks: DataFrame
    """A row per benchmark and split: items, classes, groups, and the benchmark's own notes; `BENCHMARK_COLUMNS`."""
    failures: DataFrame
    """A row per step that failed or waits, with its reason and the cells that lack it; `FAILURE_COLUMNS`."""
    provenance: Mapping[str, Any]
    """Versions, device, plugins and code state of every stored step, grouped where they are equal."""
