"""What can be seen in the synthetic news world, and how it is drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

SIDE = 40
"""Width and height of a picture in pixels."""

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

ACTORS: Mapping[str, Colour] = {
    "Rovers": (214, 44, 44),
    "Mariners": (40, 84, 214),
    "Foresters": (34, 150, 62),
    "Harriers": (232, 200, 40),
    "Sentinels": (30, 30, 36),
    "Pilgrims": (240, 236, 228),
}
"""Groups of people, known by the colour of their clothes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Who, what and where. All pictures of one scene show the same news."""

    actor: str
    event: str
    place: str

    def differs(self, other: Scene) -> int:
        """In how many of the three slots two scenes differ."""
        return (self.actor != other.actor) + (self.event != other.event) + (self.place != other.place)


def draw_scene(seed: int) -> Scene:
    """A scene drawn evenly from all."""
    rng = random.Random(seed)
    return Scene(rng.choice(tuple(ACTORS)), rng.choice(tuple(EVENTS)), rng.choice(tuple(PLACES)))


def render(scene: Scene, seed: int) -> bytes:
    """A PNG of the scene; positions, shades and grain vary with the seed and with nothing else."""
    buffer = BytesIO()
    Pillow.fromarray(pixels(scene, seed)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def pixels(scene: Scene, seed: int) -> Pixels:
    """The picture as an array of shape (SIDE, SIDE, 3)."""
    rng = random.Random(seed)
    light = rng.uniform(0.8, 1.1)
    picture = Pillow.new("RGB", (SIDE, SIDE), _shade((168, 196, 220), light))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 24 + rng.randint(-1, 1), SIDE, SIDE), fill=_shade((128, 124, 112), light))
    PLACES[scene.place](draw, rng.randint(-3, 3))
    EVENTS[scene.event](draw, rng.randint(-3, 3))
    _people(draw, rng, _shade(ACTORS[scene.actor], rng.uniform(0.85, 1.1)))
    grain = 9 * np.random.default_rng(seed).standard_normal((SIDE, SIDE, 3), np.float32)
    shown: Pixels = np.clip(np.asarray(picture, np.float32) + grain, 0, 255).astype(np.uint8)
    return shown


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(part * factor)) for part in colour)
    return red, green, blue


def _people(draw: Draw, rng: random.Random, clothes: Colour) -> None:
    for middle in (8, 20, 32):
        x, y = middle + rng.randint(-3, 3), 30 + rng.randint(-2, 1)
        draw.rectangle((x - 3, y, x + 3, y + 9), fill=clothes)
        draw.ellipse((x - 2, y - 4, x + 2, y), fill=(224, 184, 150))


STONE: Colour = (112, 92, 88)


def _tower(draw: Draw, shift: int) -> None:
    draw.rectangle((6 + shift, 2, 10 + shift, 24), fill=STONE)


def _dome(draw: Draw, shift: int) -> None:
    draw.pieslice((1 + shift, 8, 17 + shift, 36), 180, 360, fill=(206, 168, 60))


def _peak(draw: Draw, shift: int) -> None:
    draw.polygon(((0 + shift, 24), (9 + shift, 3), (18 + shift, 24)), fill=(70, 88, 120))


def _bridge(draw: Draw, shift: int) -> None:
    draw.rectangle((0, 14, 19, 16), fill=STONE)
    for x in (2, 9, 16):
        draw.rectangle((x + shift, 14, x + 1 + shift, 24), fill=STONE)


def _wheel(draw: Draw, shift: int) -> None:
    draw.ellipse((2 + shift, 5, 17 + shift, 20), outline=(150, 40, 120), width=2)
    draw.line((9 + shift, 20, 9 + shift, 25), fill=(150, 40, 120), width=2)


def _forest(draw: Draw, shift: int) -> None:
    for x in (3, 9, 15):
        draw.ellipse((x - 3 + shift, 9, x + 3 + shift, 20), fill=(24, 92, 40))
        draw.line((x + shift, 20, x + shift, 24), fill=(80, 52, 30))


PLACES: Mapping[str, Callable[[Draw, int], None]] = {
    "Arden": _tower,
    "Belmar": _dome,
    "Corvo": _peak,
    "Dunmore": _bridge,
    "Elsin": _wheel,
    "Fairhaven": _forest,
}
"""Towns, known by what stands in the left half of the background."""


def _strike(draw: Draw, shift: int) -> None:
    for x in (25, 34):
        draw.rectangle((x - 3 + shift, 10, x + 3 + shift, 16), fill=(250, 250, 246))
        draw.line((x + shift, 16, x + shift, 26), fill=(80, 52, 30))


def _fire(draw: Draw, shift: int) -> None:
    for x, top in ((24, 14), (29, 8), (34, 13)):
        draw.polygon(((x - 3 + shift, 25), (x + shift, top), (x + 3 + shift, 25)), fill=(246, 124, 22))


def _flood(draw: Draw, shift: int) -> None:
    for y in (15, 19, 23):
        draw.arc((19 + shift, y - 3, 29 + shift, y + 3), 0, 180, fill=(26, 74, 196), width=2)
        draw.arc((28 + shift, y - 3, 38 + shift, y + 3), 180, 360, fill=(26, 74, 196), width=2)


def _parade(draw: Draw, shift: int) -> None:
    for x, colour in ((22, (220, 30, 60)), (28, (250, 220, 40)), (34, (40, 170, 80))):
        draw.polygon(((x - 3, 3 + shift // 2), (x + 3, 3 + shift // 2), (x, 11 + shift // 2)), fill=colour)


def _storm(draw: Draw, shift: int) -> None:
    draw.ellipse((21 + shift, 1, 39 + shift, 9), fill=(66, 66, 78))
    draw.line(((30 + shift, 9), (27 + shift, 14), (31 + shift, 14), (28 + shift, 21)), fill=(255, 240, 90), width=2)


def _concert(draw: Draw, shift: int) -> None:
    draw.rectangle((21, 20, 39, 24), fill=(60, 30, 90))
    draw.polygon(((30 + shift, 4), (24 + shift, 20), (36 + shift, 20)), fill=(250, 236, 150))


EVENTS: Mapping[str, Callable[[Draw, int], None]] = {
    "strike": _strike,
    "fire": _fire,
    "flood": _flood,
    "parade": _parade,
    "storm": _storm,
    "concert": _concert,
}
"""Happenings, known by what is drawn in the right half of the picture."""
