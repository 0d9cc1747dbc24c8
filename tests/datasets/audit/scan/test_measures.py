"""The measures against the installed CleanVision, and the hashes against the installed ImageHash."""

import io
import zipfile

import imagehash
import numpy as np
import pandas as pd
import pytest
from cleanvision.issue_managers.image_property import (
    AspectRatioProperty,
    BlurrinessProperty,
    BrightnessProperty,
    EntropyProperty,
    SizeProperty,
)
from PIL import Image, ImageFilter, ImageOps

from platform.datasets.audit.scan.file_findings import MEASURES
from platform.datasets.audit.scan.measures import (
    blurry,
    dark_and_light,
    low_information,
    odd_shape,
    odd_size,
    small,
)
from platform.datasets.audit.scan.one_image import READING
from platform.datasets.audit.scan.perceptual_hashes import hashes
from platform.datasets.sources.image_decoding import decode_image

THEIR_SETTINGS = {
    "low_information": {"normalizing_factor": 0.1},
    "blurry": {"normalizing_factor": 0.01, "color_threshold": 0.18},
}


def theirs(image: Image.Image) -> dict[str, float]:
    """CleanVision's scores of an image, with its default settings."""
    properties = {
        "dark": BrightnessProperty("dark"),
        "light": BrightnessProperty("light"),
        "low_information": EntropyProperty(),
        "blurry": BlurrinessProperty(),
        "odd_shape": AspectRatioProperty(),
    }
    found = {}
    for name, one in properties.items():
        raw = pd.DataFrame([one.calculate(image)])
        scores = one.get_scores(raw[one.score_columns], name, **THEIR_SETTINGS.get(name, {}))
        found[name] = float(scores.iloc[0, 0])
    return found


def ours(image: Image.Image) -> dict[str, float]:
    picture = image.convert("RGB")
    dark, light = dark_and_light(picture)
    return {
        "dark": dark,
        "light": light,
        "low_information": low_information(picture, is_grey=image.mode == "L"),
        "blurry": blurry(small(picture)),
        "odd_shape": odd_shape(*picture.size),
    }


def smooth(height: int, width: int, seed: int = 0, low: int = 0, high: int = 256) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(low, high, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


MADE = {
    "colours": smooth(120, 200),
    "noise": Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)),
    "dark": smooth(80, 80, low=0, high=40),
    "light": smooth(80, 80, low=248),
    "grey": smooth(70, 90).convert("L"),
    "one colour": Image.new("RGB", (64, 48), (200, 30, 40)),
    "black": Image.new("RGB", (30, 30)),
    "white": Image.new("RGB", (30, 30), "white"),
    "one pixel": Image.new("RGB", (1, 1), (9, 99, 199)),
    "a strip": smooth(9, 240),
    "blurred": smooth(200, 200).filter(ImageFilter.GaussianBlur(12)),
    "two colours": Image.fromarray(np.kron(np.eye(8, dtype=np.uint8) * 255, np.ones((16, 16), np.uint8))),
}


@pytest.mark.parametrize("name", MADE)
def test_measures_are_those_of_cleanvision(name):
    assert ours(MADE[name]) == pytest.approx(theirs(MADE[name]), abs=1e-6)


@pytest.mark.parametrize("name", MADE)
def test_hashes_are_those_of_imagehash(name):
    image = MADE[name]
    mirrored = ImageOps.mirror(image)
    expected = [
        imagehash.phash(image),
        imagehash.phash(mirrored),
        imagehash.dhash(image),
        imagehash.dhash(mirrored),
    ]
    differing = [
        (one ^ int(str(other), 16)).bit_count()
        for one, other in zip(hashes(image.convert("RGB")), expected, strict=True)
    ]
    assert differing == [0, 0, 0, 0]


def test_measures_and_hashes_of_photographs_are_theirs(test_data):
    archive = zipfile.ZipFile(test_data / "birds.zip")
    names = [name for name in archive.namelist() if name.endswith(".jpg")][::100]
    assert len(names) > 20
    for name in names:
        image = Image.open(io.BytesIO(archive.read(name)))
        assert ours(image) == pytest.approx(theirs(image), abs=1e-6)
        assert hashes(image.convert("RGB"))[0] == int(str(imagehash.phash(image)), 16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("height", "width"), [(700, 900), (600, 3000), (256, 256)])
def test_larger_images_measure_nearly_the_same_when_they_are_decoded_smaller(kind, height, width):
    image = smooth(height, width, seed=3)
    content = io.BytesIO()
    image.save(content, kind)
    reduced = decode_image(content.getvalue(), READING)
    assert min(reduced.size) == 128
    expected = theirs(Image.open(content))
    assert ours(reduced) == pytest.approx(expected, abs=0.02)
    assert (hashes(reduced)[0] ^ int(str(imagehash.phash(image)), 16)).bit_count() <= 4


def test_thresholds_are_those_of_cleanvision():
    from cleanvision.issue_managers.image_property_issue_manager import ImagePropertyIssueManager

    defaults = ImagePropertyIssueManager().params
    defaults["odd_shape"] = defaults["odd_aspect_ratio"]
    assert {one.kind: one.threshold for one in MEASURES} == {
        one.kind: defaults[one.kind]["threshold"] for one in MEASURES
    }


@pytest.mark.parametrize("sides", [[100, 110, 120, 90, 100, 1000], [64, 64, 64, 64, 64, 90], [64, 64]])
def test_odd_size_is_that_of_cleanvision(sides):
    sizes = np.array(sides, dtype=np.int32)
    one = SizeProperty()
    raw = pd.DataFrame({"size": np.sqrt(sizes * 80.0)})
    expected = one.get_scores(raw, "odd_size").iloc[:, 0].to_numpy()
    np.testing.assert_allclose(odd_size(sizes, np.full(len(sizes), 80, np.int32)), expected, atol=1e-9)
