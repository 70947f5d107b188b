"""Places as captions name them → places of the gazetteer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness_when_where.places import Gazetteer, Name, Place, fold

# A place's name before one of these is a newspaper's, a broadcaster's or a team's, wherever it is read or plays.
_ELSEWHERE = """
times post tribune herald guardian daily news today globe chronicle gazette standard mail telegraph observer star
journal mirror express sun tv television radio review monitor weekly magazine independent fc united airlines airways
"""
# Titles and institutions that have a place behind *of* wherever they are.
_TITLED = "duke duchess prince princess earl countess lord lady times voice bank"
_PLACING = """
in at near outside inside from across around through throughout to toward towards into over above off visiting
northern southern eastern western central north south east west downtown
"""
OUTLETS, TITLES, WHERE = (frozenset(words.split()) for words in (_ELSEWHERE, _TITLED, _PLACING))

_WORD = re.compile(r"[^\W_]+")
_WITHIN_NAME = re.compile(r"[\s'’\u2010-\u2013-]{1,2}")
_AFTER_INITIAL = re.compile(r"\.[\s\u2010-\u2013-]?")
_COMMA = re.compile(r"\s?[,(]\s?")
_GAP = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that a text names, as it is written there. French is France as an adjective."""

    place: Place
    written: str
    is_adjective: bool


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    folded: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Hit:
    """A name in a text: words ``first`` to ``last``."""

    name: Name
    first: int
    last: int


def find_mentions(text: str, gazetteer: Gazetteer) -> list[Mention]:
    """The places that a text names, in its order, without those that another of them lies in.

    A name that may mean several places is what these have in common, or nothing.
    """
    text = unicodedata.normalize("NFC", text)
    words = [_Word(m.group(), fold(m.group()), m.start(), m.end()) for m in _WORD.finditer(text)]
    hits = _paired(list(_hits(words, text, gazetteer)), words, text)
    mentions = []
    for hit in hits:
        place = hit.name.settled()
        if place is not None:
            mentions.append(Mention(place, _written(words[hit.first], words[hit.last], text), hit.name.is_adjective))
    return _innermost(mentions)


def _written(first: _Word, last: _Word, text: str) -> str:
    """``U.S.`` ends with its full stop."""
    written = text[first.start : last.end]
    return f"{written}." if "." in written and len(last.text) == 1 and text[last.end :].startswith(".") else written


def _hits(words: Sequence[_Word], text: str, gazetteer: Gazetteer) -> Iterator[_Hit]:
    """The longest name at each word, where it is written and used as one."""
    index = 0
    while index < len(words):
        hit = _longest(index, words, text, gazetteer)
        if hit is None:
            index += 1
            continue
        index = hit.last + 1
        if hit.name.places and not _travels(hit, words, text):
            yield hit


def _longest(first: int, words: Sequence[_Word], text: str, gazetteer: Gazetteer) -> _Hit | None:
    ends = [first]
    while len(ends) < gazetteer.longest and ends[-1] + 1 < len(words) and _is_one_name(words[ends[-1]], text):
        ends.append(ends[-1] + 1)
    for last in reversed(ends):
        key = tuple(word.folded for word in words[first : last + 1])
        name = gazetteer.names.get(key) or _plural(key, gazetteer)
        if name is not None and _is_written_as(name, first, last, words, text):
            return _Hit(name, first, last)
    return None


def _is_one_name(word: _Word, text: str) -> bool:
    """Whether what stands behind a word may stand inside a name: ``St. Petersburg``, ``U.S.``, but no full stop."""
    behind = text[word.end : word.end + 3]
    return bool(_WITHIN_NAME.match(behind) or (len(word.text) <= 2 and _AFTER_INITIAL.match(behind)))


def _plural(key: tuple[str, ...], gazetteer: Gazetteer) -> Name | None:
    """Of adjectives only: Ethiopians."""
    name = gazetteer.names.get((*key[:-1], key[-1][:-1])) if key[-1].endswith("s") else None
    return name if name is not None and name.is_adjective else None


def _is_written_as(name: Name, first: int, last: int, words: Sequence[_Word], text: str) -> bool:
    """Names have capitals, unless nothing in the text has. Acronyms have nothing else, and no shouting beside them."""
    if name.is_acronym:
        beside = [word.text for word in (*words[max(0, first - 1) : first], *words[last + 1 : last + 2])]
        shouted = any(word.isupper() and len(word) > 3 for word in beside)
        return text[words[first].start : words[last].end].isupper() and not shouted
    return text.islower() or (words[first].text[0].isupper() and words[last].text[0].isupper())


def _travels(hit: _Hit, words: Sequence[_Word], text: str) -> bool:
    """Whether a name is part of that of a newspaper, a team or a title."""
    if hit.last + 1 < len(words):
        after = words[hit.last + 1]
        joined = _GAP.fullmatch(text[words[hit.last].end : after.start])
        if joined and after.folded in OUTLETS and after.text[0].isupper():
            return True
    before = [word.folded for word in words[max(0, hit.first - 2) : hit.first]]
    return len(before) == 2 and before[1] == "of" and before[0] in TITLES


def _paired(hits: Sequence[_Hit], words: Sequence[_Word], text: str) -> Iterator[_Hit]:
    """``Birmingham, Alabama`` says which; ``Paris, Texas`` is a city that the gazetteer does not have."""
    sure: set[int] = set()
    kept: list[_Hit | None] = list(hits)
    for index in range(len(hits) - 1):
        one, other = kept[index] or hits[index], hits[index + 1]
        if one.last + 1 != other.first or not _COMMA.fullmatch(text[words[one.last].end : words[other.first].start]):
            continue
        inner = tuple(place for place in one.name.places if any(outer.contains(place) for outer in other.name.places))
        if inner and not other.name.is_adjective:
            kept[index] = replace(one, name=replace(one.name, places=inner))
            sure |= {index, index + 1}
        elif all(place.is_city for place in one.name.places) and not any(p.is_city for p in other.name.places):
            kept[index] = None
            sure.add(index + 1)
    for index, hit in enumerate(kept):
        if hit is not None and (not hit.name.is_doubtful or index in sure or _is_placed(hit, words)):
            yield hit


def _is_placed(hit: _Hit, words: Sequence[_Word]) -> bool:
    return hit.first > 0 and words[hit.first - 1].folded in WHERE


def _innermost(mentions: Sequence[Mention]) -> list[Mention]:
    """Without places that another one lies in, and each place once, as a name rather than as an adjective."""
    best: dict[Place, Mention] = {}
    for mention in mentions:
        known = best.get(mention.place)
        if known is None or (known.is_adjective and not mention.is_adjective):
            best[mention.place] = mention
    return [
        mention
        for mention in best.values()
        if not any(
            mention.place.contains(other.place) and other.place != mention.place and not other.is_adjective
            for other in best.values()
        )
    ]
