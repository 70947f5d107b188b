"""Captions that say the same: equal but for case and punctuation, or once a word is taken out of one or of both."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

FEWEST = 4
"""Words of the longer of two captions from which on one word makes no other caption."""

_WITHIN = re.compile(r"(?<=\w)['’.](?=\w)")
# Chinese, Japanese and Thai are written without blanks: each of their letters is a word.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W_\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+")
_BASE, _LARGEST = 0x9E3779B97F4A7C15, (1 << 64) - 1


def words(text: str) -> list[str]:
    """A text's words as they are compared: without case, accents' ways of writing and punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(_WITHIN.sub("", plain))


def said_again(ones: Sequence[str], others: Sequence[str]) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """For each of ``others`` that ``ones`` have in the same words, and in nearly the same words: which, the first.

    Every such pair is found, so that one word may be changed, added, dropped or moved; time and memory grow with the
    number of words.
    """
    same: dict[int, int] = {}
    nearly: dict[int, int] = {}
    known: dict[int, int] = {}
    shortened: dict[int, int] = {}
    for place, text in enumerate(ones):
        for index, sign in enumerate(_signs(text)):
            (shortened if index else known).setdefault(sign, place)
    for place, text in enumerate(others):
        whole, *parts = list(_signs(text)) or [0]
        if whole in known:
            same[place] = known[whole]
            continue
        found = [shortened[whole]] if whole in shortened else []
        found += [table[part] for part in parts for table in (known, shortened) if part in table]
        if found:
            nearly[place] = min(found)
    return same, nearly


def _signs(text: str) -> Iterator[int]:
    """64 bits that stand for the words, and for the words without each one of them; nothing where there is no word."""
    numbers = [_number(word) for word in words(text)]
    if not numbers:
        return
    before = [0, *_sums(numbers)]
    yield before[-1]
    if len(numbers) < FEWEST:
        return
    # With h = Σ w_i · b^(n-1-i): what comes before a word moves down by one power of b.
    powers = [1]
    for _ in numbers:
        powers.append(powers[-1] * _BASE & _LARGEST)
    for place in range(len(numbers)):
        rest = len(numbers) - place - 1
        after = (before[-1] - before[place + 1] * powers[rest]) & _LARGEST
        yield (before[place] * powers[rest] + after) & _LARGEST


def _sums(numbers: Iterable[int]) -> Iterator[int]:
    total = 0
    for number in numbers:
        total = (total * _BASE + number) & _LARGEST
        yield total


@lru_cache(maxsize=1 << 16)
def _number(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") | 1
