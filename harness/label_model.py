"""The label model: a component that others fit to what the teachers said."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from harness.component import Component
from harness.handed import Estimate, Panel
from harness.recipe import Need
from harness.types import Verdict


class LabelModel(Component):
    """Infers from what several teachers said how likely it is that an item is falsified.

    It is named as an option of a rule or strategy: ``model: Named[LabelModel]``.
    """

    kind = "label-model"
    min_teachers: ClassVar[int] = 1
    """Smallest set of teachers on which it means anything without ground truth."""
    min_teachers_with_gold: ClassVar[int] = 1
    """The same where some true verdicts are given."""

    def needs(self) -> frozenset[Need]:
        """What it reads: ``validation`` where it is fitted on that split, ``labels`` where it is nothing without gold.

        Whoever fits it declares this too.
        """
        return frozenset({Need.ANNOTATIONS})

    @abstractmethod
    def fit(self, panel: Panel, gold: Mapping[str, Verdict]) -> Estimate:
        """The items of the panel, given the true verdict of some of them (``gold``, maybe empty).

        An item of ``gold`` keeps its verdict; one of which neither a teacher nor ``gold`` says anything is left out.
        Must depend on the order of neither items nor teachers. Raises `DataError` where the panel cannot tell.
        """
