"""What a stranger wrote as text that can do nothing: no control character, no hidden direction, not too long."""

from __future__ import annotations

LONGEST = 2_000
"""Characters of one text that are shown."""


def plain(text: str, longest: int = LONGEST) -> str:
    """The text on one line without what a terminal would obey or a reader could not see; cut where it is very long."""
    shown = "".join(letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text[:longest])
    shown = " ".join(shown.split())
    return shown if len(text) <= longest else f"{shown}… (cut; {len(text):,} characters)"
