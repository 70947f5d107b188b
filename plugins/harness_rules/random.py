"""Any item, at random: the control that every rule must beat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import ConflictRule, Need, Panel, Ranked, hookimpl, seed_from


class Random(ConflictRule):
    """Every item counts as a conflict; the order is random by seed and item and reads no annotation."""

    name = "random"
    min_teachers = 0

    def needs(self) -> frozenset[Need]:
        return frozenset()

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        order = sorted(panel.items, key=lambda item: (seed_from(seed, item), item))
        return [Ranked(item, 0.0, True) for item in order]


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [Random]
