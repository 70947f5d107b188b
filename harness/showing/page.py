"""Items as one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from harness.showing.card import Card, cards
from harness.showing.heading import Heading
from harness.showing.sample import Sample
from harness.thumbnail import thumbnail
from harness.types import Item

SIDE = 320


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture as a data URI, and its size on the page."""

    address: str
    width: int
    height: int


def page(heading: Heading, sample: Sample, *, labels: bool) -> str:
    """The page as text; whatever the data set says is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (folder / "gallery.css").read_text(encoding="utf-8")
    return environment.get_template("gallery.html.jinja").render(
        style=style,
        style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
        heading=heading,
        shown=list(_shown(sample, labels)),
    )


def _shown(sample: Sample, labels: bool) -> Iterator[tuple[Card, Picture | None]]:
    for item, card in cards(sample, labels=labels):
        yield card, _picture(item)


def _picture(item: Item) -> Picture | None:
    """None where there is no picture that can be shown."""
    from PIL import Image

    data = thumbnail(item.image, SIDE)
    if not data:
        return None
    with Image.open(BytesIO(data)) as small:
        width, height = small.size
    return Picture(f"data:image/webp;base64,{b64encode(data).decode()}", width, height)
