"""Stored answers against the truth: what each cell got right, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.cells import Role
from harness.components import Benchmark
from harness.plan import Cell, Plan
from harness.stats import Flags, Floats, Ints, Weights, metrics, rouge_l, weights
from harness.steps import rows
from harness.store import Store
from harness.types import Annotation, Prediction, verdict_of


@dataclass(frozen=True, slots=True)
class Truth:
    """The test split of a benchmark: ids, whether each is falsified (N,), its group (N,) from 0, and its reference.

    A reference is the rationale that the benchmark gives, empty where it gives none.
    """

    ids: tuple[str, ...]
    falsified: Ints
    groups: Ints
    references: tuple[str, ...]

    @property
    def referenced(self) -> Flags:
        """(N,) whether the item has a reference."""
        return np.array([bool(reference) for reference in self.references])


@dataclass(frozen=True, slots=True)
class Score:
    """One cell on one benchmark."""

    correct: Floats  # (N,) 1.0 or 0.0
    answered: NDArray[np.int8]  # (N,) 1 falsified, 0 pristine, -1 no verdict
    p: Floats  # (N,) probability of falsified, NaN where there is none
    metrics: Mapping[str, float]
    outcomes: Mapping[str, int]
    rouge: Floats  # (N,) ROUGE-L of the text, NaN where there is no reference; all NaN where no text was given

    @property
    def rouge_l(self) -> float:
        """Mean over the items with a reference; NaN where nothing can be compared."""
        known = self.rouge[~np.isnan(self.rouge)]
        return float(known.mean()) if len(known) else np.nan


@dataclass(slots=True)
class Scorer:
    """Reads answers from the store, each benchmark's truth once."""

    plan: Plan
    store: Store
    similarities: Mapping[tuple[str, str], Floats] = field(default_factory=dict)
    """ROUGE-L (N,) by cell and benchmark where texts or references are hidden, so that it cannot be computed."""
    _truths: dict[str, Truth] = field(default_factory=dict)
    _weights: dict[str, Weights] = field(default_factory=dict)

    def truth(self, benchmark: str) -> Truth:
        """Truth of the test split of the benchmark of that label."""
        if benchmark not in self._truths:
            self._truths[benchmark] = _truth(self.plan.matrix.every_benchmark[benchmark])
        return self._truths[benchmark]

    def weights(self, benchmark: str) -> Weights:
        """How often each group of the benchmark's items stands in each resample."""
        if benchmark not in self._weights:
            self._weights[benchmark] = weights(self.truth(benchmark).groups)
        return self._weights[benchmark]

    def ready(self, cell: Cell, benchmark: str) -> bool:
        """Whether every step that the cell's answers come from is stored."""
        keys = [*cell.answers[benchmark], *([cell.rank] if cell.rank else [])]
        return all(self.store.has(self.plan.steps[key].kind, key) for key in keys)

    def answers(self, cell: Cell, benchmark: str) -> dict[str, Prediction]:
        """The cell's predictions on the test split, by item id."""
        keys = cell.answers[benchmark]
        if cell.role == "student":
            return rows.read_predictions(self.store, keys[0])
        return combine([rows.read_annotations(self.store, key) for key in keys], cell.role)

    def score(self, cell: Cell, benchmark: str) -> Score:
        """The cell's answers against the truth."""
        truth = self.truth(benchmark)
        found = self.answers(cell, benchmark)
        given = [found[item_id] for item_id in truth.ids]
        words = {"falsified": 1, "pristine": 0, None: -1}
        answered = np.array([words[answer.verdict] for answer in given])
        p = np.array([np.nan if answer.p_falsified is None else answer.p_falsified for answer in given])
        return Score(
            (answered == truth.falsified).astype(float),
            answered.astype(np.int8),
            p,
            metrics(truth.falsified, answered, p),
            {
                outcome: sum(answer.outcome == outcome for answer in given)
                for outcome in ("unparsable", "refused", "error")
            },
            self._rouge(cell, benchmark, [answer.text for answer in given]),
        )

    def _rouge(self, cell: Cell, benchmark: str, texts: Sequence[str]) -> Floats:
        known = self.similarities.get((cell.point.cell, benchmark))
        return _rouge(texts, self.truth(benchmark).references) if known is None else known


def _rouge(texts: Sequence[str], references: Sequence[str]) -> Floats:
    """An item without a text counts as 0, unless none has any: then verdicts alone were asked for."""
    if not any(texts):
        return np.full(len(texts), np.nan)
    pairs = zip(texts, references, strict=True)
    return np.array([rouge_l(text, reference) if reference else np.nan for text, reference in pairs])


def _truth(benchmark: Benchmark) -> Truth:
    items, labels, references = benchmark.items("test"), benchmark.labels("test"), benchmark.references("test")
    _, groups = np.unique([item.cluster for item in items], return_inverse=True)
    return Truth(
        tuple(item.id for item in items),
        np.array([int(labels[item.id] == "falsified") for item in items]),
        groups,
        tuple(references.get(item.id, "") for item in items),
    )


def combine(panel: Sequence[Mapping[str, Annotation]], role: Role) -> dict[str, Prediction]:
    """A single teacher's annotations as predictions, or the majority's.

    The majority is of verdicts; as many on one side as on the other are settled by the mean probability of
    falsified, 0.5 being falsified. Its probability is that mean.
    """
    if role == "teacher":
        return {
            item_id: Prediction(item_id, said.outcome, said.verdict, said.p_falsified, said.rationale)
            for item_id, said in panel[0].items()
        }
    return {item_id: _majority(item_id, [said[item_id] for said in panel]) for item_id in panel[0]}


def _majority(item_id: str, said: Sequence[Annotation]) -> Prediction:
    given = [annotation for annotation in said if annotation.outcome == "ok"]
    if not given:
        return Prediction(item_id, said[0].outcome)
    falsified = sum(annotation.verdict == "falsified" for annotation in given)
    p = sum(annotation.probability for annotation in given) / len(given)
    if 2 * falsified == len(given):
        return Prediction(item_id, "ok", verdict_of(p), p)
    return Prediction(item_id, "ok", "falsified" if 2 * falsified > len(given) else "pristine", p)
