"""What the teachers say of every item, as arrays in which the teachers' order does not show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.api import Panel
from harness_rules.information import Vector


@dataclass(frozen=True, slots=True)
class Opinions:
    """Of N items and T teachers. A teacher without an answer (refused, unparsable, error) is NaN."""

    probabilities: Vector
    """(N, T), of falsified, ascending in each row, NaN last: sums do not hang on the teachers' labels."""
    verdicts: Vector
    """(N, T), 1 for falsified and 0 for pristine, ascending in each row, NaN last."""

    @property
    def gaps(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(N,), whether a teacher has no answer."""
        return np.asarray(np.isnan(self.probabilities).any(axis=1))

    def consensus(self) -> Vector:
        """p̄: (N,), the mean probability of those that answered; NaN where nobody did."""
        return mean(self.probabilities)

    def share_falsified(self) -> Vector:
        """(N,), share of the votes for falsified; NaN where nobody answered."""
        return mean(self.verdicts)


def opinions(panel: Panel) -> Opinions:
    """In the order of the panel's items. A teacher that gives no probability has that of its verdict, 0 or 1."""
    said = [panel.of(item) for item in panel.items]
    shape = (len(said), len(panel.teachers))
    answered = [[one.outcome == "ok" for one in row] for row in said]
    probabilities = [[one.probability for one in row] for row in said]
    verdicts = [[float(one.verdict == "falsified") for one in row] for row in said]
    known = np.array(answered, dtype=bool).reshape(shape)
    return Opinions(
        np.sort(np.where(known, np.array(probabilities, dtype=np.float64).reshape(shape), np.nan), axis=1),
        np.sort(np.where(known, np.array(verdicts, dtype=np.float64).reshape(shape), np.nan), axis=1),
    )


def mean(values: Vector) -> Vector:
    """(N,), of what is known in each row of (N, T); NaN where nothing is."""
    known = np.isfinite(values).sum(axis=1)
    sums = np.where(np.isfinite(values), values, 0.0).sum(axis=1)
    return np.where(known > 0, sums / np.maximum(known, 1), np.nan)
