"""What the pass says of every odd kind of file."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from platform.datasets.audit.scan.file_findings import file_findings
from platform.datasets.audit.scan.one_image import READING, row_of
from platform.datasets.sources.source import FolderSource


def photograph(height: int = 60, width: int = 80) -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(photograph(), "JPEG", exif=exif)


def with_thumbnail_in_metadata() -> bytes:
    """A JPEG whose APP1 holds a whole JPEG, which has an end of its own."""
    content, inner = encoded(photograph(), "JPEG"), encoded(photograph(12, 16), "JPEG")
    return content[:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + content[2:]


@pytest.fixture
def look(tmp_path):
    """``look(name, content)``: the row of a file."""

    def of(name: str, content: bytes) -> dict:
        (tmp_path / name).write_bytes(content)
        return row_of(FolderSource(tmp_path, "photos"), name, READING)

    return of


def kinds_of(*rows: dict) -> list[tuple[str, str]]:
    import pandas as pd

    table = file_findings(pd.DataFrame(rows), None)
    return list(zip(table["kind"], table["path"], strict=True))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("turned.jpg", turned(6), {"exif_turned": True, "width": 60, "height": 80}),
        ("mirrored.jpg", turned(2), {"exif_turned": True, "width": 80, "height": 60}),
        ("upright.jpg", turned(1), {"exif_turned": False, "format": "JPEG", "grayscale": False}),
        ("alpha.png", encoded(photograph().convert("RGBA"), "PNG"), {"alpha": True, "format": "PNG"}),
        ("grey.png", encoded(photograph().convert("L"), "PNG"), {"grayscale": True, "alpha": False}),
        (
            "moving.gif",
            encoded(photograph(), "GIF", save_all=True, append_images=[Image.new("RGB", (80, 60))]),
            {"animated": True, "format": "GIF"},
        ),
        ("still.gif", encoded(photograph(), "GIF"), {"animated": False}),
        (
            "deep.png",
            encoded(Image.fromarray(np.full((60, 60), 4095, dtype=np.uint16)), "PNG"),
            {"sixteen_bit": True, "grayscale": True},
        ),
        (
            "deep.tif",
            encoded(Image.fromarray(np.full((60, 60), 4095, dtype=np.uint16)), "TIFF"),
            {"sixteen_bit": True, "format": "TIFF"},
        ),
        ("usual.webp", encoded(photograph(), "WEBP"), {"format": "WebP", "ends_early": False}),
        ("usual.bmp", encoded(photograph(), "BMP"), {"format": "BMP", "ending": ".bmp"}),
        ("thumb.jpg", with_thumbnail_in_metadata(), {"ends_early": False}),
        ("behind.jpg", encoded(photograph(), "JPEG") + b"camera's notes", {"ends_early": False}),
        ("no_end.png", encoded(photograph(), "PNG")[:-12], {"ends_early": True}),
    ],
)
def test_a_file_that_can_be_read_says_what_it_is(name, content, said, look):
    row = look(name, content)
    assert row["readable"]
    assert row["reason"] == ""
    assert {key: row[key] for key in said} == said
    assert len(row["sha256"]) == len(row["pixels"]) == 64
    assert max(Image.open(io.BytesIO(row["picture"])).size) <= 64
    assert 0 <= min(row[name] for name in ("dark", "light", "blurry", "low_information", "odd_shape")) <= 1


@pytest.mark.parametrize(
    ("name", "content", "kind", "reason"),
    [
        ("cut.jpg", encoded(photograph(), "JPEG")[:900], "truncated", "truncated"),
        ("no_end.jpg", encoded(photograph(), "JPEG")[:-2], "truncated", "truncated"),
        ("cut.png", encoded(photograph(), "PNG")[:900], "truncated", "truncated"),
        ("cut.webp", encoded(photograph(), "WEBP")[:300], "truncated", ""),
        ("cut.avif", encoded(photograph(), "AVIF")[:-50], "truncated", "Truncated data"),
        ("broken.avif", encoded(photograph(), "AVIF")[:40], "unreadable", "not an image"),
        ("page.jpg", b"<!DOCTYPE html><html>404</html>", "unreadable", "an HTML page"),
        ("words.png", b"no picture at all", "unreadable", "not an image"),
        ("empty.jpg", b"", "unreadable", "the file is empty"),
        ("new.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unreadable", "HEIC"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name, content, kind, reason, look):
    row = look(name, content)
    assert not row["readable"]
    assert reason in row["reason"]
    assert row["picture"] is None
    assert math.isnan(row["dark"])
    assert (row["phash"], row["pixels"]) == (0, "")
    assert kinds_of(row)[0] == (kind, name)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.png", encoded(photograph(), "JPEG"), "the name ends in .png, and the file is JPEG"),
        ("b", encoded(photograph(), "PNG"), "the name has no ending, and the file is PNG"),
        ("c.jpg_large", encoded(photograph(), "JPEG"), "the name ends in .jpg_large, and the file is JPEG"),
    ],
)
def test_an_ending_that_misleads_is_found(name, content, why, look):
    import pandas as pd

    table = file_findings(pd.DataFrame([look(name, content)]), None)
    assert table[["path", "kind", "why", "suggestion"]].to_numpy().tolist() == [
        [name, "wrong_ending", why, "look"]
    ]


def test_a_missing_file_a_folder_and_a_link_to_nowhere_are_rows(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere.jpg")
    source = FolderSource(tmp_path, "photos")
    reasons = [row_of(source, name, READING)["reason"] for name in ("gone.jpg", "folder.jpg", "link.jpg")]
    assert reasons == [
        "cannot be read: not there",
        "cannot be read: a folder, not a file",
        f"cannot be read: a link to {tmp_path}/nowhere.jpg, which is not there",
    ]


def test_small_dark_light_blurred_and_flat_images_are_found(look):
    smooth = Image.fromarray(np.linspace(0, 160, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8))
    rows = [
        look("tiny.png", encoded(photograph(40, 60), "PNG")),
        look("strip.png", encoded(photograph(50, 500), "PNG")),
        look("dark.png", encoded(photograph().point(lambda value: value // 8), "PNG")),
        look("light.png", encoded(photograph().point(lambda value: 250 + value // 64), "PNG")),
        look("flat.png", encoded(Image.new("RGB", (64, 64), (90, 100, 110)), "PNG")),
        look("blurred.png", encoded(smooth, "PNG")),
        look("usual.png", encoded(photograph(), "PNG")),
    ]
    found = kinds_of(*rows)
    for kind, name in [
        ("tiny", "tiny.png"),
        ("odd_shape", "strip.png"),
        ("dark", "dark.png"),
        ("light", "light.png"),
        ("low_information", "flat.png"),
        ("blurry", "blurred.png"),
    ]:
        assert (kind, name) in found
    assert "usual.png" not in {path for _, path in found}


def test_tiny_is_none_where_most_images_are_small_unless_it_was_asked_for(look):
    import pandas as pd

    rows = pd.DataFrame([look(f"{n}.png", encoded(photograph(20, 30), "PNG")) for n in range(3)])
    assert "tiny" not in set(file_findings(rows, None)["kind"])
    found = file_findings(rows, 48)
    assert list(found["kind"]).count("tiny") == 3
    assert "20 x 30" not in found["why"][0] and "30 x 20 px" in found["why"][0]
