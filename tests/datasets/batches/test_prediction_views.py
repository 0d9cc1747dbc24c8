"""The crops of a view against plain slices of the image."""

from typing import Any

import pytest
import torch
from torchvision.transforms.v2 import functional

from platform.datasets.batches.loader import EvalLoader
from platform.datasets.batches.prediction_views import PLAIN, Crop, View
from platform.datasets.image_size import Size

SETTINGS: dict[str, Any] = {"batch_size": 32, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}

CORNERS = {
    "top_left": (0, 0),
    "top_right": (0, 1),
    "bottom_left": (1, 0),
    "bottom_right": (1, 1),
    "centre": (0.5, 0.5),
}


def pixels(data, row):
    return torch.from_numpy(data.images.image(int(row)).copy()).permute(2, 0, 1)


def shown(data, size, crop, whole=False):
    """Manifest row and picture of each image."""
    loader = EvalLoader(data, "train", image_size=size, whole=whole, crop=crop, **SETTINGS)
    return [pair for batch in loader for pair in zip(batch.rows, batch.images, strict=True)]


@pytest.mark.parametrize("size", [72, (80, 40)])
def test_a_mirrored_crop_is_what_evaluation_sees_with_left_and_right_exchanged(photographs, size):
    pairs = zip(shown(photographs, size, Crop()), shown(photographs, size, Crop(mirrored=True)), strict=True)
    for (row, seen), (other, mirrored) in pairs:
        assert row == other
        assert torch.equal(seen.flip(2), mirrored)


@pytest.mark.parametrize(("window", "place"), CORNERS.items())
@pytest.mark.parametrize(
    ("size", "whole"), [(Size(72, 72), False), (Size(72, 72), True), (Size(70, 42), False)]
)
def test_windows_are_corners_and_centre_of_the_enlarged_image(photographs, window, place, size, whole):
    """Square inputs: corners of the centred square of the image; others: of the whole image."""
    canvas = [round(side / 0.875) for side in size]
    for row, seen in shown(photographs, size, Crop(window=window), whole):
        image = pixels(photographs, row)
        if size.is_square and not whole:
            side = min(image.shape[1:])
            top, left = ((length - side) // 2 for length in image.shape[1:])
            image = image[:, top : top + side, left : left + side]
        enlarged = functional.resize(image, canvas, antialias=True).float() / 255
        top, left = (
            int(share * (long - short)) for share, long, short in zip(place, canvas, size, strict=True)
        )
        expected = enlarged[:, top : top + size.height, left : left + size.width]
        torch.testing.assert_close(seen, expected, atol=0.005, rtol=0)


def test_a_window_of_images_of_one_size_is_cut_at_once_and_the_same(digits_of_16_px):
    """The canvas of 18 px, to which digits of 16 px are enlarged, is made once for all of them."""
    for row, seen in shown(digits_of_16_px, 16, Crop(window="bottom_right", mirrored=True))[:20]:
        enlarged = functional.resize(pixels(digits_of_16_px, row), [18, 18], antialias=True).float() / 255
        torch.testing.assert_close(seen, enlarged[:, 2:, 2:].flip(2), atol=0.005, rtol=0)


def test_a_view_is_written_and_read_as_it_is():
    view = View(name="crops", image_size=Size(64, 32), crops=(Crop(window="centre"), Crop(mirrored=True)))
    assert View.model_validate_json(view.model_dump_json()) == view
    assert View.model_validate_json(PLAIN.model_dump_json()) == PLAIN


def test_files_call_the_crops_looks():
    """As in winner.json and in the names of kept predictions, which older reports have written."""
    text = '{"name":"flip","image_size":null,"looks":[{"window":null,"mirrored":true}]}'
    view = View(name="flip", crops=(Crop(mirrored=True),))
    assert view.model_dump_json() == text
    assert View.model_validate_json(text) == view
