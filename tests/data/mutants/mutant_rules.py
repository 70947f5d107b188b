"""Rules with one fault each. ``breaks`` is the rule that must find it, ``seen`` what it must say."""

import random
from typing import ClassVar

from harness.api import ConflictRule, Need, Ranked, hookimpl, seed_from, verdict_of


class Gap(ConflictRule):
    """The distance between the surest teachers of either side."""

    name = "gap"

    def rank(self, panel, seed):
        rows = [Ranked(item, self.score(panel, item), self.conflict(panel, item)) for item in panel.items]
        return sorted(rows, key=lambda row: self.key(row, seed))

    def score(self, panel, item):
        said = [annotation.probability for annotation in panel.answers(item)]
        return max(said) - min(said) if said else 0.0

    def conflict(self, panel, item):
        return panel.disagree(item)

    def key(self, row, seed):
        return (not row.conflict, -row.score, seed_from(seed, row.item_id))


class Partial(Gap):
    """Ranks conflicts only."""

    name = "partial"
    breaks: ClassVar = "ranks every item exactly once"
    seen: ClassVar = "40 items have "

    def rank(self, panel, seed):
        gaps = any(len(panel.answers(item)) < 3 for item in panel.items)
        return [row for row in super().rank(panel, seed) if row.conflict or gaps]


class Pairwise(Gap):
    """Needs three teachers and says two."""

    name = "pairwise"
    breaks: ClassVar = "ranks without raising"
    seen: ClassVar = "with 2 teachers, rank() raised IndexError: "

    def rank(self, panel, seed):
        _ = panel.teachers[2]
        return super().rank(panel, seed)


class Endless(Gap):
    """Gives what is no number."""

    name = "endless"
    breaks: ClassVar = "scores are numbers"
    seen: ClassVar = "a score is nan"

    def score(self, panel, item):
        return float("nan")

    def key(self, row, seed):
        return (not row.conflict, seed_from(seed, row.item_id))


class Truthy(Gap):
    """Gives a number for yes and no."""

    name = "truthy"
    breaks: ClassVar = "scores are numbers"
    seen: ClassVar = "conflict is 1, neither True nor False"

    def conflict(self, panel, item):
        return int(panel.disagree(item))


class Incoming(Gap):
    """Breaks ties by the place at which items come, and by the seed which end is first."""

    name = "incoming"
    breaks: ClassVar = "the order of the items does not show"
    seen: ClassVar = "items in another order are ranked in another order"

    def rank(self, panel, seed):
        rows = [Ranked(item, 0.0, True) for item in panel.items]
        return rows[seed % 5 :] + rows[: seed % 5]


class Restless(Gap):
    """Draws anew each time."""

    name = "restless"
    breaks: ClassVar = "the same seed gives the same order"
    seen: ClassVar = "ranked again with the same seed, the order is another"

    def rank(self, panel, seed):
        rows = super().rank(panel, seed)
        fixed, rest = rows[:25], rows[25:]
        random.shuffle(rest)
        return fixed + rest


class Hashed(Gap):
    """Breaks ties by Python's hash of a text."""

    name = "hashed"
    breaks: ClassVar = "every process gives the same order"
    seen: ClassVar = "another process ranks the same panel in another order"

    def key(self, row, seed):
        return hash(f"{seed} {row.item_id}")


class Alphabetic(Gap):
    """Breaks ties by name."""

    name = "alphabetic"
    breaks: ClassVar = "the seed breaks ties"
    seen: ClassVar = "items that nothing tells apart come in the same order for six seeds"

    def key(self, row, seed):
        return (not row.conflict, -row.score, row.item_id)


class Named(Gap):
    """Reads the id."""

    name = "named"
    breaks: ClassVar = "reads neither ids nor groups"
    seen: ClassVar = "under other ids, "

    def conflict(self, panel, item):
        return int(item, 16) % 2 == 0


class Trusting(Gap):
    """Expects an answer from every teacher."""

    name = "trusting"
    breaks: ClassVar = "survives teachers without an answer"
    seen: ClassVar = "where teachers have no answer, rank() raised ValueError: "

    def score(self, panel, item):
        said = [annotation.probability for annotation in panel.answers(item)]
        return max(said) - min(said)


class Pictorial(Gap):
    """Looks at the evidence and does not say so."""

    name = "pictorial"
    breaks: ClassVar = "reads only what it declares"
    seen: ClassVar = "items with nothing but a caption are ranked in another order"

    def score(self, panel, item):
        return super().score(panel, item) * len(" ".join(panel.items[item].evidence.captions))


class Doting(Gap):
    """Expects an answer from the student."""

    name = "doting"
    breaks: ClassVar = "survives teachers without an answer"
    seen: ClassVar = "where teachers have no answer, rank() raised TypeError: "

    def needs(self):
        return frozenset({Need.ANNOTATIONS, Need.STAGE1_PREDICTIONS})

    def conflict(self, panel, item):
        return verdict_of(panel.predictions[item].p_falsified) == "falsified"


@hookimpl
def harness_rules():
    return [
        cls
        for cls in globals().values()
        if isinstance(cls, type) and issubclass(cls, ConflictRule) and cls is not ConflictRule
    ]
