"""The share of teachers that say falsified, and what becomes of a tie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum
from typing import Literal

from harness.api import Estimate, LabelModel, Panel, Verdict, hookimpl, verdict_of


class Majority(LabelModel):
    """p_falsified = the share of the teachers with an answer that say falsified.

    A teacher without an answer (refused, unparsable, error) does not vote. Two teachers that differ are always a tie,
    so that everything hangs on ``ties`` there. A tie is broken by one vote more: of two answers that makes 2/3 or 1/3.
    It costs no label.
    """

    name = "majority"

    ties: Literal["abstain", "falsified", "pristine", "probability"] = "abstain"
    """What an item is on which as many teachers say the one as the other: nothing, always the same verdict, or that of
    the mean of the teachers' probabilities (nothing where this is one half)."""

    def fit(self, panel: Panel, gold: Mapping[str, Verdict]) -> Estimate:
        known = {item_id: float(gold[item_id] == "falsified") for item_id in panel.items if item_id in gold}
        shares = {item_id: self._share(panel, item_id) for item_id in panel.items if item_id not in known}
        return Estimate({**known, **{item_id: share for item_id, share in shares.items() if share is not None}})

    def _share(self, panel: Panel, item_id: str) -> float | None:
        votes = panel.verdicts(item_id)
        falsified = votes.count("falsified")
        if 2 * falsified != len(votes):
            return falsified / len(votes)
        casting = self._casting(panel, item_id) if votes else None
        return (falsified + (casting == "falsified")) / (len(votes) + 1) if casting else None

    def _casting(self, panel: Panel, item_id: str) -> Verdict | None:
        """The vote that breaks a tie."""
        if self.ties == "abstain":
            return None
        if self.ties != "probability":
            return self.ties
        answers = [said.probability for said in panel.answers(item_id)]
        mean = fsum(answers) / len(answers)
        return None if mean == 0.5 else verdict_of(mean)


@hookimpl
def harness_label_models() -> Iterable[type[LabelModel]]:
    return [Majority]
