"""The picture that a model is shown: a JPEG of bounded size with nothing of the file's metadata."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

from harness.api import Image


def encode(image: Image, max_side: int, quality: int) -> bytes:
    """JPEG of the upright first frame in RGB, no side longer than ``max_side`` pixels; raises `UnreadableImage`.

    The same image gives the same bytes, with one version of Pillow.
    """
    picture = image.open()
    # Larger pictures alone are scaled: one that is small gains nothing by it.
    picture.thumbnail((max_side, max_side))
    # What a file says of itself (comments, places, names of people) is not what is judged.
    picture.info.clear()
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def data_url(jpeg: bytes) -> str:
    """The picture as a URL that holds it."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
