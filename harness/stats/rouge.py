"""ROUGE-L of a text against a reference (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

MOST_TOKENS = 512
"""Words of either text that are read; a text from outside may be of any length."""

_WORD = re.compile(r"\w+")


def rouge_l(text: str, reference: str) -> float:
    """F1 (beta = 1) of the longest common subsequence of lower-cased words; 0 where either text has no word."""
    said, wanted = tokens(text), tokens(reference)
    if not said or not wanted:
        return 0.0
    return 2 * common(said, wanted) / (len(said) + len(wanted))


def tokens(text: str) -> list[str]:
    """The first `MOST_TOKENS` words: runs of letters, digits and underscores, in lower case."""
    return [match[0].lower() for match in islice(_WORD.finditer(text), MOST_TOKENS)]


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence: one addition of whole numbers a word (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(one)) - 1
    # A bit is 0 where the length of the best match grows.
    row = every
    for word in other:
        met = row & places.get(word, 0)
        row = ((row + met) | (row - met)) & every
    return len(one) - row.bit_count()
