"""Images as requests to a served model give them, each read as its file would be."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.tracking.bad_request import BadRequest
from reports.deploy.request_images import decoded, images_of

KEPT = KeptSize.automatic(16)
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def file(kind):
    content = io.BytesIO()
    Image.fromarray(PIXELS).save(content, kind)
    return content.getvalue()


def encoded(kind):
    return base64.b64encode(file(kind)).decode()


def pixels_of(image, **options):
    return np.asarray(decoded(image, KEPT, **{"allows_paths": False, **options}))


@pytest.mark.parametrize(
    "image",
    [
        encoded("png"),
        f"data:image/png;base64,{encoded('png')}",
        "\n".join([encoded("png")[:76], encoded("png")[76:]]),
        file("png"),
        bytearray(file("png")),
        PIXELS,
        PIXELS.tolist(),
        np.array(PIXELS.tolist(), dtype=object),
        [np.array(list(line), dtype=object) for line in PIXELS],
    ],
    ids=["base64", "data URI", "lines", "bytes", "bytearray", "array", "lists", "objects", "of frames"],
)
def test_all_forms_of_one_image_are_the_same_pixels(image):
    np.testing.assert_array_equal(pixels_of(image), PIXELS)


def test_a_jpeg_in_base64_begins_like_a_path_and_is_none():
    assert encoded("jpeg").startswith("/9j/")
    for allows_paths in (False, True):
        assert pixels_of(encoded("jpeg"), allows_paths=allows_paths).shape == PIXELS.shape


def test_a_path_is_read_only_where_the_model_was_shipped_so(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(file("png"))
    with pytest.raises(
        BadRequest, match="paths are read only by a model that was shipped with --allow-paths"
    ):
        pixels_of(str(path))
    for named in (str(path), path):
        np.testing.assert_array_equal(pixels_of(named, allows_paths=True), PIXELS)
    with pytest.raises(BadRequest, match="is neither base64 nor a file that can be read"):
        pixels_of(str(tmp_path / "gone.png"), allows_paths=True)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (base64.b64encode(b"no image").decode(), "is no image that can be read: not an image"),
        (b"", "is no image that can be read: the file is empty"),
        (PIXELS.astype(float), r"got float64 \[16, 16, 3\]"),
        (PIXELS[..., 0], r"got uint8 \[16, 16\]"),
        ([[[0, 0, 256]]], "is not base64 text, bytes, or RGB pixels"),
        ([[[0, 0, 0]], [[0, 0, 0], [0, 0, 0]]], "its rows have several lengths"),
        ({"b64": ""}, "is not base64 text"),
        (None, "is not base64 text"),
    ],
)
def test_a_mistake_is_a_line(image, words):
    with pytest.raises(BadRequest, match=words):
        pixels_of(image)


def test_the_images_are_a_list_or_the_only_column():
    assert images_of({"image": ["a", "b"]}) == ["a", "b"]
    assert images_of(["a", "b"]) == images_of(pd.DataFrame({"image": ["a", "b"]})) == ["a", "b"]
    with pytest.raises(BadRequest, match="needs one column of images, got a, b"):
        images_of(pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(ValueError, match="needs a list of images .*, got str"):
        images_of("a.png")
