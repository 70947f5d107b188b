"""Conflict within one teacher: its samples do not agree with each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.api import Annotation, ConflictRule, DataError, Panel, hookimpl
from harness_rules.information import entropy
from harness_rules.opinions import mean
from harness_rules.ordering import Graded, Scores


class SelfInconsistency(Graded):
    """How evenly the samples of one teacher are split: the entropy of their votes, in [0, 1] bits.

    s = H(share of the samples that voted falsified), which the teacher `self-consistency` gives as its probability;
    of several teachers, the mean. Samples as votes: Wang et al. 2022, arXiv 2203.11171. A teacher that gives no
    probability has no votes to tell, which counts as no answer. Reads no label.
    """

    name = "self-inconsistency"
    min_teachers = 1

    teacher: str = ""
    """Label of the teacher whose samples count; by default all teachers of the set do."""

    def teachers(self) -> frozenset[str] | None:
        """The one, or all."""
        return frozenset({self.teacher}) if self.teacher else None

    def scores(self, panel: Panel) -> Scores:
        if self.teacher and self.teacher not in panel.teachers:
            raise DataError(
                f"reads the samples of the teacher {self.teacher!r}, which is not in the teacher set",
                place=f"rule {self.name}",
                remedy=f"The set has {', '.join(panel.teachers)}.",
            )
        read = [self.teacher] if self.teacher else list(panel.teachers)
        shares = np.array([[_share(panel.by(teacher, item)) for teacher in read] for item in panel.items])
        shares = shares.reshape(len(panel.items), len(read))
        return Scores(mean(np.sort(entropy(shares), axis=1)), np.isnan(shares).any(axis=1))


def _share(said: Annotation) -> float:
    """Share of the votes for falsified; NaN where there are none."""
    return said.p_falsified if said.outcome == "ok" and said.p_falsified is not None else np.nan


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [SelfInconsistency]
