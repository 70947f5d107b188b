"""Two rules that share the budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import floor

from pydantic import Field

from harness.api import ConflictRule, Named, Need, Panel, Ranked, hookimpl, seed_from
from harness_rules.disagreement import HardDisagreement
from harness_rules.random import Random


class Mixed(ConflictRule):
    """Gives a share of every budget to another rule.

    Of the first k conflicts ⌊share · k + 1/2⌋ are the other rule's best, the rest this rule's; an item that both want
    counts for the one whose turn it is. Every prefix is mixed so, and a larger budget holds what a smaller one
    bought. Once one has no conflict left, the other's follow. A conflict is what one of the two calls so; a score is
    that of the rule that took the item. What comes of an item without an answer is the rules' own. Reads no label.
    """

    name = "mixed"

    of: Named[ConflictRule] = HardDisagreement()
    """The rule that has the rest of the budget, as in the section ``rules``."""
    other: Named[ConflictRule] = Random()
    """The rule that has the share; `random` keeps a sample of everything among the labels."""
    share: float = Field(default=0.2, gt=0, lt=1)
    """Its part of every budget."""

    def fewest_teachers(self) -> int:
        """As many as both rules need."""
        return max(rule.fewest_teachers() for rule in self._rules)

    def needs(self) -> frozenset[Need]:
        """What the two need."""
        return self.of.needs() | self.other.needs()

    def reads(self) -> frozenset[str]:
        """What the two read."""
        return self.of.reads() | self.other.reads()

    def informed(self) -> bool:
        """Whether one of them is."""
        return any(rule.informed() for rule in self._rules)

    def digest(self) -> str:
        """Digests of the files that the two depend on."""
        return "".join(rule.digest() for rule in self._rules)

    @property
    def _rules(self) -> tuple[ConflictRule, ConflictRule]:
        return self.of, self.other

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        mine = self.of.rank(panel, seed)
        # With the same seed a random rule would draw in the order in which ties are broken here: a biased draw.
        others = self.other.rank(panel, seed_from("mixed", seed))
        taken = {row.item_id: row for row in _alternating(mine, others, self.share)}
        return [*taken.values(), *(row for row in mine if row.item_id not in taken)]


def _alternating(mine: Sequence[Ranked], others: Sequence[Ranked], share: float) -> Iterator[Ranked]:
    """The conflicts of both, each item once."""
    seen: set[str] = set()
    queues = [(row for row in order if row.conflict and row.item_id not in seen) for order in (mine, others)]
    given = [0, 0]
    while True:
        turn = int(given[1] < floor(share * (sum(given) + 1) + 0.5))
        for place in (turn, 1 - turn):
            if row := next(queues[place], None):
                break
        else:
            return
        given[place] += 1
        seen.add(row.item_id)
        yield row


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [Mixed]
