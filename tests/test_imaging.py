"""An image of any format is read as people would see it, within bounds, or refused in words."""

import os
import struct
import zlib
from contextlib import suppress
from functools import partial
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageFile

from harness.api import Image, UnreadableImage
from harness.imaging import FORMATS, MAX_PIXELS, decode, facts

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(picture, form, **options):
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def noise(mode="RGB", size=(40, 30)):
    pixels = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Pillow.fromarray(pixels).convert(mode)


def pixel(data, place=(0, 0), name="a picture"):
    return decode(data, name).getpixel(place)


WRITTEN = {
    "JPEG": "RGB", "PNG": "RGB", "GIF": "P", "WEBP": "RGB", "BMP": "RGB", "PPM": "RGB", "TIFF": "RGB", "AVIF": "RGB",
    "JPEG2000": "RGB", "ICO": "RGBA", "ICNS": "RGBA", "PCX": "RGB", "DDS": "RGB", "SGI": "RGB", "TGA": "RGB",
    "MSP": "1", "SPIDER": "F", "BLP": "P", "XBM": "1", "QOI": "RGB", "DIB": "RGB",
}  # fmt: skip


@pytest.fixture(scope="module")
def files():
    made = {}
    for form, mode in WRITTEN.items():
        size = (64, 64) if form in ("ICO", "ICNS") else (40, 32)
        made[form] = saved(noise(mode, size), form)
    return made


@pytest.mark.parametrize("form", WRITTEN)
def test_every_format_that_can_be_written_is_read_in_rgb_and_twice_the_same(form, files):
    picture = decode(files[form], "a picture")
    assert picture.mode == "RGB"
    assert picture.tobytes() == decode(files[form], "a picture").tobytes()
    told = facts(files[form], "a picture")
    assert (told.width, told.height, told.bytes) == (*picture.size, len(files[form]))


def test_ordinary_pictures_are_what_pillow_alone_makes_of_them():
    for data in (saved(noise(), "JPEG", quality=85), saved(noise(), "PNG"), saved(noise("L"), "PNG")):
        assert decode(data, "a picture").tobytes() == Pillow.open(BytesIO(data)).convert("RGB").tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_upright_whatever_its_orientation(form, orientation):
    upright = Pillow.new("RGB", (32, 16), WHITE)
    upright.paste(RED, (0, 0, 16, 8))
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Pillow.Transpose(turn[orientation])) if orientation > 1 else upright
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = saved(stored, form, exif=exif, **({"quality": 95} if form in ("JPEG", "WEBP") else {}))
    shown = decode(data, "a picture")
    assert shown.size == (32, 16)
    assert np.allclose(shown.getpixel((4, 3)), RED, atol=24)
    assert np.allclose(shown.getpixel((28, 12)), WHITE, atol=24)
    assert facts(data, "a picture").orientation == orientation


def test_cmyk_is_inverted_only_where_adobe_says_so():
    data = saved(Pillow.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert np.allclose(pixel(data), RED, atol=6)
    at = data.index(b"Adobe") - 4
    plain = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    inverted = saved(Pillow.new("CMYK", (16, 16), (255, 0, 0, 255)), "JPEG", quality=95)
    at = inverted.index(b"Adobe") - 4
    other = inverted[:at] + inverted[at + 2 + int.from_bytes(inverted[at + 2 : at + 4], "big") :]
    assert not np.allclose(pixel(plain), RED, atol=60)
    assert np.allclose(pixel(other), RED, atol=6)
    assert pixel(saved(Pillow.new("CMYK", (16, 16), (0, 255, 255, 0)), "TIFF")) == (255, 0, 0)


def test_what_is_transparent_is_white():
    clear = Pillow.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert pixel(saved(clear, "PNG")) == WHITE
    assert pixel(saved(Pillow.new("RGBA", (8, 8), (255, 0, 0, 255)), "PNG")) == RED
    assert pixel(saved(Pillow.new("LA", (8, 8), (0, 0)), "PNG")) == WHITE
    assert pixel(saved(Pillow.new("RGBA", (8, 8), (0, 0, 0, 128)), "PNG")) == (127, 127, 127)
    palette = Pillow.new("P", (8, 8), 0)
    palette.putpalette([10, 20, 30, *RED])
    palette.putpixel((1, 0), 1)
    data = saved(palette, "PNG", transparency=0)
    assert (pixel(data), pixel(data, (1, 0))) == (WHITE, RED)
    assert pixel(saved(palette, "GIF", transparency=0)) == WHITE


def test_sixteen_bits_are_scaled_and_not_cut_off():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256)
    for data in (
        saved(Pillow.fromarray(ramp), "PNG"),
        saved(Pillow.fromarray(ramp), "TIFF"),
        b"P5 256 1 65535\n" + ramp.astype(">u2").tobytes(),
        _big_endian_tiff(ramp),
    ):
        shown = np.asarray(decode(data, "a picture"))[0, :, 0].astype(int)
        assert shown.tolist() == list(range(256))


def _big_endian_tiff(pixels):
    """Pillow writes little-endian only."""
    height, width = pixels.shape
    entries = ((256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, height))
    entries += ((279, pixels.nbytes),)
    body = pixels.astype(">u2").tobytes()
    table = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in entries)
    return b"MM\0*" + struct.pack(">I", 8 + len(body)) + body + table + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 128.0, 255.0], [0, 128, 255]),
        ([-10.0, 0.0, 10.0], [0, 128, 255]),
        ([float("nan"), 0.0, 1.0], [0, 0, 255]),
        ([3.0e9, 3.0e9, 3.0e9], [0, 0, 0]),
    ],
)
def test_floats_are_scaled_by_the_range_that_they_fit(values, shown):
    data = saved(Pillow.fromarray(np.array([values], np.float32)), "TIFF")
    assert np.asarray(decode(data, "a picture"))[0, :, 0].tolist() == shown


