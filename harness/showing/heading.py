"""What stands above the items: where they are from, how many there are of each class, and which are shown."""

from __future__ import annotations

from dataclasses import dataclass

from harness.plain import plain
from harness.showing.sample import Sample


@dataclass(frozen=True, slots=True)
class Heading:
    """Lines of words; a line may be empty."""

    title: str
    counts: str
    told: str


def heading(name: str, sample: Sample, seed: int, *, labels: bool) -> Heading:
    """The heading of a sample; ``name`` says which benchmark it is."""
    if not sample.drawn:
        return Heading(plain(f"{name}: 1 item of the {sample.split} split", 200), "", _told(labels, ""))
    classes = ", ".join(f"{count:,} {verdict}" for verdict, count in sample.classes.items() if count)
    drawn = f"{len(sample.items):,} of {sample.total:,} shown, drawn from every class with seed {seed}."
    return Heading(
        plain(f"{name}: {sample.split}, {sample.total:,} items", 200), f"Classes: {classes}.", _told(labels, drawn)
    )


def _told(labels: bool, text: str) -> str:
    return text if labels else f"{text} Labels are hidden; --labels shows them.".lstrip()
