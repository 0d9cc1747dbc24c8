"""Files from the web: each mode, rotated, animated, damaged, malicious."""

import contextlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import as_size
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image, quieten_pillow

WHOLE = KeptSize.exactly(10_000)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(height=20, width=30):
    coarse = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def decoded(content: bytes, kept: KeptSize = WHOLE) -> np.ndarray:
    image = decode_image(content, kept)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "webp"])
def test_rgb_comes_back_as_it_was(kind):
    content = encoded(picture(), kind, **({"lossless": True} if kind == "webp" else {}))
    assert np.array_equal(decoded(content), np.asarray(picture()))


def test_grey_and_black_and_white():
    grey = picture().convert("L")
    assert np.array_equal(decoded(encoded(grey, "png")), np.asarray(grey)[:, :, None].repeat(3, 2))
    assert set(np.unique(decoded(encoded(grey.convert("1"), "png")))) == {0, 255}


def test_sixteen_bits_keep_the_upper_eight():
    values = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    content = encoded(Image.fromarray(values), "png")
    assert np.array_equal(decoded(content)[:, :, 1], (values >> 8).astype(np.uint8))


def test_floating_point_pixels_are_refused():
    content = encoded(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "tiff")
    with pytest.raises(UnreadableImage, match="floating-point"):
        decode_image(content, WHOLE)


def test_cmyk_jpeg():
    content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "jpeg", quality=95)
    red, green, blue = decoded(content)[8, 8]
    assert red > 200
    assert green < 60
    assert blue < 60


def test_a_palette():
    content = encoded(picture().quantize(256), "png")
    assert np.array_equal(decoded(content), np.asarray(picture().quantize(256).convert("RGB")))


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_transparent_parts_turn_white(kind):
    image = picture().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 10, 10))
    pixels = decoded(encoded(image, kind, **({"lossless": True} if kind == "webp" else {})))
    assert (pixels[:10, :10] == 255).all()
    assert np.array_equal(pixels[10:], np.asarray(picture())[10:])


def test_a_transparent_palette_turns_white():
    image = picture().quantize(16)
    content = encoded(image, "png", transparency=int(np.asarray(image)[0, 0]))
    assert (decoded(content)[0, 0] == 255).all()


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "gif", save_all=True, append_images=frames[1:])
    assert decoded(content)[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_put_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = picture()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> the transpose that the camera made
    stored = seen if orientation == 1 else seen.transpose(Image.Transpose(undo[orientation]))
    content = encoded(stored, "png", exif=exif)
    assert np.array_equal(decoded(content), np.asarray(seen))


def test_damaged_metadata_does_not_cost_the_image_and_is_not_warned_about():
    content = encoded(picture(), "jpeg", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01")
    quieten_pillow()
    with warnings.catch_warnings(record=True) as caught:
        assert decoded(content).shape == (20, 30, 3)
    assert not caught


@pytest.mark.parametrize(
    ("size", "kept", "expected"),
    [
        ((300, 400), KeptSize(as_size(30), as_size(25)), (25, 33)),
        ((400, 300), KeptSize(as_size(30), as_size(25)), (33, 25)),
        ((30, 400), KeptSize(as_size(30), as_size(25)), (30, 400)),
        ((20, 20), KeptSize(as_size(30), as_size(25)), (20, 20)),
        ((2000, 3), KeptSize.exactly(2), (1333, 2)),
        ((300, 400), KeptSize.automatic((64, 32)), (64, 85)),
        ((400, 100), KeptSize.automatic((64, 32)), (128, 32)),
        ((70, 400), KeptSize.automatic((64, 32)), (70, 400)),
        ((400, 36), KeptSize.automatic((64, 32)), (400, 36)),
    ],
)
def test_images_above_the_limit_are_resized_until_they_just_cover_what_is_wanted(size, kept, expected):
    assert decoded(encoded(picture(*size), "png"), kept).shape[:2] == expected


def test_a_large_jpeg_decoded_at_a_fraction_looks_like_one_decoded_whole():
    large = picture(1200, 1600)
    kept = KeptSize.exactly(128)
    quick = decoded(encoded(large, "jpeg", quality=95), kept).astype(int)
    whole = np.asarray(large.resize((171, 128), Image.Resampling.BILINEAR)).astype(int)
    assert quick.shape == whole.shape
    assert abs(quick - whole).mean() < 2


def test_a_turned_large_jpeg_is_resized_and_put_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decoded(encoded(picture(600, 800), "jpeg", exif=exif), KeptSize.exactly(60)).shape == (80, 60, 3)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_what_is_wanted_of_a_turned_image_is_meant_upright(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(picture(300, 900), kind, exif=exif)  # upright 900 x 300
    assert decoded(content, KeptSize.automatic((64, 32))).shape == (96, 32, 3)
    assert decoded(content, KeptSize.automatic((32, 64))).shape == (192, 64, 3)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_truncated_file_is_refused(kind):
    content = encoded(picture(200, 300), kind)
    with pytest.raises(UnreadableImage):
        decode_image(content[: len(content) // 2], WHOLE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"Not found", "not an image"), (b"\xff\xd8\xff\xe0" + bytes(50), ".")],
)
def test_what_is_no_image_is_refused(content, reason):
    with pytest.raises(UnreadableImage, match=reason):
        decode_image(content, WHOLE)


@pytest.mark.parametrize("side", [9_600, 30_000])
def test_a_decompression_bomb_is_refused_before_it_unfolds(side):
    assert side * side > WHOLE.max_pixels
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0" * 100))
    quieten_pillow()
    with pytest.raises(UnreadableImage, match=r"more than data.max_megapixels \(90\)"):
        decode_image(content, WHOLE)


@pytest.mark.parametrize("seed", range(30))
def test_damage_anywhere_is_either_survived_or_refused(seed):
    """Whatever Pillow raises for damaged bytes becomes UnreadableImage."""
    random = np.random.default_rng(seed)
    kind = ("jpeg", "png", "gif", "webp", "tiff", "bmp")[seed % 6]
    content = bytearray(encoded(picture(40, 40), kind))
    for place in random.integers(0, len(content), 20):
        content[place] = random.integers(0, 256)
    quieten_pillow()
    with contextlib.suppress(UnreadableImage):
        assert decode_image(bytes(content), WHOLE).mode == "RGB"


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
