"""Items as text on a terminal: nothing that a data set says is obeyed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.showing.card import Card, cards
from harness.showing.heading import Heading
from harness.showing.sample import Sample

if TYPE_CHECKING:
    from rich.console import Console

INDENT = 12


def show(console: Console, heading: Heading, sample: Sample, *, labels: bool) -> None:
    """Print a heading and every item."""
    _line(console, heading.title, style="bold")
    for line in filter(None, (heading.counts, heading.told)):
        _line(console, line)
    for _, card in cards(sample, labels=labels):
        console.print()
        _line(console, card.id, style="bold")
        for name, text in _parts(card):
            _part(console, name, text)


def _parts(card: Card) -> list[tuple[str, str]]:
    parts = [("label", card.label)] if card.label else []
    parts += [("caption", card.caption), ("image", card.image)]
    if card.entities:
        parts.append(("entities", "; ".join(card.entities)))
    parts += [
        ("page" if place == 0 else "", f"{title.text}  ({title.source})" if title.source else title.text)
        for place, title in enumerate(card.titles)
    ]
    if not card.entities and not card.titles:
        parts.append(("evidence", "none"))
    if card.more:
        parts.append(("", f"and {card.more} more"))
    return parts


def _part(console: Console, name: str, text: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    width = max(20, console.width - INDENT)
    # Text, never markup: a caption with brackets is a caption.
    lines = Text(text).wrap(console, width)
    for place, line in enumerate(lines):
        head = Text(f"  {name if place == 0 else '':<{INDENT - 2}}", style="dim")
        console.print(Padding(head + line, 0, expand=False), soft_wrap=True, highlight=False)


def _line(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=True, highlight=False)
