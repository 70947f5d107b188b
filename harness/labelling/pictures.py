"""Images for people, under names that tell nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

from harness.errors import UnreadableImage
from harness.labelling.tasks import Task
from harness.types import Image

Manner = Literal["copy", "link", "none"]

SIDE = 1024
"""Pixels of the longer side of a picture within a page."""

NOTHING = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
"""A picture of one transparent pixel, for an item without an image among items with one."""


def put(tasks: Sequence[Task], folder: Path, manner: Manner) -> dict[str, str]:
    """Copy or link the images into ``folder``; the name of each by the task's key, without those that are not there."""
    names: dict[str, str] = {}
    if manner == "none" or not any(task.item.image for task in tasks):
        return names
    folder.mkdir()
    for task in tasks:
        if (image := task.item.image) is None:
            continue
        try:
            data = image.read()
        except UnreadableImage:
            continue
        if not (ending := _ending(data)):
            continue
        name = f"{task.key}{ending}"
        if manner == "link":
            image.link(folder / name)
        else:
            (folder / name).write_bytes(data)
        names[task.key] = name
    return names


def _ending(data: bytes) -> str:
    """How the name of such a file ends, by its content; empty where it is no image."""
    import warnings

    from PIL import Image as Pillow

    try:
        with warnings.catch_warnings():
            # Nothing is decoded here, however many pixels there are.
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            with Pillow.open(BytesIO(data)) as picture:
                found = (picture.format or "").lower()
    # Pillow raises many kinds of errors for what is no image, and its own warning for one that is too large.
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        return ""
    return {"jpeg": ".jpg", "mpo": ".jpg", "tiff": ".tif", "": ".img"}.get(found, f".{found}")


def embedded(image: Image | None) -> str:
    """A picture of at most `SIDE` pixels as a data URI; `NOTHING` where there is none that can be shown."""
    if image is None:
        return NOTHING
    try:
        picture = image.open()
    except UnreadableImage:
        return NOTHING
    picture.thumbnail((SIDE, SIDE))
    out = BytesIO()
    picture.save(out, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(out.getvalue()).decode()}"
