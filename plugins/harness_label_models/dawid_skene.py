"""Dawid and Skene's model: how often each teacher is right is inferred together with what the items are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field

from harness.api import DataError, Estimate, LabelModel, Need, Panel, Verdict, hookimpl
from harness_label_models.expectation import Settings, fit
from harness_label_models.votes import Votes, refuse_too_few


class _Inferred(LabelModel):
    """Estimated by expectation-maximisation, from the share of votes on."""

    shared: ClassVar[bool]
    min_teachers = 3

    smoothing: float = Field(default=1.0, ge=0)
    """Right answers, and as many wrong ones, that each teacher is taken to have given on either verdict, and items of
    either verdict that there are taken to be besides."""
    prior: float | None = Field(default=None, gt=0, lt=1)
    """Share of falsified items, where it is known, such as 0.5 of NewsCLIPpings; otherwise it is estimated."""
    iterations: int = Field(default=20_000, ge=1)
    """Steps after which it gives up; few teachers that are hardly better than chance take the most."""

    def fit(self, panel: Panel, gold: Mapping[str, Verdict]) -> Estimate:
        votes = Votes.of(panel, gold)
        refuse_too_few(self, votes)
        settings = Settings(self.shared, self.smoothing, self.prior, self.iterations)
        found = fit(votes, settings)
        if not found.converged:
            raise DataError(
                f"has not converged after {self.iterations} steps",
                place=self.name,
                remedy="Raise  iterations , or  smoothing .",
            )
        return votes.estimate(found.p, found.right)


class DawidSkene(_Inferred):
    """Each teacher t has two rates, of being right on pristine and on falsified items; given its verdict an item's
    answers are independent: P(y, v) = P(y) Π_t P(v_t | y), estimated by EM (Dawid and Skene 1979).

    A teacher without an answer tells nothing of the item. Verdicts that are given are fixed in every step, and with
    some of both kinds one teacher is enough. Without, it needs three whose errors are independent, and takes teachers
    to be better than chance on average: the mirror image of a solution fits as well. Teachers that err together are
    taken for good ones. It costs no label by itself.
    """

    name = "dawid-skene"
    shared = False


class OneCoin(_Inferred):
    """As `dawid-skene`, but each teacher is right as often on pristine as on falsified items: one rate each.

    Half as many parameters, which few items can tell; wrong where a teacher is given to one verdict.
    """

    name = "one-coin-dawid-skene"
    shared = True


class GoldAnchored(DawidSkene):
    """`dawid-skene` that refuses to be fitted without true verdicts of both kinds, whatever the number of teachers.

    Verdicts that were bought are fixed in every step of EM, so that teachers' rates are anchored and two teachers can
    be told apart. It costs the labels that its strategy buys.
    """

    name = "gold-anchored-dawid-skene"
    min_teachers = 1

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS, Need.LABELS})

    def fit(self, panel: Panel, gold: Mapping[str, Verdict]) -> Estimate:
        kinds = {gold[item_id] for item_id in panel.items if item_id in gold}
        if len(kinds) < 2:
            given = f"all that are given are {kinds.pop()}" if kinds else "none is given"
            raise DataError(
                f"needs true verdicts of both kinds, and {given}",
                place=self.name,
                remedy="Buy labels, or more of them. Without any,  dawid-skene  with three teachers is the least.",
            )
        return super().fit(panel, gold)


@hookimpl
def harness_label_models() -> Iterable[type[LabelModel]]:
    return [OneCoin, DawidSkene, GoldAnchored]
