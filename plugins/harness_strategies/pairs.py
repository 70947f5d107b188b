"""Which answer is preferred to which: the builders of pairs.

Each takes an item and the verdict that is held for true, and makes no pair where it has nothing to reject.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, product
from typing import Literal

from harness.api import Panel, Pool, Preference, Target, Verdict, opposite, seed_from
from harness_strategies.answers import flipped, right_answer, side, words_of

Pairs = Literal[
    "right-over-wrong", "right-over-all-wrong", "verdict-flip", "length-matched", "image-negative", "own-mistakes"
]

STUDENT = "the student"
"""Whose words a mistake of the student is in, where that of a teacher is its label, which has no blank."""

_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])")


def right_over_wrong(pool: Pool, item_id: str, truth: Verdict) -> list[Preference]:
    """The surest teacher that was right over the surest that was wrong; the bare verdict where none was right."""
    return [
        Preference(item_id, right_answer(pool.panel, item_id, truth), (wrong,))
        for wrong in side(pool.panel, item_id, opposite(truth))[:1]
    ]


def right_over_all_wrong(pool: Pool, item_id: str, truth: Verdict) -> list[Preference]:
    """The surest teacher that was right over every teacher that was wrong, as one preference."""
    wrong = side(pool.panel, item_id, opposite(truth))
    return [Preference(item_id, right_answer(pool.panel, item_id, truth), tuple(wrong))] if wrong else []


def verdict_flip(pool: Pool, item_id: str, truth: Verdict) -> list[Preference]:
    """The right answer over the same words with the other verdict: nothing but the verdict tells them apart."""
    right = right_answer(pool.panel, item_id, truth)
    return [Preference(item_id, right, (flipped(right),))]


def length_matched(pool: Pool, item_id: str, truth: Verdict) -> list[Preference]:
    """Of all right and wrong answers the two nearest in words; the longer one then loses what it has too much.

    It loses whole sentences from its end, as long as it does not become the shorter one. Where no teacher was right,
    a bare verdict is preferred to the other bare verdict.
    """
    right, wrong = _sides(pool.panel, item_id, truth)
    if not wrong:
        return []
    if not right:
        return verdict_flip(pool, item_id, truth)
    one, other = min(product(right, wrong), key=lambda pair: abs(length(pair[0]) - length(pair[1])))
    return [Preference(item_id, trimmed(one, length(other)), (trimmed(other, length(one)),))]


def image_negative(pool: Pool, item_id: str, truth: Verdict) -> list[Preference]:
    """Right over wrong, and where the right answer is pristine, that answer over itself with another item's image.

    With another image a caption is out of context whatever it was before, so that only pristine becomes wrong.
    """
    pairs = right_over_wrong(pool, item_id, truth)
    other = _other_image(pool, item_id) if truth == "pristine" else None
    if other is None:
        return pairs
    right = right_answer(pool.panel, item_id, truth)
    return [*pairs, Preference(item_id, right, (right,), image_of=other)]


def own_mistakes(pool: Pool, item_id: str, truth: Verdict) -> list[Preference]:
    """The surest teacher that was right over what the stage-1 student says, where that is wrong."""
    said = pool.panel.predictions.get(item_id)
    if said is None or said.verdict != opposite(truth):
        return []
    mistake = Target(item_id, said.verdict, rationale=words_of(said), source=STUDENT)
    return [Preference(item_id, right_answer(pool.panel, item_id, truth), (mistake,))]


BUILDERS: Mapping[Pairs, Callable[[Pool, str, Verdict], list[Preference]]] = {
    "right-over-wrong": right_over_wrong,
    "right-over-all-wrong": right_over_all_wrong,
    "verdict-flip": verdict_flip,
    "length-matched": length_matched,
    "image-negative": image_negative,
    "own-mistakes": own_mistakes,
}


def length(target: Target) -> int:
    """Words of the rationale."""
    return len(target.rationale.split())


def trimmed(target: Target, least: int) -> Target:
    """The answer without the last sentences that can go while ``least`` words stay; the first sentence always does."""
    sentences = _SENTENCE_ENDS.split(target.rationale.strip())
    words = accumulate(len(sentence.split()) for sentence in sentences)
    kept = next((place for place, count in enumerate(words, 1) if count >= least), len(sentences))
    return target if kept == len(sentences) else replace(target, rationale=" ".join(map(str.strip, sentences[:kept])))


def _sides(panel: Panel, item_id: str, truth: Verdict) -> tuple[Sequence[Target], Sequence[Target]]:
    return side(panel, item_id, truth), side(panel, item_id, opposite(truth))


def _other_image(pool: Pool, item_id: str) -> str | None:
    """An item of another group that has an image, at random; None where the item has none or there is none."""
    if pool.items[item_id].image is None:
        return None
    ids = list(pool.items)
    start = seed_from(pool.seed, "image", item_id)
    for step in range(len(ids)):
        other = pool.items[ids[(start + step) % len(ids)]]
        if other.image is not None and other.cluster != pool.items[item_id].cluster:
            return other.id
    return None
