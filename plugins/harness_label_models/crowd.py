"""Models of crowd-kit (extra ``crowd``): MACE and GLAD."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from harness.api import Estimate, LabelModel, MissingDependency, Panel, Verdict, hookimpl
from harness_label_models.votes import Floats, Ints, Votes, refuse_too_few

if TYPE_CHECKING:
    import pandas as pd


class _CrowdKit(LabelModel):
    """Fitted to the votes alone: true verdicts are kept, and tell nothing of other items."""

    min_teachers = 3
    min_teachers_with_gold = 3

    def fit(self, panel: Panel, gold: Mapping[str, Verdict]) -> Estimate:
        votes = Votes.of(panel, gold)
        refuse_too_few(self, votes)
        # An item without an answer is there for its true verdict, and none of crowd-kit's.
        answered = np.flatnonzero((votes.said >= 0).any(axis=1))
        order = answered[_order(votes.said[answered])]
        table = votes.said[order][:, _order(votes.said.T[:, order])]
        p = np.full(len(votes.items), 0.5)
        try:
            with warnings.catch_warnings():
                # Of pandas 3, about arguments that crowd-kit 1.4 gives it.
                warnings.filterwarnings("ignore", module="crowdkit", category=DeprecationWarning)
                p[order] = self._infer(_long(table))
        except ModuleNotFoundError as error:
            raise MissingDependency(
                f"needs crowd-kit: {error}", place=f"label-model {self.name}", remedy="pip install 'ooc-harness[crowd]'"
            ) from None
        return votes.estimate(p)

    @abstractmethod
    def _infer(self, votes: pd.DataFrame) -> Floats:
        """Probability of falsified of the tasks 0 … N - 1, of rows with task, worker and label."""


def _order(table: Ints) -> Ints:
    """Rows by how much of each answer they have, and then by their answers: neither names nor order tell."""
    return np.lexsort([*table.T, (table == 1).sum(axis=1), (table == 0).sum(axis=1)])


def _long(table: Ints) -> pd.DataFrame:
    import pandas as pd

    tasks, workers = np.nonzero(table >= 0)
    return pd.DataFrame({"task": tasks, "worker": workers, "label": table[tasks, workers]})


class Mace(_CrowdKit):
    """Each teacher either knows an item's verdict or answers without looking, by a habit of its own; how often it
    knows is inferred with variational Bayes (Hovy et al. 2013, N13-1132), by crowd-kit.

    Nothing is drawn at random: all teachers begin alike, as likely to know as not. It needs three teachers, with or
    without true verdicts, from which it learns nothing. It costs no label.
    """

    name = "mace"

    iterations: int = Field(default=50, ge=1)
    """Steps of the inference; crowd-kit does not look whether it has converged."""

    def _infer(self, votes: pd.DataFrame) -> Floats:
        from crowdkit.aggregation.classification.mace import MACE

        # A start without noise is one for which the number that each teacher gets does not count.
        model = MACE(n_restarts=1, n_iter=self.iterations, default_noise=-1.0)
        return _falsified(model.fit_predict_proba(votes))


class Glad(_CrowdKit):
    """Each teacher has an ability and each item a difficulty, whose product is the log-odds of a right answer; both are
    inferred with EM (Whitehill et al. 2009), by crowd-kit.

    With a few answers an item its difficulty is mostly a guess, and training takes seconds per hundred items. It needs
    three teachers, with or without true verdicts, from which it learns nothing. It costs no label.
    """

    name = "glad"

    iterations: int = Field(default=100, ge=1)
    """Steps of EM at most."""

    def _infer(self, votes: pd.DataFrame) -> Floats:
        import pandas as pd
        from crowdkit.aggregation.classification.glad import GLAD

        model = GLAD(n_iter=self.iterations, labels_priors=pd.Series(0.5, index=[0, 1]))
        return _falsified(model.fit_predict_proba(votes))


def _falsified(probabilities: pd.DataFrame) -> Floats:
    table = probabilities.reindex(columns=[0, 1], fill_value=0.0).sort_index()
    return np.asarray(np.clip(table[1].to_numpy(dtype=np.float64), 0.0, 1.0))


@hookimpl
def harness_label_models() -> Iterable[type[LabelModel]]:
    return [Mace, Glad]
