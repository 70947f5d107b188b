"""Verdicts and reasons as two tasks: the label is asked for alone, and reasons help to learn it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import Field

from harness.api import Accepts, Example, Need, Objective, Pool, Recipe, Strategy, Target, Verdict, hookimpl
from harness_strategies.answers import answers, side
from harness_strategies.targets import Ties, voted

Voices = Literal["surest", "agreeing", "all"]


class LearnLabelAndRationales(Recipe):
    """Two tasks of one student: the majority's verdict, and one or several teachers' reasons."""

    voices: Voices = "surest"
    """Whose reasons are learnt: those of the surest teacher of the majority, of all who agree with it, or of all."""
    rationale_weight: float = Field(default=1.0, ge=0, le=100)
    """λ: weight of an item's reasons beside its label, shared equally by the teachers that give some."""
    ties: Ties = "skip"
    """Items on which as many teachers say one as the other: left out, or the side that is surer on average."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS})

    def asks(self) -> frozenset[Accepts]:
        weighted = self.voices != "surest" or self.rationale_weight != 1.0
        return frozenset({Accepts.TARGETS, Accepts.TASKS} | ({Accepts.WEIGHTS} if weighted else set()))

    def examples(self, pool: Pool) -> Iterable[Example]:
        for item_id in pool.items:
            verdict = voted(pool.panel, item_id, self.ties)
            if verdict is not None:
                yield Target(item_id, verdict, task="label")
                yield from self._reasons(pool, item_id, verdict)

    def _reasons(self, pool: Pool, item_id: str, verdict: Verdict) -> Iterator[Target]:
        heard = answers(pool.panel, item_id) if self.voices == "all" else side(pool.panel, item_id, verdict)
        told = [answer for answer in heard if answer.rationale.strip()][: 1 if self.voices == "surest" else None]
        for answer in told if self.rationale_weight else ():
            weight = self.rationale_weight / len(told)
            yield Target(
                item_id,
                answer.verdict,
                rationale=answer.rationale,
                weight=weight,
                task="rationale",
                source=answer.source,
            )


class _LabelAndRationales(Strategy):
    """Options of both."""

    rationale_weight: float = Field(default=1.0, ge=0, le=100)
    """λ: weight of an item's reasons beside its label; at 0 only labels are learnt."""
    ties: Ties = "skip"
    """Items on which as many teachers say one as the other: left out, or the side that is surer on average."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the targets, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""

    def stage2(self) -> Sequence[Recipe]:
        return ()

    def _learning(self, voices: Voices) -> Recipe:
        objective = Objective(epochs=self.epochs, lr=self.lr)
        weight = self.rationale_weight
        return LearnLabelAndRationales(voices=voices, rationale_weight=weight, ties=self.ties, objective=objective)


class DistillingStepByStep(_LabelAndRationales):
    """Label and reasons as two tasks of one student (Hsieh et al. 2023, arXiv 2305.02301).

    L = L_label + λ·L_rationale. The reasons are learnt under a question of their own, so that at the test the label is
    asked for alone. The source has one teacher; here the label is the teachers' majority and the reasons are those of
    its surest member. Costs every teacher on the training items, no label, and one training; the student must know
    the tasks.
    """

    name = "distilling-step-by-step"

    def stage1(self) -> Sequence[Recipe]:
        return (self._learning("surest"),)


class MultiRationale(_LabelAndRationales):
    """Label and the reasons of several teachers as tasks of one student (TinyLLM, arXiv 2402.04616).

    L = L_label + Σ_t α_t·L_rationale,t with α_t = λ over the teachers that give reasons, so that an item weighs the
    same whoever answered. Costs every teacher on the training items, no label, and one training; the student must know
    the tasks and weights.
    """

    name = "multi-rationale"

    voices: Literal["agreeing", "all"] = "all"
    """Whose reasons are learnt: those of all teachers, as in the source, or of those who agree with the majority."""

    def stage1(self) -> Sequence[Recipe]:
        return (self._learning(self.voices),)


@hookimpl
def harness_strategies() -> Iterable[type[Strategy]]:
    return [DistillingStepByStep, MultiRationale]
