"""What a report sees of a run: tables and texts, read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.details import Details, NoDetails

if TYPE_CHECKING:
    from pandas import DataFrame


def _nothing() -> DataFrame:
    from pandas import DataFrame

    return DataFrame()


@dataclass(frozen=True, slots=True)
class RunView:
    """One matrix and all that is stored of it, maybe in the middle of a run. It can be pickled.

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
    curves: DataFrame = field(default_factory=_nothing)
    """A row per arm over its label fractions; `CURVE_COLUMNS`."""
    curve_contrasts: DataFrame = field(default_factory=_nothing)
    """A row per pair of such curves; `CURVE_CONTRAST_COLUMNS`."""
    equivalences: DataFrame = field(default_factory=_nothing)
    """A row per arm and curve that it is measured in; `EQUIVALENCE_COLUMNS`."""
    operating: DataFrame = field(default_factory=_nothing)
    """A row per arm and number of reviews a day; `OPERATING_COLUMNS`."""
    prevalence: DataFrame = field(default_factory=_nothing)
    """A row per arm and prevalence; `PREVALENCE_COLUMNS`."""
    ablation: DataFrame = field(default_factory=_nothing)
    """A row per arm that the matrix's ``ablate:`` asks for; `ABLATION_COLUMNS`."""
    pairs: DataFrame = field(default_factory=_nothing)
    """A row per cell and training that has preferences; `PAIR_COLUMNS`."""
    voices: DataFrame = field(default_factory=_nothing)
    """A row per such training and teacher whose words are in its pairs; `VOICE_COLUMNS`."""
    findings: DataFrame = field(default_factory=_nothing)
    """A row per finding in the data, the gravest of a benchmark first; `harness.findings.FINDING_COLUMNS`."""
    examples: DataFrame = field(default_factory=_nothing)
    """A row per item that shows a finding; `harness.findings.EXAMPLE_COLUMNS`."""
    skipped: DataFrame = field(default_factory=_nothing)
    """A row per entry that became no item; `harness.findings.SKIPPED_COLUMNS`."""
    seal: Mapping[str, str] = field(default_factory=dict)
    """Digests of what the numbers were made from and by; see `harness.seal`. A report that shows all of them can be
    verified."""
    details: Details = field(default_factory=NoDetails, compare=False)
    """Items, answers and logs behind the tables; empty in a view that was made without them."""
