"""How unsure the teachers are together, whether or not they disagree."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.api import ConflictRule, Panel, hookimpl
from harness_rules.information import entropy
from harness_rules.opinions import opinions
from harness_rules.ordering import Graded, Scores


class ConsensusMargin(Graded):
    """How near the teachers' mean probability is to 1/2, in [0, 1].

    s = 1 − |2 p̄ − 1|, one less the margin between the two verdicts. Two verdicts have one margin, so the order is that
    of `entropy` and of least confidence; the threshold is not. Settles 2009, "Active Learning Literature Survey"
    (University of Wisconsin-Madison, TR 1648). Reads no label.
    """

    name = "consensus-margin"
    min_teachers = 1

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        return Scores(1 - np.abs(2 * said.consensus() - 1), said.gaps)


class Entropy(Graded):
    """The entropy of the teachers' mean probability, in [0, 1] bits.

    s = H(p̄) = −p̄ log₂ p̄ − (1 − p̄) log₂ (1 − p̄). It is high where the teachers disagree and where they are unsure
    together; `jensen-shannon` is what of it is disagreement. Settles 2009, "Active Learning Literature Survey"
    (University of Wisconsin-Madison, TR 1648). Reads no label.
    """

    name = "entropy"
    min_teachers = 1

    def scores(self, panel: Panel) -> Scores:
        said = opinions(panel)
        return Scores(entropy(said.consensus()), said.gaps)


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [ConsensusMargin, Entropy]
