"""Conflict where the teachers' verdicts differ, and where they do not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.api import ConflictRule, Panel, hookimpl
from harness_rules.information import entropy
from harness_rules.opinions import opinions
from harness_rules.ordering import Graded, Scored, Scores


class HardDisagreement(Scored):
    """Two teachers gave different verdicts (the paper's rule): score 1, else 0.

    s = 1 if |{ŷ_t}| > 1 else 0; a conflict where it is 1. Gu et al. 2025, arXiv 2505.22517. A teacher without an answer
    takes no side unless ``missing`` says otherwise. Reads no label.
    """

    name = "hard-disagreement"

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        share = said.share_falsified()
        return Scores(np.where(np.isnan(share), np.nan, (share > 0) & (share < 1)), said.gaps)


class VoteEntropy(Graded):
    """How evenly the teachers' votes are split: their entropy, in [0, 1] bits.

    s = −Σ_y v(y)/T log₂ v(y)/T over the two verdicts, where v(y) of the T teachers that answered say y. With the
    default threshold the conflicts are those of `hard-disagreement`; with three teachers and more, they are ordered.
    Dagan and Engelson 1995, "Committee-Based Sampling for Training Probabilistic Classifiers" (ICML). Reads no label.
    """

    name = "vote-entropy"

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        return Scores(entropy(said.share_falsified()), said.gaps)


class ConsensusOnly(Scored):
    """A control: labels are bought only where all teachers that answered agree.

    s = 1 if |{ŷ_t}| = 1 else 0. It buys what `hard-disagreement` leaves out, so it shows what the labels of conflicts
    are worth beyond their number, and how often a consensus is wrong. With ``missing: last`` every teacher must have
    answered. Reads no label.
    """

    name = "consensus-only"

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        share = said.share_falsified()
        return Scores(np.where(np.isnan(share), np.nan, (share == 0) | (share == 1)), said.gaps)


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [HardDisagreement, VoteEntropy, ConsensusOnly]
