import io

import pytest
from PIL import Image

from platform.datasets.sources.file_kinds import ending_of, image_format
from platform.datasets.sources.source import open_source

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def encoded(kind):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(file, kind)
    return file.getvalue()


@pytest.fixture
def crawl(tmp_path):
    """What a crawler leaves in one folder."""
    for name, content in {
        "a.JPG": encoded("JPEG"),
        "b": encoded("PNG"),
        "c.jpg?w=300&v=1.2": encoded("JPEG"),
        "d.jpg_large": encoded("WEBP"),
        "e.HEIC": HEIC,
        "f.jpg!d": b"<!DOCTYPE html><html>404</html>",
        "g": b"plain text",
        "notes.txt": b"\xff\xd8\xffno",
        "raw.CR2": b"II*\0",
    }.items():
        (tmp_path / "cat").mkdir(exist_ok=True)
        (tmp_path / "cat" / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("zip_it", [False, True])
def test_files_without_an_images_ending_are_told_by_their_first_bytes(
    crawl, tmp_path_factory, zipped, zip_it
):
    folder = zipped(crawl, tmp_path_factory.mktemp("zip") / "crawl.zip") if zip_it else crawl / "cat"
    kinds = open_source(str(folder)).kinds
    assert [path.name for path in kinds.images] == ["a.JPG", "b", "c.jpg?w=300&v=1.2", "d.jpg_large"]
    assert kinds.told_by_content == {"": 1, ".jpg?…": 1, ".jpg_large": 1}
    over = {one.path.split("/")[-1]: one for one in kinds.passed_over}
    assert sorted(over) == ["e.HEIC", "f.jpg!d", "g", "notes.txt", "raw.CR2"]
    assert over["e.HEIC"].reason == "HEIC, for which there is no decoder here: convert it to JPEG"
    assert over["g"].reason == "no image" and over["raw.CR2"].ending == ".cr2"
    assert {name for name, one in over.items() if one.is_image} == {"e.HEIC", "f.jpg!d"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_the_first_bytes_tell_each_format_that_pillow_writes(kind):
    told = image_format(encoded(kind)[:32])
    assert told is not None and told.upper().replace(" ", "") == kind


@pytest.mark.parametrize(
    "head", [b"", b"BMW is a car, and this is a text", b"RIFF\0\0\0\0WAVEfmt ", b"\0" * 32]
)
def test_the_first_bytes_of_other_files_tell_no_image(head):
    assert image_format(head) is None


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("x/a.b/c", ""),
        ("a.JPEG", ".jpeg"),
        ("a.png?x=1", ".png?…"),
        ("a.jpg.txt", ".txt"),
        ("a.jpg~", ".jpg~"),
    ],
)
def test_the_ending_of_a_name(name, ending):
    assert ending_of(name) == ending
