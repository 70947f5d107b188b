"""Pictures that have what photographs have (skies, textures, objects, few palettes), and what is done to copies."""

from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageEnhance

PALETTES = np.array(
    [
        [[20, 30, 60], [90, 120, 170], [230, 220, 200]],
        [[30, 50, 20], [110, 150, 70], [240, 240, 210]],
        [[60, 20, 20], [180, 100, 60], [250, 230, 190]],
        [[10, 10, 10], [120, 120, 120], [245, 245, 245]],
    ],
    float,
)
WIDTH, HEIGHT = 180, 120
DOWN, RIGHT = np.mgrid[0:HEIGHT, 0:WIDTH] / np.array([HEIGHT, WIDTH])[:, None, None]


def photograph(seed):
    """One of five kinds, of which many share a palette."""
    rng = np.random.default_rng([7, seed])
    palette = PALETTES[rng.integers(len(PALETTES))]
    field = (_texture, _sky, _discs, _street, _waves)[seed % 5](rng)
    place = np.clip((field + 2) / 4, 0, 1) * (len(palette) - 1)
    below = np.minimum(place.astype(int), len(palette) - 2)
    share = (place - below)[..., None]
    pixels = palette[below] * (1 - share) + palette[below + 1] * share
    return Pillow.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _noise(rng, slope):
    waves = np.fft.fftfreq(HEIGHT)[:, None] ** 2 + np.fft.rfftfreq(WIDTH)[None, :] ** 2
    waves[0, 0] = 1
    spectrum = (rng.normal(size=waves.shape) + 1j * rng.normal(size=waves.shape)) / waves ** (slope / 2)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (HEIGHT, WIDTH))
    return field / field.std()


def _gradient(rng):
    angle = rng.uniform(0, 2 * np.pi)
    field = (np.cos(angle) * RIGHT + np.sin(angle) * DOWN) * rng.uniform(1, 3)
    return field - field.mean()


def _texture(rng):
    return _noise(rng, rng.uniform(1.0, 1.6))


def _sky(rng):
    return _gradient(rng) + 0.4 * _noise(rng, 1.2)


def _discs(rng):
    field = _gradient(rng)
    for _ in range(rng.integers(4, 12)):
        x, y, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.05, 0.2)
        field = np.where((RIGHT - x) ** 2 + (DOWN - y) ** 2 < radius**2, rng.uniform(-2, 2), field)
    return field + 0.15 * _noise(rng, 1.0)


def _street(rng):
    horizon = rng.uniform(0.35, 0.7)
    field = np.where(horizon > DOWN, 1.2 - DOWN, -0.6 + 0.3 * _noise(rng, 0.9))
    for _ in range(rng.integers(3, 9)):
        left, wide, top = rng.uniform(0, 0.9), rng.uniform(0.03, 0.2), horizon - rng.uniform(0.05, 0.3)
        inside = (left < RIGHT) & (left + wide > RIGHT) & (top < DOWN) & (horizon + rng.uniform(0, 0.2) > DOWN)
        field = np.where(inside, rng.uniform(-2, 1.5), field)
    return field + 0.1 * _noise(rng, 1.0)


def _waves(rng):
    across, down = rng.uniform(3, 14, 2)
    return np.sin(2 * np.pi * (across * RIGHT + down * DOWN + rng.uniform())) * 0.6 + 0.8 * _noise(rng, 1.3)


def jpeg(picture, quality):
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def reencoded(picture, quality):
    return Pillow.open(BytesIO(jpeg(picture, quality))).convert("RGB")


def cropped(picture, left, top, right, bottom):
    wide, high = picture.size
    return picture.crop((round(wide * left), round(high * top), round(wide * (1 - right)), round(high * (1 - bottom))))


def altered(picture, seed):
    """Every kind of copy by name; what is random depends on the seed alone."""
    rng = np.random.default_rng([11, seed])
    wide, high = picture.size
    lighter, flatter = ImageEnhance.Brightness(picture).enhance, ImageEnhance.Contrast(picture).enhance
    yield "encoded anew", reencoded(picture, int(rng.integers(30, 80)))
    yield "resized", picture.resize((wide // 2, high // 2), Pillow.Resampling.LANCZOS)
    yield "enlarged", picture.resize((wide * 2, high * 2), Pillow.Resampling.BICUBIC)
    yield "stretched", picture.resize((int(wide * 1.3), high), Pillow.Resampling.BICUBIC)
    for side, name in enumerate(("left", "top", "right", "bottom")):
        yield f"cropped by a tenth: {name}", cropped(picture, *(0.1 * (side == other) for other in range(4)))
    yield "cropped by a tenth: all sides", cropped(picture, 0.1, 0.1, 0.1, 0.1)
    yield "cropped somehow", cropped(picture, *rng.uniform(0, 0.1, 4))
    yield "darker", lighter(0.6)
    yield "lighter", lighter(1.4)
    yield "less contrast", flatter(0.6)
    yield "more contrast", flatter(1.4)
    other = ImageEnhance.Brightness(cropped(picture, *rng.uniform(0, 0.1, 4))).enhance(rng.uniform(0.7, 1.3))
    yield "all of it", reencoded(other.resize((160, 120)), 50)
