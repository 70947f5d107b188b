"""What two sets of items have in common: images and captions that are trained on and tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.findings import MOST_EXAMPLES, Example, Finding
from harness.guard.outlines import stacked
from harness.guard.registration import copies
from harness.guard.sights import Album
from harness.guard.wording import said_again, words
from harness.types import Item


@dataclass(frozen=True, slots=True)
class Side:
    """The items of one split."""

    split: str
    items: Sequence[Item]
    album: Album


def compare(one: Side, other: Side) -> list[Finding]:
    """How many of the second side's items are like some of the first's, each counted once per kind."""
    same_words, near_words = said_again(*([item.caption for item in side.items] for side in (one, other)))
    shared = _by_content(one, other)
    twins = {place: at for place, found in shared.items() if (at := _twin(one, found, other.items[place])) is not None}
    pictures = {place: found[0] for place, found in shared.items()}
    told: tuple[tuple[str, Mapping[int, tuple[int, str]], str], ...] = (
        ("same item across splits", _plain(twins), "have image and caption of a {} item"),
        ("same image across splits", _plain(_without(pictures, twins)), "have the image of a {} item"),
        ("similar image across splits", _copies(one, other), "have an image that is a copy of a {} item's"),
        ("same caption across splits", _plain(_without(same_words, twins)), "have the caption of a {} item"),
        ("similar caption across splits", _plain(near_words), "have the caption of a {} item but for one word"),
    )
    return [_finding(kind, found, phrase, one, other) for kind, found, phrase in told if found]


def _twin(one: Side, places: Sequence[int], item: Item) -> int | None:
    """The first of the places whose caption is the item's."""
    caption = words(item.caption)
    return next((at for at in places if words(one.items[at].caption) == caption), None)


def _plain(found: Mapping[int, int]) -> dict[int, tuple[int, str]]:
    return {place: (at, "") for place, at in found.items()}


def _without(found: Mapping[int, int], taken: Mapping[int, int]) -> dict[int, int]:
    return {place: at for place, at in found.items() if place not in taken}


def _by_content(one: Side, other: Side) -> dict[int, list[int]]:
    """Places of the first side with exactly the bytes, by place of the second."""
    places: dict[str, list[int]] = {}
    for at, item in enumerate(one.items):
        if content := one.album.contents.get(item.id):
            places.setdefault(content, []).append(at)
    return {
        place: places[content]
        for place, item in enumerate(other.items)
        if (content := other.album.contents.get(item.id, "")) in places
    }


def _copies(one: Side, other: Side) -> dict[int, tuple[int, str]]:
    """Copies that are not the same file."""
    first, second = _first_places(one), _first_places(other)
    mine, theirs = list(first), [content for content in second if content not in first]
    if not mine or not theirs:
        return {}
    pictures = [
        stacked([side.album.sights[content].thumbnail for content in contents])
        for side, contents in ((one, mine), (other, theirs))
    ]
    alike = {theirs[place]: (mine[at], score) for place, (at, score) in copies(*pictures).items()}
    return {
        place: (first[alike[content][0]], f"likeness {alike[content][1]:.2f}")
        for place, item in enumerate(other.items)
        if (content := other.album.contents.get(item.id, "")) in alike
    }


def _first_places(side: Side) -> dict[str, int]:
    """Each content that has a thumbnail, and the first place where it is."""
    found: dict[str, int] = {}
    for place, item in enumerate(side.items):
        content = side.album.contents.get(item.id, "")
        if content in side.album.sights and side.album.sights[content].thumbnail:
            found.setdefault(content, place)
    return found


def _finding(kind: str, found: Mapping[int, tuple[int, str]], phrase: str, one: Side, other: Side) -> Finding:
    examples = tuple(
        Example(other.split, other.items[place].id, one.split, one.items[at].id, note)
        for place, (at, note) in sorted(found.items())[:MOST_EXAMPLES]
    )
    told = f"{len(found)} of {len(other.items)} {other.split} items {phrase.format(one.split)}"
    return Finding(kind, f"{one.split}, {other.split}", len(found), told, examples)
