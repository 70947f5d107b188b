"""One searched text at a time: made clean, compared, and ranked by the words that it shares with another."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import unescape

# Entities are spelt twice where a crawler has escaped what was escaped already; deeper is a stranger's game.
_ROUNDS = 3
_INLINE = "a|abbr|b|big|cite|code|em|font|i|mark|q|s|small|span|strong|sub|sup|tt|u|wbr"
_BLOCK = "article|blockquote|br|dd|div|dl|dt|figcaption|figure|h[1-6]|hr|img|li|ol|p|section|table|td|th|title|tr|ul"
# Tags by their names, so that text such as "prices < 5 and > 3" or "<unknown>" stays.
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]{{0,500}})?/?>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]{{0,500}})?/?>|<!--[^<>]{{0,500}}-->", re.IGNORECASE)
_WORD = re.compile(r"\w+")
# Zero-width joiners are letters' own in Persian and the scripts of India.
_JOINERS = "\u200c\u200d"


def clean(text: str) -> str:
    """Plain text on one line: entities unescaped, tags and invisible characters gone, composed (NFC)."""
    for _ in range(_ROUNDS):
        if "<" not in text and "&" not in text:
            break
        text = unescape(_INLINE_TAG.sub("", _BLOCK_TAG.sub(" ", text)))
    if not text.isprintable():
        text = "".join(_visible(character) for character in text)
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf":
            return character if character in _JOINERS else ""
        case "Cs":
            return ""
    return character


def shortened(text: str, longest: int) -> str:
    """The text, cut between words and ended with an ellipsis where it has more characters than ``longest``."""
    if len(text) <= longest:
        return text
    whole = text[:longest].rpartition(" ")[0]
    # A text without blanks, as Chinese is written, is cut where it must be.
    return (whole if len(whole) > longest // 2 else text[: longest - 1]).rstrip() + "…"


def sameness(text: str) -> str:
    """What two texts share that differ in case, punctuation and spacing only: *Korea's* is *Korea s*."""
    plain = unicodedata.normalize("NFKC", clean(text)).casefold()
    return plain.translate(_LETTERS) or plain


class _Letters(dict[int, int | None]):
    """For `str.translate`: letters, numbers and marks stay, what else there is goes.

    A regular expression's ``\\w`` has no vowel signs, and words of Hindi are told apart by them.
    """

    def __missing__(self, point: int) -> int | None:
        self[point] = point if unicodedata.category(chr(point))[0] in "LMN" else None
        return self[point]


_LETTERS = _Letters()


def likeness(text: str, other: str) -> float:
    """Dice's coefficient of the sets of words, in [0, 1]."""
    one, two = _words(text), _words(other)
    return 2 * len(one & two) / (len(one) + len(two)) if one and two else 0.0


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
