"""Targets from what teachers said and from bought labels: the recipes that several strategies share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from harness.api import Example, Need, Panel, Pool, Recipe, Target, Verdict, verdict_of
from harness_strategies.answers import answers, majority, spokesman

Conflicts = Literal["each", "skip", "probability"]
Ties = Literal["skip", "probability"]


class LearnAllTeachers(Recipe):
    """Stage 1 of the paper: every teacher's verdict and rationale on every training item, wrong ones included."""

    conflicts: Conflicts = "each"
    """Items on which teachers differ: a copy for each teacher, none, or the side that is surer on average."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        for item_id in pool.items:
            yield from self._targets(pool.panel, item_id)

    def _targets(self, panel: Panel, item_id: str) -> Sequence[Target]:
        given = answers(panel, item_id)
        if self.conflicts == "each" or not panel.disagree(item_id):
            return given
        if self.conflicts == "skip":
            return []
        surer = verdict_of(mean_probability(panel, item_id))
        return [answer for answer in given if answer.verdict == surer]


class LearnMajority(Recipe):
    """One target per item: the verdict of most teachers, in the words of the surest of them."""

    ties: Ties = "skip"
    """Items on which as many teachers say one as the other: left out, or the side that is surer on average."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        for item_id in pool.items:
            verdict = voted(pool.panel, item_id, self.ties)
            if verdict is not None:
                yield spokesman(pool.panel, item_id, verdict)


class LearnLabels(Recipe):
    """The bought labels as bare verdicts: no teacher is asked."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.LABELS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        return [Target(item_id, verdict) for item_id, verdict in pool.labels.items()]


def mean_probability(panel: Panel, item_id: str) -> float:
    """The mean of what the teachers with an answer give as probability of falsified; there must be one."""
    given = panel.answers(item_id)
    return sum(said.probability for said in given) / len(given)


def voted(panel: Panel, item_id: str, ties: Ties) -> Verdict | None:
    """The majority's verdict; of a tie that of the surer side, where that is asked for and somebody gave it."""
    verdict = majority(panel, item_id)
    if verdict is not None or ties == "skip" or not panel.answers(item_id):
        return verdict
    surer = verdict_of(mean_probability(panel, item_id))
    return surer if surer in panel.verdicts(item_id) else None
