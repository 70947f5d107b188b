"""Another rule's conflicts, balanced over what is known before a label is bought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from harness.api import ConflictRule, Named, Need, Panel, Ranked, Verdict, hookimpl
from harness_rules.disagreement import HardDisagreement


class Balanced(ConflictRule):
    """Takes another rule's conflicts in turns from those on which the teachers say the same.

    The conflicts fall into groups by who says what, and every prefix of the order has as many of each group, as far as
    they go, the other rule's first of each. Conflicts are lopsided (of those of two published models on news 69 %
    are pristine), and who says what is known before buying, where the label is not: no label is read. Scores and
    conflicts are the other rule's, and so is what comes of an item without an answer; "no answer" is a group
    of its own.
    """

    name = "balanced"

    of: Named[ConflictRule] = HardDisagreement()
    """The rule whose conflicts are balanced, as in the section ``rules``."""
    over: Literal["verdicts", "majority"] = "verdicts"
    """Groups by every teacher's verdict, or by that of the majority alone; many teachers make many groups."""

    def fewest_teachers(self) -> int:
        """One, or as many as the other rule needs."""
        return max(1, self.of.fewest_teachers())

    def needs(self) -> frozenset[Need]:
        """The annotations, and what the other rule needs."""
        return self.of.needs() | {Need.ANNOTATIONS}

    def reads(self) -> frozenset[str]:
        """What the other rule reads."""
        return self.of.reads()

    def digest(self) -> str:
        """Digest of the files that the other rule depends on."""
        return self.of.digest()

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        order = self.of.rank(panel, seed)
        groups: dict[object, list[Ranked]] = {}
        for row in order:
            if row.conflict:
                groups.setdefault(self._group(panel, row.item_id), []).append(row)
        # Groups take turns in the order of their first items, so no label of a teacher decides.
        turns = sorted(
            (place, turn, row) for turn, group in enumerate(groups.values()) for place, row in enumerate(group)
        )
        return [row for _, _, row in turns] + [row for row in order if not row.conflict]

    def _group(self, panel: Panel, item: str) -> object:
        if self.over == "verdicts":
            return tuple(said.verdict for said in panel.of(item))
        return _majority(panel.verdicts(item))


def _majority(verdicts: Sequence[Verdict]) -> str:
    falsified = verdicts.count("falsified")
    if 2 * falsified == len(verdicts):
        return "none"
    return "falsified" if 2 * falsified > len(verdicts) else "pristine"


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [Balanced]
