"""Targets from what teachers said and from bought labels: the recipes that several strategies share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from harness.api import (
    Annotation,
    Example,
    Need,
    Panel,
    Pool,
    Recipe,
    Target,
    Verdict,
    verdict_of,
)


def target_of(annotation: Annotation) -> Target:
    """The teacher's answer as something to be learnt."""
    return Target(annotation.item_id, annotation.verdict, rationale=annotation.rationale)


def consensus(panel: Panel, item_id: str) -> Verdict | None:
    """The verdict that all teachers with an answer share; None where they differ or none answered."""
    verdicts = set(panel.verdicts(item_id))
    return verdicts.pop() if len(verdicts) == 1 else None


def spokesman(panel: Panel, item_id: str, verdict: Verdict) -> Annotation:
    """Of the teachers that gave this verdict, the surest; the first by label where several are."""
    side = [said for said in panel.answers(item_id) if said.verdict == verdict]
    return max(side, key=lambda said: abs(said.probability - 0.5))


class LearnAllTeachers(Recipe):
    """Stage 1 of the paper: every teacher's verdict and rationale on every training item, wrong ones included."""

    conflicts: Literal["each", "skip", "probability"] = "each"
    """Items on which teachers differ: a copy for each teacher, none, or the side that is surer on average."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        for item_id in pool.items:
            yield from self._targets(pool.panel, item_id)

    def _targets(self, panel: Panel, item_id: str) -> Iterator[Target]:
        answers = panel.answers(item_id)
        if self.conflicts == "each" or not panel.disagree(item_id):
            yield from map(target_of, answers)
        elif self.conflicts == "probability":
            verdict = verdict_of(sum(said.probability for said in answers) / len(answers))
            yield from (target_of(said) for said in answers if said.verdict == verdict)


class LearnMajority(Recipe):
    """One target per item: the verdict of most teachers, in the words of the surest of them."""

    ties: Literal["skip", "probability"] = "skip"
    """Items on which as many teachers say one as the other: left out, or the side that is surer on average."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        for item_id in pool.items:
            verdict = self._majority(pool.panel, item_id)
            if verdict is not None:
                yield target_of(spokesman(pool.panel, item_id, verdict))

    def _majority(self, panel: Panel, item_id: str) -> Verdict | None:
        votes = panel.verdicts(item_id)
        falsified = votes.count("falsified")
        if 2 * falsified != len(votes):
            return "falsified" if 2 * falsified > len(votes) else "pristine"
        if not votes or self.ties == "skip":
            return None
        surer = verdict_of(sum(said.probability for said in panel.answers(item_id)) / len(votes))
        return surer if surer in votes else None


class LearnLabels(Recipe):
    """The bought labels as bare verdicts: no teacher is asked."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.LABELS})

    def examples(self, pool: Pool) -> Iterable[Example]:
        return [Target(item_id, verdict) for item_id, verdict in pool.labels.items()]
