"""Conflict where the teachers' verdicts differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import ConflictRule, Panel, Ranked, hookimpl, seed_from


class HardDisagreement(ConflictRule):
    """Two teachers gave different verdicts (the paper's rule): score 1, else 0.

    A teacher without an answer (refused, unparsable, error) takes no side. Conflicts come first; within
    conflicts, and within the rest, the order is random by seed and item.
    """

    name = "hard-disagreement"

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        rows = [Ranked(item, float(panel.disagree(item)), panel.disagree(item)) for item in panel.items]
        return sorted(rows, key=lambda row: (not row.conflict, seed_from(seed, row.item_id), row.item_id))


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [HardDisagreement]
