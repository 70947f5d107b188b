"""A picture of any mode → RGB as people would see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_SIXTEEN_BITS = 65535


def upright_rgb(opened: ImageFile) -> Picture:
    """Decoded, turned as EXIF says, over white where it is transparent; raises what Pillow raises."""
    form = opened.format or ""
    # Adobe's programs store CMYK inverted and say so by a marker; Pillow takes all for theirs.
    plain_cmyk = form == "JPEG" and opened.mode == "CMYK" and "adobe" not in opened.info
    opened.load()
    picture = _turned(opened)
    if plain_cmyk:
        from PIL import ImageChops

        picture = ImageChops.invert(picture)
    if picture.mode in _DEEP:
        return _scaled(picture, form).convert("RGB")
    if picture.mode == "LAB":
        return _from_lab(picture)
    if picture.has_transparency_data:
        return _over_white(picture)
    return picture.convert("RGB")


def _turned(picture: ImageFile) -> Picture:
    """As EXIF says; an EXIF block that cannot be read says nothing."""
    from PIL import ImageOps

    try:
        turned: Picture = ImageOps.exif_transpose(picture)
    except Exception:
        return picture
    return turned


def _over_white(picture: Picture) -> Picture:
    from PIL import Image as Pillow

    clear = picture.convert("RGBA")
    white = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(white, clear).convert("RGB")


def _scaled(picture: Picture, form: str) -> Picture:
    """Grey in 8 bits of a picture with 16 or 32, none of them cut off."""
    import numpy as np
    from PIL import Image as Pillow

    values: NDArray[Any] = np.asarray(picture).astype(np.float32)
    low, high = _range(values, picture.mode, form)
    grey = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) * (255 / (high - low))
    return Pillow.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8))


def _range(values: NDArray[np.float32], mode: str, form: str) -> tuple[float, float]:
    """What is black and what is white: the format's scale, or the one that the values fit; else their own range."""
    import numpy as np

    if mode.startswith("I;16") or (mode == "I" and form in ("PNG", "PPM")):
        return 0.0, _SIXTEEN_BITS
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    for white in (1.0, 255.0, _SIXTEEN_BITS) if mode == "F" else (255.0, _SIXTEEN_BITS):
        if low >= 0 and high <= white:
            return 0.0, white
    return (low, high) if high > low else (low, low + 1)


def _from_lab(picture: Picture) -> Picture:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.applyTransform(picture, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))  # type: ignore[return-value]
