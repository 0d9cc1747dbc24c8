"""What is sent of an image: decoded, bounded, encoded again."""

import io

import numpy as np
import pytest
from PIL import Image

from platform.datasets.audit.folder import read_table, write_table
from platform.datasets.review.audited import open_audit, row_of
from platform.datasets.review.page import file_page
from platform.datasets.review.pictures import Pictures
from platform.datasets.review.session import open_review
from platform.datasets.sources.image_decoding import UnreadableImage
from tests.datasets.review.made_audit import make_audit


@pytest.fixture
def made(tmp_path):
    return make_audit(tmp_path, a_class=5)


def pictures_of(made):
    audited = open_audit(made.folder.path)
    return audited, Pictures(audited, set(range(len(audited.paths))))


def test_a_picture_is_never_the_files_own_bytes(made):
    audited, pictures = pictures_of(made)
    path = "robin/ro001.jpg"
    raw = (made.photos / path).read_bytes()
    assert b"a secret comment" in raw
    (made.photos / path).write_bytes(raw + b"<script>alert(1)</script>")
    found = pictures.picture(row_of(audited, path), 1024)
    assert found.kind == "image/png"
    assert b"secret" not in found.content and b"script" not in found.content
    shown = np.asarray(Image.open(io.BytesIO(found.content)))
    assert (shown == np.asarray(Image.open(made.photos / path))).all()


def test_a_large_or_extreme_image_is_bounded(made):
    audited, pictures = pictures_of(made)
    for size in ((3000, 2000), (4000, 30)):
        Image.new("RGB", size, "green").save(made.photos / "robin/ro001.jpg", comment=b"secret")
        _, pictures = pictures_of(made)
        found = pictures.picture(row_of(audited, "robin/ro001.jpg"), 640)
        assert found.kind == "image/jpeg"
        assert max(Image.open(io.BytesIO(found.content)).size) == 640
        assert b"secret" not in found.content


def test_only_images_of_the_review_are_shown(made):
    audited, _ = pictures_of(made)
    pictures = Pictures(audited, {3})
    assert pictures.picture(3, 160).content
    for row in (4, -1, 10**9):
        with pytest.raises(UnreadableImage, match="not one of the images of this review"):
            pictures.picture(row, 160)


def test_a_path_out_of_the_source_is_not_read(made, tmp_path):
    """An audit folder from a stranger may list any file."""
    Image.new("RGB", (9, 9)).save(tmp_path / "private.png")
    images = read_table(made.folder.images_file)
    images.loc[0, "path"] = "../private.png"
    images.loc[1, "path"] = str(tmp_path / "private.png")
    write_table(made.folder.images_file, images)
    _, pictures = pictures_of(made)
    for row in (0, 1):
        with pytest.raises(UnreadableImage, match="out of the source"):
            pictures.picture(row, 160)


def test_what_is_no_image_is_a_reason(made):
    audited, pictures = pictures_of(made)
    (made.photos / "robin/ro001.jpg").write_text("<html>")
    (made.photos / "robin/ro002.jpg").unlink()
    for path in ("robin/ro001.jpg", "robin/ro002.jpg"):
        with pytest.raises(UnreadableImage, match="HTML page|not there"):
            pictures.picture(row_of(audited, path), 160)


def test_a_file_of_the_page_is_bounded_and_says_so(made, monkeypatch):
    review = open_review(made.folder.path, "sample", 12)
    (made.photos / review.questions[0].path).write_text("no image")
    pictures = Pictures(review.audited, review.rows)
    whole, remarks = file_page(review, pictures)
    assert remarks == ["1 image cannot be read: left out of the file"]
    monkeypatch.setattr("platform.datasets.review.page.MOST_BYTES", 100_000)
    html, remarks = file_page(review, pictures)
    assert len(html) < len(whole)
    assert "the file holds the first" in remarks[1]
