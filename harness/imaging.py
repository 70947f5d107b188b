"""Encoded bytes → an RGB picture, or its facts: bounds are held before anything is decoded, and no file is ever run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING

from harness.errors import UnreadableImage
from harness.rgb import upright_rgb

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

# A news photo has 1 to 50 million pixels; beyond this a small file is a decompression bomb.
MAX_PIXELS = 100_000_000

FORMATS = (
    *(
        "JPEG",
        "PNG",
        "GIF",
        "WEBP",
        "BMP",
        "DIB",
        "PPM",
        "TIFF",
        "AVIF",
        "JPEG2000",
        "ICO",
        "ICNS",
        "CUR",
        "PSD",
        "QOI",
    ),
    *("PCX", "DCX", "DDS", "SGI", "SUN", "TGA", "IM", "IMT", "MSP", "PCD", "PIXAR", "SPIDER", "FLI", "FTEX", "GBR"),
    *("BLP", "XBM", "XPM", "XVTHUMB", "MCIDAS"),
)
"""Raster formats that Pillow decodes itself, as it calls them, the frequent ones first.

Left out: EPS (a program, which Pillow hands to Ghostscript), WMF and EMF (drawn by Windows), IPTC (opens what it holds
whatever that is), FITS (unpacks without a bound), and formats that Pillow only recognises (BUFR, GRIB, HDF5, MPEG).
"""

_REFUSED = {
    b"%!PS": "is PostScript, a program; it is never run",
    b"\xc5\xd0\xd3\xc6": "is PostScript, a program; it is never run",
    b"%PDF": "is a PDF and no image",
    b"\xd7\xcd\xc6\x9a": "is a Windows metafile, which only Windows can draw",
}
_ICONS = (b"\0\0\1\0", b"\0\0\2\0", b"icns")
_ALIKE = {"MPO": "JPEG", "DIB": "BMP", "CUR": "ICO"}
# In these the number of frames stands in the header; elsewhere all that lies between them is read.
_COUNTED = frozenset({"PNG", "WEBP", "AVIF", "MPO", "FLI", "DCX"})
_FEW_BYTES = 1 << 20
_LONGEST = 60

_PNG = re.compile(rb"\x89PNG\r\n\x1a\n....IHDR(.{4})(.{4})", re.DOTALL)
_JP2 = re.compile(rb"ihdr(.{4})(.{4})", re.DOTALL)
_J2K = re.compile(rb"\xff\x4f\xff\x51....(.{4})(.{4})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image file says of itself; nothing of it is decoded for that."""

    format: str
    """As Pillow calls it: ``JPEG``, ``PNG``, …"""
    width: int
    height: int
    mode: str
    """Pillow's name for what a pixel is."""
    frames: int
    """The first is the one that is read; 2 where there are more and to count them would take long."""
    orientation: int
    """EXIF's, 1 to 8; 1 is upright."""
    bytes: int
    expected: str = ""
    """The format that the name's suffix stands for, where that is another one."""
    software: str = ""
    """What EXIF says wrote the file."""
    quantisation: int = 0
    """Sum of a JPEG's quantisation tables: the lower, the better its quality; 0 for other formats."""


def decode(data: bytes, name: str, least: int = 0) -> Picture:
    """The picture in RGB, first frame, upright; raises `UnreadableImage`, which calls it ``name``.

    Transparency is laid over white, 16 and 32 bits are scaled, and the file must be whole. With ``least``, a JPEG is
    decoded at the smallest of its own scales in which no side is shorter than that.
    """
    with _told(name), _whole():
        picture = _open(data, name)
        if least:
            # No mode: it stays what it is.
            picture.draft(None, (least, least))
        return upright_rgb(picture)


def facts(data: bytes, name: str) -> ImageFacts:
    """What the header says; raises `UnreadableImage` where `decode` would, as far as the header shows it."""
    with _told(name):
        picture = _open(data, name)
        form = picture.format or ""
        exif = picture.getexif()
        return ImageFacts(
            format=form,
            width=picture.width,
            height=picture.height,
            mode=picture.mode,
            frames=_frames(picture, len(data)),
            orientation=value if isinstance(value := exif.get(0x0112, 1), int) and 1 <= value <= 8 else 1,
            bytes=len(data),
            expected=promised(form, name),
            software=str(exif.get(0x0131, ""))[:_LONGEST].strip("\0 "),
            quantisation=sum(sum(table) for table in getattr(picture, "quantization", {}).values()),
        )


def _open(data: bytes, name: str) -> ImageFile:
    """The header, within bounds."""
    from PIL import Image as Pillow

    if not data:
        raise UnreadableImage("is empty: 0 bytes", place=name)
    for start, why in _REFUSED.items():
        if data.startswith(start):
            raise UnreadableImage(why, place=name)
    # Pillow decodes an icon as soon as it opens it.
    if data.startswith(_ICONS):
        for width, height in _nested(data):
            _bound(width, height, name)
    picture = Pillow.open(BytesIO(data), formats=_readable())
    _bound(picture.width, picture.height, name)
    return picture


def _bound(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width} x {height} pixels, more than {MAX_PIXELS:,}", place=name)


def _nested(data: bytes) -> Iterator[tuple[int, int]]:
    """Sizes that whole files within an icon state: the icon's own directory need not agree with them."""
    for header in (_PNG, _JP2, _J2K):
        for sides in header.finditer(data):
            one, other = (int.from_bytes(side, "big") for side in sides.groups())
            yield one, other
    for entry in range(min(int.from_bytes(data[4:6], "little"), 1000)):
        at = int.from_bytes(data[6 + 16 * entry + 12 : 6 + 16 * entry + 16], "little")
        if data[at : at + 4] == b"\x28\0\0\0":
            yield int.from_bytes(data[at + 4 : at + 8], "little"), int.from_bytes(data[at + 8 : at + 12], "little") // 2


def _frames(picture: ImageFile, size: int) -> int:
    if picture.format == "PSD" or not getattr(picture, "is_animated", False):
        return 1
    return int(getattr(picture, "n_frames", 2)) if picture.format in _COUNTED or size <= _FEW_BYTES else 2


def promised(form: str, name: str) -> str:
    """The format that a name's suffix stands for where a file's is another one; empty otherwise."""
    from PIL import Image as Pillow

    _readable()
    found = Pillow.EXTENSION.get(PurePath(name).suffix.lower(), "")
    return "" if _ALIKE.get(found, found) == _ALIKE.get(form, form) else found


@cache
def _readable() -> tuple[str, ...]:
    """Of `FORMATS` those that this Pillow has."""
    from PIL import Image as Pillow

    Pillow.init()
    return tuple(name for name in FORMATS if name in Pillow.OPEN)


@contextmanager
def _whole() -> Iterator[None]:
    """Truncated files are refused, whatever some library has told Pillow."""
    from PIL import ImageFile

    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever Pillow says of a file in a dozen kinds of exception, in ours; its warnings are about the file, too."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnreadableImage:
        raise
    except Pillow.DecompressionBombError:
        # Pillow's own bound, which is wider.
        raise UnreadableImage(f"more than {MAX_PIXELS:,} pixels", place=name) from None
    except UnidentifiedImageError:
        # Pillow's own words hold an address in memory, another one each time.
        raise UnreadableImage("is not an image that can be decoded: no known format", place=name) from None
    except Exception as error:
        told = str(error) or type(error).__name__
        raise UnreadableImage(f"is not an image that can be decoded: {told}", place=name) from None
