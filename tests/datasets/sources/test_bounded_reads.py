"""Images in so many pieces that reading them would take minutes are bad images; those of cameras are not."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.sources.bounded_reads import READS
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image

KEPT = KeptSize.exactly(8)
MANY = 2 * READS


def encoded(form):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    return file.getvalue()


def chunk(name, body=b""):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def inside(content, place, piece, count=MANY):
    return content[:place] + piece * count + content[place:]


PNG, JPEG, GIF = encoded("PNG"), encoded("JPEG"), encoded("GIF")
FIRST_CHUNK, BEHIND_COLOURS = 33, 13 + 3 * (2 << (GIF[10] & 7))
PLAIN_PPM = b"P3 8 8 255\n%s" + b"0 " * 192
MADE = {
    "texts of PNG": inside(PNG, FIRST_CHUNK, chunk(b"tEXt", b"k\0")),
    "unknown chunks of PNG": inside(PNG, FIRST_CHUNK, chunk(b"abCd")),
    "chunks after PNG's pixels": inside(PNG, len(PNG) - 12, chunk(b"IDAT")),
    "comments of JPEG": inside(JPEG, 2, b"\xff\xfe\0\2"),
    "fill bytes of JPEG": inside(JPEG, 2, b"\xff"),
    "tables of JPEG": inside(JPEG, 2, b"\xff\xdb\0\2"),
    "comments of GIF": inside(GIF, BEHIND_COLOURS, b"\x21\xfe\1x\0"),
    "pieces of one comment of GIF": inside(GIF, BEHIND_COLOURS, b"\x21\xfe" + b"\1x" * MANY + b"\0", 1),
    "comments of PPM": b"P6\n" + b"#\n" * MANY + b"8 8 255\n" + bytes(192),
    "spaces of PPM": b"P6" + b" " * MANY + b"8 8 255\n" + bytes(192),
    "comments between the pixels of PPM": PLAIN_PPM % (b"#x\n" * 2_000),
}


@pytest.mark.parametrize("name", MADE)
def test_more_pieces_than_an_image_has_make_it_a_bad_image(name):
    with pytest.raises(UnreadableImage, match=r"^more (chunks, markers or|than 1,000) comments"):
        decode_image(MADE[name], KEPT)


def test_images_in_small_pieces_are_read_as_ever():
    """A PNG in pieces of 256 bytes, a BMP of runs of one pixel, a plain PPM with comments."""
    size = (500, 400)
    draws = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(draws).save(file, "PNG")
    content = file.getvalue()
    start = content.index(b"IDAT") - 4
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in draws), 0)
    pieces = b"".join(chunk(b"IDAT", pixels[at : at + 256]) for at in range(0, len(pixels), 256))
    png = content[:start] + pieces + chunk(b"IEND")
    whole = KeptSize.exactly(400)
    assert decode_image(png, whole).tobytes() == decode_image(content, whole).tobytes()
    assert decode_image(_runs(400, 300), KEPT).size == (11, 8)
    assert decode_image(PLAIN_PPM % (b"# drawn\n" * 100), KEPT).size == (8, 8)


def _runs(width, height):
    """A BMP of 8 bits in runs of one pixel each."""
    rows = (b"\1\7" * width + b"\0\0") * height + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + 40 + 1024
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + head + bytes(1024) + rows
