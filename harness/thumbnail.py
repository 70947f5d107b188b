"""A small picture of an item's image, for pages that people read."""

from __future__ import annotations

from io import BytesIO

from harness.errors import UnreadableImage
from harness.types import Image

MOST_BYTES = 12_000
_QUALITIES = (60, 35, 10)


def thumbnail(image: Image | None, side: int = 160) -> bytes:
    """WebP with no side longer than ``side`` and at most `MOST_BYTES` bytes; empty where there is no such picture.

    It holds nothing of the file's metadata, and the same image gives the same bytes.
    """
    if image is None or not 1 <= side <= 640:
        return b""
    try:
        picture = image.open()
    except UnreadableImage:
        return b""
    picture.thumbnail((side, side))
    for quality in _QUALITIES:
        out = BytesIO()
        picture.save(out, "WEBP", quality=quality, method=4)
        if out.tell() <= MOST_BYTES:
            return out.getvalue()
    return b""
