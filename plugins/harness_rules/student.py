"""Conflict with the student that stage 1 has made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import Field

from harness.api import ConflictRule, Need, Panel, Prediction, hookimpl
from harness_rules.information import Vector, divergence, entropy, within
from harness_rules.opinions import opinions
from harness_rules.ordering import Graded, Scored, Scores


class StudentTeacher(Scored):
    """The student of stage 1 says something else than the teachers it has learnt from.

    By votes, s is the share of the teachers that answered whose verdict is not the student's, in [0, 1]. By
    divergence, s = KL(p̄‖π) in bits, from the teachers' mean probability p̄ to the student's π. What a student has not
    learnt from its teachers after a training on them is hard or wrong: the idea is that of co-training (Blum and
    Mitchell 1998, "Combining Labeled and Unlabeled Data with Co-Training"). Where the student has no answer, or no
    teacher has one, nothing can be said. Reads no label.
    """

    name = "student-teacher"
    min_teachers = 1

    by: Literal["votes", "divergence"] = "votes"
    """What is compared: verdicts, or probabilities; a student that gives none has that of its verdict, 0 or 1."""
    threshold: float | None = Field(default=None, ge=0)
    """Score above which an item is a conflict; by default 1/2 by votes, so that the student contradicts the majority,
    and 0 by divergence."""
    clip: float = Field(default=0.01, gt=0, lt=0.5)
    """By divergence alone: the student counts as at least this unsure, so that s is finite, at most −log₂ clip."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS, Need.STAGE1_PREDICTIONS})

    def limit(self) -> float:
        if self.threshold is not None:
            return self.threshold
        return 0.5 if self.by == "votes" else 0.0

    def scores(self, panel: Panel) -> Scores:
        said, student = opinions(panel), _probabilities(panel)
        if self.by == "divergence":
            values = divergence(said.consensus(), within(student, self.clip))
        else:
            share = said.share_falsified()
            values = np.where(_says_falsified(panel), 1 - share, share)
        return Scores(np.where(np.isnan(student), np.nan, values), said.gaps | np.isnan(student))


class StudentUncertainty(Graded):
    """How unsure the student of stage 1 is: the entropy of its probability, in [0, 1] bits.

    s = H(π). Two verdicts have one margin, so least confidence and margin order alike. Lewis and Gale 1994, "A
    Sequential Algorithm for Training Text Classifiers" (SIGIR). It asks no teacher; a student that gives no probability
    is never unsure. Reads no label.
    """

    name = "student-uncertainty"
    min_teachers = 0

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.STAGE1_PREDICTIONS})

    def scores(self, panel: Panel) -> Scores:
        student = _probabilities(panel)
        return Scores(entropy(student), np.isnan(student))


def _probabilities(panel: Panel) -> Vector:
    """π: (N,), of falsified; NaN where the student has no answer."""
    return np.array([_probability(panel.predictions[item]) for item in panel.items], dtype=np.float64)


def _probability(said: Prediction) -> float:
    if said.outcome != "ok":
        return np.nan
    return float(said.verdict == "falsified") if said.p_falsified is None else said.p_falsified


def _says_falsified(panel: Panel) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([panel.predictions[item].verdict == "falsified" for item in panel.items], dtype=bool)


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [StudentTeacher, StudentUncertainty]
