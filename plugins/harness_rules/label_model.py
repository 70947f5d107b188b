"""How unsure a model of the teachers' reliability is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.api import ConflictRule, LabelModel, Named, Need, Panel, hookimpl
from harness_rules.information import entropy
from harness_rules.opinions import opinions
from harness_rules.ordering import Graded, Scores


class LabelModelEntropy(Graded):
    """The entropy of a label model's probability of falsified, in [0, 1] bits.

    s = H(q(falsified | what the teachers said)). A vote of teachers that are often right settles an item, the same vote
    of weak ones does not: that is what it knows beyond `vote-entropy`. q is never 0 or 1 in a model that
    smooths, so every item is a conflict and the budget buys the highest scores; raise the threshold to leave settled
    items alone. Entropy over such a model: Dawid and Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates
    Using the EM Algorithm", and Settles 2009, "Active Learning Literature Survey". The model is fitted without a true
    verdict, and a label is read only where it needs those of the validation split. Where it says nothing of an item,
    nothing can be said.
    """

    name = "label-model-entropy"
    min_teachers = 1

    model: Named[LabelModel]
    """The label model, as in  {uses: dawid-skene} ."""

    def fewest_teachers(self) -> int:
        """As many as the model needs without a true verdict."""
        return max(1, self.model.min_teachers)

    def needs(self) -> frozenset[Need]:
        """The annotations, and what the model reads."""
        return self.model.needs() | {Need.ANNOTATIONS}

    def digest(self) -> str:
        """Digest of the files that the model depends on."""
        return self.model.digest()

    def scores(self, panel: Panel) -> Scores:
        found = self.model.fit(panel, {}).p_falsified
        return Scores(entropy(np.array([found.get(item, np.nan) for item in panel.items])), opinions(panel).gaps)


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [LabelModelEntropy]
