"""The picture that a model is shown."""

from base64 import b64decode
from functools import partial
from io import BytesIO

import pytest
from PIL import Image as Pillow

from harness.api import Image, UnreadableImage
from harness_teachers.picture import data_url, encode


def image(picture, form="PNG", **options):
    out = BytesIO()
    picture.save(out, form, **options)
    return Image(partial(bytes, out.getvalue()), "a picture")


def opened(jpeg):
    return Pillow.open(BytesIO(jpeg))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((2000, 1000), (512, 256)), ((100, 50), (100, 50)), ((9000, 1), (512, 1)), ((512, 512), (512, 512))],
)
def test_no_side_is_longer_than_asked_and_small_pictures_stay(size, shown):
    assert opened(encode(image(Pillow.new("RGB", size)), 512, 85)).size == shown


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1", "I;16"])
def test_a_picture_of_any_mode_is_shown_in_rgb(mode):
    form = "TIFF" if mode in ("CMYK", "I;16") else "PNG"
    jpeg = encode(image(Pillow.new(mode, (8, 8)), form), 64, 85)
    assert (opened(jpeg).format, opened(jpeg).mode) == ("JPEG", "RGB")


def test_a_picture_is_shown_upright_and_without_what_its_file_says_of_itself():
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken in Lima, falsified"
    picture = Pillow.new("RGB", (40, 20))
    jpeg = encode(image(picture, "JPEG", exif=exif, comment=b"falsified", icc_profile=b"falsified"), 64, 85)
    assert opened(jpeg).size == (20, 40)
    assert b"falsified" not in jpeg
    assert not opened(jpeg).getexif()


def test_the_same_image_gives_the_same_bytes_and_another_quality_others():
    picture = image(Pillow.effect_noise((64, 64), 80).convert("RGB"))
    assert encode(picture, 48, 85) == encode(picture, 48, 85)
    assert len(encode(picture, 48, 40)) < len(encode(picture, 48, 85))


def test_a_data_url_holds_the_picture():
    head, _, body = data_url(b"\xff\xd8 bytes").partition(",")
    assert (head, b64decode(body)) == ("data:image/jpeg;base64", b"\xff\xd8 bytes")


def test_what_is_no_picture_is_told():
    with pytest.raises(UnreadableImage, match="a text: is not an image that can be decoded: no known format"):
        encode(Image(partial(bytes, b"words"), "a text"), 64, 85)