def test_one_bit_is_black_and_white():
    picture = Pillow.new("1", (9, 4), 1)
    picture.putpixel((2, 1), 0)
    for form in ("PNG", "TIFF", "BMP"):
        assert (pixel(saved(picture, form)), pixel(saved(picture, form), (2, 1))) == (WHITE, (0, 0, 0))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_several_frames_the_first_is_read_and_that_there_are_more_is_told(form):
    frames = [Pillow.new("RGB", (24, 24), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if form == "WEBP" else {"quality": 100} if form == "AVIF" else {}
    data = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert np.allclose(pixel(data), RED, atol=8)
    assert facts(data, "a picture").frames == 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "TGA", "PPM", "QOI"])
def test_a_file_that_was_cut_is_refused_even_where_a_library_lets_pillow_pass_it(form, files, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(UnreadableImage, match="cut"):
        decode(files[form][: len(files[form]) // 2], "cut")
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def _chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width, height):
    """A header alone."""
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def icon_of(inner):
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def bombs():
    rows = zlib.compress(bytes(20_001 * 3 * 1000), 9)
    yield "a PNG", png_of(20_001, 5_000) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    yield "a GIF", b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + b"\0\0\0,\0\0\0\0`\xea`\xea\0\x02\0;"
    yield (
        "a BMP",
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
    )
    yield "an icon", icon_of(png_of(12_000, 12_000))
    yield "an icon of Windows", icon_of(struct.pack("<IiiHHIIiiII", 40, 12_000, 24_000, 1, 32, 0, 0, 0, 0, 0, 0))
    inner = png_of(12_000, 12_000)
    yield (
        "an icon of macOS",
        b"icns" + struct.pack(">I", len(inner) + 16) + b"ic07" + struct.pack(">I", len(inner) + 8) + inner,
    )


@pytest.mark.parametrize("name", [name for name, _ in bombs()])
def test_a_bomb_is_refused_by_its_header(name, monkeypatch):
    def never(*_, **__):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    with pytest.raises(UnreadableImage, match=f"more than {MAX_PIXELS:,}"):
        decode(dict(bombs())[name], name)


def test_counting_frames_of_a_large_file_is_left_out():
    frame = b",\0\0\0\0\1\0\1\0\0\x02\x02\x44\1\0"
    data = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame * 120_000 + b";"
    assert facts(data, "many").frames == 2
    assert decode(data, "many").size == (1, 1)


def test_postscript_is_never_run(tmp_path, monkeypatch):
    mark = tmp_path / "it-ran"
    gs = tmp_path / "gs"
    gs.write_text(f"#!/bin/sh\ntouch {mark}\n")
    gs.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n"
    for given_bytes in (data, b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 32, len(data)) + bytes(20) + data):
        with pytest.raises(UnreadableImage, match="is PostScript, a program; it is never run"):
            decode(given_bytes, "a program")
    assert not mark.exists()
    assert {"EPS", "WMF", "FITS", "IPTC"}.isdisjoint(FORMATS)


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "is empty: 0 bytes"), (b"%PDF-1.7", "is a PDF and no image"), (b"words", "no known format")],
)
def test_what_is_no_image_is_told(data, why):
    for read in (decode, facts):
        with pytest.raises(UnreadableImage, match=f"a file: .*{why}"):
            read(data, "a file")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", ""),
        ("a.JPEG", ""),
        ("a.png", "PNG"),
        ("a.webp", "WEBP"),
        ("a", ""),
        ("a.unheard", ""),
        ("d.png/a", ""),
    ],
)
def test_a_suffix_that_says_another_format_is_told(name, expected):
    assert facts(saved(noise(), "JPEG"), name).expected == expected


def test_facts_tell_what_wrote_a_file_and_how_it_was_compressed():
    exif = Pillow.Exif()
    exif[0x0131] = "Photo Editor 3"
    fine, coarse = (facts(saved(noise(), "JPEG", quality=q, exif=exif), "a.jpg") for q in (95, 30))
    assert fine.software == "Photo Editor 3"
    assert 0 < fine.quantisation < coarse.quantisation


def test_an_image_reads_nothing_before_it_is_asked_and_keeps_nothing(tmp_path):
    reads = []
    data = saved(noise(), "PNG")
    image = Image(lambda: reads.append(1) or data, "a picture")
    assert reads == []
    assert (image.facts().format, image.open().size, image.open().size) == ("PNG", (40, 30), (40, 30))
    assert len(reads) == 3


def test_a_large_jpeg_is_decoded_small_where_that_is_enough():
    data = saved(noise(size=(800, 600)), "JPEG")
    assert decode(data, "large", least=64).size == (100, 75)
    assert decode(data, "large").size == (800, 600)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_words(data, files):
    whole = files[data.draw(st.sampled_from(sorted(files)))]
    if data.draw(st.booleans()):
        damaged = whole[: data.draw(st.integers(0, len(whole)))]
    else:
        damaged = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 8))):
            # Headers are at the beginning, and most of what can go wrong is in them.
            place = data.draw(st.integers(0, min(len(whole), 200) - 1) | st.integers(0, len(whole) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
    image = Image(partial(bytes, bytes(damaged)), "damaged")
    for ask in (image.facts, image.open):
        with suppress(UnreadableImage):
            ask()
