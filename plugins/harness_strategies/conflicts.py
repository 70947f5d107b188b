"""Stage 2: what is learnt where labels were bought, or where most teachers outvote the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from harness.api import Accepts, Example, Need, Pool, Preference, Recipe, Target, Verdict, seed_from
from harness_strategies.answers import consensus, flipped, majority, right_answer, spokesman
from harness_strategies.balance import Balance, balanced, first_of_each
from harness_strategies.pairs import BUILDERS, Pairs

Truth = Literal["labels", "majority"]


class _OnConflicts(Recipe):
    """Items with a verdict that is held for true, balanced, with a replay of what stage 1 already knew."""

    truth: Truth = "labels"
    """Which verdict is held for true: the bought labels, or on every conflict that of more than half of the teachers,
    which costs no label."""
    balance: Balance = "oversample"
    """How the classes among the items are made equal, after buying: an unbalanced set of conflicts
    taught tiny students to answer one verdict always. Oversampling leaves no label unused."""
    replay: float = Field(default=2.0, ge=0, le=100)
    """Items on which the teachers agree, per item that is used; their shared answer is learnt again."""

    def needs(self) -> frozenset[Need]:
        return frozenset({Need.ANNOTATIONS} | ({Need.LABELS} if self.truth == "labels" else set()))

    def min_teachers(self) -> int:
        return 3 if self.truth == "majority" else 1

    def judged(self, pool: Pool) -> Mapping[str, Verdict]:
        """The items and the verdicts that are held for true, in the order of buying or of the data."""
        if self.truth == "labels":
            return pool.labels
        disputed = ((item_id, majority(pool.panel, item_id)) for item_id in pool.items if pool.panel.disagree(item_id))
        return {item_id: verdict for item_id, verdict in disputed if verdict is not None}

    def replayed(self, pool: Pool, judged: Mapping[str, Verdict], count: int) -> list[Target]:
        """Shared answers about items that are not judged, at random, with both classes alike."""
        order = sorted(pool.items, key=lambda item_id: (seed_from(pool.seed, "replay", item_id), item_id))
        agreed = {
            item_id: verdict
            for item_id in order
            if item_id not in judged and (verdict := consensus(pool.panel, item_id)) is not None
        }
        chosen = first_of_each(list(agreed), agreed, round(self.replay * count / 2))
        return [spokesman(pool.panel, item_id, agreed[item_id]) for item_id in chosen]


class LearnRightTeacher(_OnConflicts):
    """Targets: the answer of the teacher that was right, or the bare label where none was."""

    def examples(self, pool: Pool) -> Iterable[Example]:
        judged = self.judged(pool)
        chosen = balanced(list(judged), judged, self.balance)
        right = [right_answer(pool.panel, item_id, judged[item_id]) for item_id in chosen]
        return right + self.replayed(pool, judged, len(right))


class PreferRightTeacher(_OnConflicts):
    """Preferences: what is right over what is wrong (DPO, arXiv 2305.18290), in pairs that a builder makes.

    Where there is no pair, the answer is a plain target. An objective without ``sft`` learns nothing from plain
    targets: then items without a pair are left out, and what is replayed is preferred to its flipped verdict.
    """

    pairs: Pairs = "right-over-wrong"
    """Who is preferred to whom; see `harness_strategies.pairs`."""
    replay_as: Literal["target", "preference"] = "target"
    """A replayed answer as a plain target, or preferred over the same words with the other verdict."""

    def needs(self) -> frozenset[Need]:
        return super().needs() | ({Need.STAGE1_PREDICTIONS} if self.pairs == "own-mistakes" else set())

    def asks(self) -> frozenset[Accepts]:
        asked = {Accepts.PREFERENCES}
        if self._learns_targets:
            asked.add(Accepts.TARGETS)
        if self.pairs == "right-over-all-wrong":
            asked.add(Accepts.SEVERAL_REJECTED)
        if self.pairs == "image-negative":
            asked.add(Accepts.IMAGE_PREFERENCES)
        return frozenset(asked)

    def examples(self, pool: Pool) -> Iterable[Example]:
        judged = self.judged(pool)
        pairs = {item_id: BUILDERS[self.pairs](pool, item_id, verdict) for item_id, verdict in judged.items()}
        usable = [item_id for item_id in judged if pairs[item_id] or self._learns_targets]
        chosen = balanced(usable, judged, self.balance)
        examples: list[Example] = []
        for item_id in chosen:
            examples += pairs[item_id] or [right_answer(pool.panel, item_id, judged[item_id])]
        flip = self.replay_as == "preference" or not self._learns_targets
        for agreed in self.replayed(pool, judged, len(chosen)):
            examples.append(Preference(agreed.item_id, agreed, (flipped(agreed),)) if flip else agreed)
        return examples

    @property
    def _learns_targets(self) -> bool:
        return "sft" in self.objective.losses
