"""Every image of a data set, looked at once per content: what it is, and its thumbnail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from harness.errors import UnreadableImage
from harness.guard.outlines import SIDE, thumbnail
from harness.handed import Shelf
from harness.imaging import ImageFacts, decode, facts
from harness.types import Image, Item

SHELF = "sights"

_VERSION = 1
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Sight:
    """An image's content: its facts and thumbnail, or why there are none."""

    facts: ImageFacts | None
    thumbnail: bytes = b""
    problem: str = ""


@dataclass(slots=True)
class Album:
    """The images of some items; one content is held once."""

    contents: dict[str, str]
    """SHA-256 by item id; an image without readable bytes has none."""
    sights: dict[str, Sight]
    """By SHA-256."""
    problems: dict[str, str]
    """Why an item's image cannot be used, by item id."""

    @classmethod
    def of(cls, items: Sequence[Item], shelf: Shelf) -> Album:
        """Reads every image, decodes those that the shelf does not know, and holds few at a time."""
        album = cls({}, {}, {})
        shown = [(item, item.image) for item in items if item.image is not None]
        for start in range(0, len(shown), _AT_ONCE):
            album._add(shown[start : start + _AT_ONCE], shelf)
        return album

    def _add(self, shown: Sequence[tuple[Item, Image]], shelf: Shelf) -> None:
        new: dict[str, tuple[bytes, str]] = {}
        for item, image in shown:
            try:
                data = image.read()
            except UnreadableImage as error:
                self.problems[item.id] = error.cause
                continue
            content = sha256(data).hexdigest()
            self.contents[item.id] = content
            if content not in self.sights:
                new.setdefault(content, (data, image.name))
        self.sights |= _looked_at(new, shelf)
        for item, _ in shown:
            if item.id in self.contents and (problem := self.sights[self.contents[item.id]].problem):
                self.problems[item.id] = problem


def _looked_at(new: Mapping[str, tuple[bytes, str]], shelf: Shelf) -> dict[str, Sight]:
    keys = {content: _key(content) for content in new}
    kept = shelf.get(keys.values()) if keys else {}
    found = {content: _read(kept[key]) for content, key in keys.items() if key in kept}
    made = {content: look(*new[content]) for content in new if content not in found}
    if made:
        shelf.put({keys[content]: _written(sight) for content, sight in made.items()})
    return found | made


def look(data: bytes, name: str) -> Sight:
    """Decoded to its end, so that a truncated file is noticed; raises nothing."""
    try:
        told = facts(data, name)
        return Sight(told, thumbnail(decode(data, name, 2 * SIDE)))
    except UnreadableImage as error:
        return Sight(None, problem=error.cause)


def _key(content: str) -> str:
    from PIL import __version__

    return f"{_VERSION}:{__version__}:{content}"


def _written(sight: Sight) -> bytes:
    told = {"facts": asdict(sight.facts) if sight.facts else None, "problem": sight.problem}
    return json.dumps(told).encode() + b"\n" + sight.thumbnail


def _read(entry: bytes) -> Sight:
    line, _, picture = entry.partition(b"\n")
    told = json.loads(line)
    return Sight(ImageFacts(**told["facts"]) if told["facts"] else None, picture, told["problem"])


def with_facts(album: Album, items: Sequence[Item]) -> Iterator[tuple[Item, ImageFacts]]:
    """Items whose image can be used, with its facts."""
    for item in items:
        sight = album.sights.get(album.contents.get(item.id, ""))
        if sight is not None and sight.facts is not None:
            yield item, sight.facts
