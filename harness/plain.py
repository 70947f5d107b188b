"""What a stranger wrote as text that can do nothing: no control character, no hidden direction, not too long."""

from __future__ import annotations

LONGEST = 2_000
"""Characters of one text that are shown."""


def printable(text: str, kept: str = "", instead: str = "") -> str:
    """The text with ``instead`` for what a terminal would obey or a reader could not see, but for what is ``kept``."""
    return "".join(letter if letter.isprintable() or letter in kept else instead for letter in text)


def plain(text: str, longest: int = LONGEST) -> str:
    """The printable text on one line; cut where it is very long."""
    shown = " ".join(filter(None, map(printable, text[:longest].split())))
    return shown if len(text) <= longest else f"{shown}… (cut; {len(text):,} characters)"
