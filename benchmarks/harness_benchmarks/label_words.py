"""What the words of a column of labels mean."""

from __future__ import annotations

from collections.abc import Mapping

from harness.api import Verdict

WORDS: Mapping[str, Verdict] = {
    "pristine": "pristine",
    "real": "pristine",
    "falsified": "falsified",
    "fake": "falsified",
    "out of context": "falsified",
    "out-of-context": "falsified",
    "ooc": "falsified",
}
"""Words that mean one thing whatever their column is called. *true* is none: a label may be true, or falsity."""


def as_text(words: object) -> object:
    """Keys that YAML reads as true, false or a number, as the texts that a table has."""
    if not isinstance(words, Mapping):
        return words
    return {_word(key) if isinstance(key, bool | int) else key: verdict for key, verdict in words.items()}


def _word(key: bool | int) -> str:
    return str(key).lower()


def folded(words: Mapping[str, Verdict]) -> Mapping[str, Verdict]:
    """The words without their case; raises `ValueError` where one means both."""
    found: dict[str, Verdict] = {}
    for word, verdict in words.items():
        if found.setdefault(word.strip().casefold(), verdict) != verdict:
            raise ValueError(f"{word!r} is both pristine and falsified")
    return found
