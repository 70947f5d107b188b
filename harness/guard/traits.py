"""What of an item has nothing to do with whether its caption belongs to its image, and may tell it all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import nan
from pathlib import PurePath

from harness.findings import MOST_EXAMPLES, Example, Finding
from harness.guard.sights import Album, with_facts
from harness.guard.telling import Told, chance, telling, telling_words
from harness.guard.wording import words
from harness.types import Item, Verdict

SUSPECTS = frozenset(
    {
        *("falsified", "pristine", "misleading", "miscaptioned", "ooc", "fake", "fakes", "false", "hoax", "hoaxes"),
        *("debunk", "debunked", "debunks", "debunking", "unproven", "untrue", "misinformation", "disinformation"),
        *("factcheck", "factcheckers", "snopes", "politifact", "verified", "genuine", "authentic", "rumor", "rumour"),
        *("out-of-context", "fact-check", "not-true", "real-or-fake"),
    }
)
"""Words of a verdict; those with a hyphen are words that follow each other."""

_GRAVE = ("telling word", "verdict in sight")
_PHRASES = {name: f" {name.replace('-', ' ')} " for name in SUSPECTS if "-" in name}
_MOST_WORDS, _MOST_LETTERS, _LONGEST = 3, 20_000, 60


def findings(split: str, items: Sequence[Item], labels: Mapping[str, Verdict], album: Album) -> Iterator[Finding]:
    """Of one split. Of a group one item of each class is counted, as the others are not independent of it."""
    chosen = one_of_each(items, labels)
    falsified = [labels[item.id] == "falsified" for _, item in chosen]
    own = [item for _, item in chosen]
    for one in telling(*_read(own, album), falsified):
        yield _finding("telling trait", split, one, own)
    for one in telling({}, _evidence(own), falsified):
        yield _finding("evidence by class", split, one, own)
    order = {item_id: place for place, item_id in enumerate(sorted(item.id for item in items))}
    for one in telling(_places(chosen, order), _parities(chosen, order), falsified):
        yield _finding("telling name", split, one, own)
    yield from word_findings(lambda word: _GRAVE[word in SUSPECTS], split, own, falsified, TEXTS)
    yield from word_findings(lambda _: "telling name", split, own, falsified, _NAMES)


def one_of_each(items: Sequence[Item], labels: Mapping[str, Verdict]) -> list[tuple[int, Item]]:
    """The first labelled item of each group and class, with its place."""
    seen: set[tuple[str, Verdict]] = set()
    chosen = []
    for place, item in enumerate(items):
        if item.id in labels and (key := (item.cluster, labels[item.id])) not in seen:
            seen.add(key)
            chosen.append((place, item))
    return chosen


def _read(items: Sequence[Item], album: Album) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """What a model may be able to see: numbers and values, aligned with the items."""
    seen = {item.id: fact for item, fact in with_facts(album, items)}
    found = [seen.get(item.id) for item in items]
    numbers = {
        "letters of the caption": [float(len(item.caption)) for item in items],
        "words of the caption": [float(len(item.caption.split())) for item in items],
        "pieces of evidence": [float(len(item.evidence.captions) + len(item.evidence.entities)) for item in items],
        "letters of the evidence": [float(sum(map(len, item.evidence.captions))) for item in items],
        "bytes of the image file": [float(fact.bytes) if fact else nan for fact in found],
        "width of the image": [float(fact.width) if fact else nan for fact in found],
        "height of the image": [float(fact.height) if fact else nan for fact in found],
        "shape of the image": [fact.width / fact.height if fact else nan for fact in found],
        "compression of the JPEG": [float(fact.quantisation) if fact and fact.quantisation else nan for fact in found],
    }
    values = {
        "format of the image": [fact.format if fact else "" for fact in found],
        "mode of the image": [fact.mode if fact else "" for fact in found],
        "software that wrote the image": [fact.software if fact else "" for fact in found],
        "suffix of the image's name": [_suffix(item) for item in items],
        "orientation of the image": [str(fact.orientation) if fact else "" for fact in found],
        "having an image": [_yes(item.image is not None) for item in items],
    }
    return {name: own for name, own in numbers.items() if len(set(own)) > 1}, values


def _suffix(item: Item) -> str:
    return PurePath(item.image.name).suffix.lower() if item.image else ""


def _evidence(items: Sequence[Item]) -> dict[str, list[str]]:
    return {
        "having any evidence": [_yes(bool(item.evidence.entities or item.evidence.captions)) for item in items],
        "having found captions": [_yes(bool(item.evidence.captions)) for item in items],
        "having found entities": [_yes(bool(item.evidence.entities)) for item in items],
        "having the caption itself among the evidence": [_yes(_repeated(item)) for item in items],
    }


def _repeated(item: Item) -> bool:
    caption = words(item.caption)
    return any(words(found) == caption for found in item.evidence.captions)


def _places(chosen: Sequence[tuple[int, Item]], order: Mapping[str, int]) -> dict[str, list[float]]:
    return {
        "the place in the file": [float(place) for place, _ in chosen],
        "the order of ids": [float(order[item.id]) for _, item in chosen],
    }


def _parities(chosen: Sequence[tuple[int, Item]], order: Mapping[str, int]) -> dict[str, list[str]]:
    return {
        "every other place in the file": [_yes(place % 2 == 0) for place, _ in chosen],
        "every other id": [_yes(order[item.id] % 2 == 0) for _, item in chosen],
    }


def _yes(so: bool) -> str:
    return "yes" if so else "no"


def _finding(kind: str, split: str, told: Told, items: Sequence[Item]) -> Finding:
    value = f" “{told.value[:_LONGEST]}”" if told.value not in ("", "yes", "no") else ""
    without = "not " if told.value == "no" else ""
    sentence = f"{without}{told.trait}{value}: {told.how} ({told.chance})"
    return Finding(kind, split, len(items), sentence)


def word_findings(
    kind: Callable[[str], str],
    split: str,
    items: Sequence[Item],
    falsified: Sequence[bool],
    parts: Mapping[str, Callable[[Item], str]],
) -> Iterator[Finding]:
    """Words in some part of the items that hardly occur but in one class; ``kind`` says what finding a word makes."""
    for part, text in parts.items():
        # One bag at a time: those of a large data set would fill the memory.
        found = telling_words((_bag(text(item)) for item in items), falsified, SUSPECTS)[:_MOST_WORDS]
        if not found:
            continue
        bags = {item.id: {word for word, *_ in found} & _bag(text(item)) for item in items}
        for word, label, count, p in found:
            having = [item.id for item in items if word in bags[item.id]]
            most = _nearly(having, items, falsified, label)
            verdict = "falsified" if label else "pristine"
            told = f"“{word[:_LONGEST]}” in {part} of {count} items, {most} {verdict} ({chance(p)})"
            shown = tuple(Example(split, item_id) for item_id in having[:MOST_EXAMPLES])
            yield Finding(kind(word), split, count, told, shown)


def _nearly(having: Sequence[str], items: Sequence[Item], falsified: Sequence[bool], label: bool) -> str:
    of = dict(zip((item.id for item in items), falsified, strict=True))
    return "all of them" if all(of[item_id] == label for item_id in having) else "nearly all of them"


def _bag(text: str) -> frozenset[str]:
    """The words of a text, and verdicts of several words."""
    found = words(text[:_MOST_LETTERS])
    line = f" {' '.join(found)} "
    return frozenset(found) | {name for name, phrase in _PHRASES.items() if phrase in line}


TEXTS: Mapping[str, Callable[[Item], str]] = {
    "the caption": lambda item: item.caption,
    "the evidence": lambda item: " · ".join((*item.evidence.entities, *item.evidence.captions)),
}
_NAMES: Mapping[str, Callable[[Item], str]] = {
    "the id": lambda item: _letters(item.id),
    "the group": lambda item: _letters(item.group),
    "the image's name": lambda item: _letters(item.image.name if item.image else ""),
    "a feature's name": lambda item: _letters(" ".join(item.features)),
}


def _letters(name: str) -> str:
    """Without digits: ``fake17`` and ``fake18`` have a word in common, digests have none."""
    return "".join(letter if letter.isalpha() else " " for letter in name)
