"""How far apart the teachers' probabilities are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import Field

from harness.api import ConflictRule, Panel, hookimpl
from harness_rules.information import Vector, divergence, entropy, within
from harness_rules.opinions import mean, opinions
from harness_rules.ordering import Graded, Scores


class KlToConsensus(Graded):
    """How far the teachers are from their mean: the Kullback-Leibler divergence, in bits.

    s = 1/T Σ_t KL(p_t‖p̄), in [0, 1], where p̄ is the mean probability of the T teachers that answered; it is finite
    for probabilities of 0 and 1, as p̄ is 0 or 1 only where all are. By definition it equals `jensen-shannon`; what it
    has beyond are its options. McCallum and Nigam 1998, "Employing EM and Pool-Based Active Learning for Text
    Classification" (ICML). Reads no label.
    """

    name = "kl-to-consensus"

    over: Literal["mean", "max"] = "mean"
    """The mean over the teachers, or the teacher that is farthest from the consensus: at most log₂ T bits."""
    direction: Literal["to-consensus", "from-consensus"] = "to-consensus"
    """KL(p_t‖p̄), or KL(p̄‖p_t), which weighs a sure teacher that the others contradict."""
    clip: float = Field(default=0.01, gt=0, lt=0.5)
    """From the consensus alone: teachers count as at least this unsure, since a probability of 0 or 1 (and that of a
    teacher that gives none is one) would be infinitely far; s is then at most −log₂ clip."""

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        consensus = said.consensus()[:, None]
        if self.direction == "to-consensus":
            apart = divergence(said.probabilities, consensus)
        else:
            apart = divergence(consensus, within(said.probabilities, self.clip))
        # Sorted, so that a sum does not hang on the teachers' labels.
        apart = np.sort(np.where(np.isnan(said.probabilities), np.nan, apart), axis=1)
        return Scores(mean(apart) if self.over == "mean" else _largest(apart), said.gaps)


class JensenShannon(Graded):
    """How much of the doubt about an item is between the teachers, and not within them, in [0, 1] bits.

    s = H(p̄) − 1/T Σ_t H(p_t), the Jensen-Shannon divergence of the T teachers that answered (Lin 1991, "Divergence
    Measures Based on the Shannon Entropy"), known as BALD where they are draws of one model (Houlsby et al. 2011,
    arXiv 1112.5745). Teachers that are equally unsure score 0. Reads no label.
    """

    name = "jensen-shannon"

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        within_teachers = mean(np.sort(entropy(said.probabilities), axis=1))
        return Scores(np.maximum(entropy(said.consensus()) - within_teachers, 0.0), said.gaps)


class ProbabilityGap(Graded):
    """The distance between the two teachers that are farthest apart, in [0, 1].

    s = max_t p_t − min_t p_t over the teachers that answered. Reads no label.
    """

    name = "probability-gap"

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        return Scores(_largest(said.probabilities) + _largest(-said.probabilities), said.gaps)


def _largest(values: Vector) -> Vector:
    """(N,), of what is known in each row of (N, T); NaN where nothing is."""
    found = np.where(np.isnan(values), -np.inf, values).max(axis=1)
    return np.where(np.isneginf(found), np.nan, found)


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [KlToConsensus, JensenShannon, ProbabilityGap]
