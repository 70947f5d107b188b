"""One item in words: its texts, what its image is, and its label where that may be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import UnreadableImage
from harness.plain import plain
from harness.showing.sample import Sample
from harness.types import Image, Item, Verdict

MOST_TITLES = 12
"""Captions of pages, and entities, that are shown of one item."""


@dataclass(frozen=True, slots=True)
class Title:
    """The caption of a page and the page's address, where it is known."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Card:
    """An item for people; every text is plain."""

    id: str
    caption: str
    image: str
    """What the image is, or why it cannot be seen."""
    entities: Sequence[str]
    titles: Sequence[Title]
    more: int
    """Entities and captions that are not shown."""
    label: str
    """Empty where labels are hidden."""


def cards(sample: Sample, *, labels: bool) -> Iterator[tuple[Item, Card]]:
    """A card of every item that is shown."""
    for item, label in zip(sample.items, sample.labels, strict=True):
        yield item, _card(item, (label or "no label") if labels else "")


def _card(item: Item, label: Verdict | str) -> Card:
    found = item.evidence
    sources = found.sources or ("",) * len(found.captions)
    titles = [Title(plain(text), plain(source, 200)) for text, source in zip(found.captions, sources, strict=True)]
    return Card(
        id=plain(item.id, 200),
        caption=plain(item.caption),
        image=_image(item.image),
        entities=[plain(text, 200) for text in found.entities[:MOST_TITLES]],
        titles=titles[:MOST_TITLES],
        more=max(0, len(found.entities) - MOST_TITLES) + max(0, len(titles) - MOST_TITLES),
        label=label,
    )


def _image(image: Image | None) -> str:
    if image is None:
        return "none"
    try:
        picture = image.open()
        return f"{picture.width} x {picture.height} pixels, {len(image.read()):,} bytes"
    except UnreadableImage as error:
        return plain(f"cannot be shown: {error.cause}", 200)
