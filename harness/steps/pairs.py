"""What a set of preference pairs is like: classes, lengths, whose words, and whether style tells them apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.identity import seed_from
from harness.types import Example, Item, Preference, Target

MOST_PROBED = 600
"""Pairs that the style probe looks at; of more, those of some items at random."""

# Bounded, as the words are a stranger's.
_VERDICTS = re.compile(r"\b(?:verdict\b\W{0,8}(?:is\b\W{0,8})?)?(?:pristine|falsified)\b", re.IGNORECASE)

Pair = tuple[Target, Target]


def described(examples: Sequence[Example], items: Mapping[str, Item]) -> dict[str, Any]:
    """Facts for the manifest, rounded so that equal sets look equal; empty where there is no preference."""
    preferences = [example for example in examples if isinstance(example, Preference)]
    if not preferences:
        return {}
    told = [preference for preference in preferences if preference.image_of is None]
    pairs = [(preference.chosen, wrong) for preference in told for wrong in preference.rejected]
    return {
        "preferences": len(preferences),
        "other_image": len(preferences) - len(told),
        "pairs": len(pairs),
        "same_words": sum(_same(pair) for pair in pairs),
        "chosen_falsified": sum(preference.chosen.verdict == "falsified" for preference in preferences),
        **_lengths(pairs),
        "sources": _sources(pairs),
        "style": _style([pair for pair in dict.fromkeys(pairs) if not _same(pair)], items),
    }


def _same(pair: Pair) -> bool:
    return pair[0].rationale == pair[1].rationale


def _lengths(pairs: Sequence[Pair]) -> dict[str, float | None]:
    """Mean words of either side, and their quotient where nothing is divided by 0."""
    chosen, rejected = (sum(len(pair[side].rationale.split()) for pair in pairs) for side in (0, 1))
    count = max(len(pairs), 1)
    return {
        "chosen_words": round(chosen / count, 3),
        "rejected_words": round(rejected / count, 3),
        "length_ratio": round(chosen / rejected, 4) if rejected else None,
    }


def _sources(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """By whose words they are, how often they are chosen and how often rejected; empty for nobody's."""
    chosen, rejected = (Counter(pair[side].source for pair in pairs) for side in (0, 1))
    return {source: [chosen[source], rejected[source]] for source in sorted(chosen.keys() | rejected.keys())}


def _style(pairs: Sequence[Pair], items: Mapping[str, Item]) -> dict[str, float | int] | None:
    """How well the words alone tell chosen from rejected; None for too few items, or words that never differ."""
    import numpy as np

    from harness.stats import told_apart

    order = sorted(pairs, key=lambda pair: (seed_from("style", pair[0].item_id), pair[0].item_id))[:MOST_PROBED]
    texts = [_VERDICTS.sub(" ", answer.rationale) for pair in order for answer in pair]
    clusters = [items[answer.item_id].cluster for pair in order for answer in pair]
    _, groups = np.unique(clusters, return_inverse=True)
    first = np.tile([True, False], len(order))
    found = told_apart(texts, first, groups)
    if found is None:
        return None
    numbers = {"auroc": found.mean, "low": found.low, "high": found.high}
    return {"pairs": len(order), **{name: round(float(number), 4) for name, number in numbers.items()}}
