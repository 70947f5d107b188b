"""Decoded images of one training: opened when they are asked for, and kept while there is room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.api import Item, UnreadableImage

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# 200 MB decoded: all pictures of a small data set, a part of a large one's.
KEPT_PIXELS = 64_000_000


class Pictures:
    """The items' images by item id, for as long as one training lasts."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self._items = items
        self._kept: dict[str, Picture] = {}
        self._readable: dict[str, bool] = {}
        self._room = KEPT_PIXELS

    def __getstate__(self) -> dict[str, object]:
        # datasets pickles what a transform refers to, only to name it; that must not encode every picture.
        return {}

    def open(self, item_id: str) -> Picture:
        """The decoded image; raises `UnreadableImage`."""
        if item_id in self._kept:
            return self._kept[item_id]
        image = self._items[item_id].image
        if image is None:
            raise UnreadableImage("there is no image", place=item_id)
        picture = image.open()
        if picture.width * picture.height <= self._room:
            self._room -= picture.width * picture.height
            self._kept[item_id] = picture
        return picture

    def sha256(self, item_id: str) -> str:
        """Hex digest of the encoded bytes of an image that can be decoded."""
        image = self._items[item_id].image
        return image.sha256() if image else ""

    def readable(self, item_id: str) -> bool:
        """Whether the image can be decoded; each image is tried once."""
        if item_id not in self._readable:
            try:
                self.open(item_id)
            except UnreadableImage:
                self._readable[item_id] = False
            else:
                self._readable[item_id] = True
        return self._readable[item_id]
