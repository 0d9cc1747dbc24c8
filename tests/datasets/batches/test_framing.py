"""Which part of an image is used: the centre or the whole, and crop windows of the resized image."""

from typing import Any

import pytest
import torch
from torchvision.transforms.v2 import functional

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.loader import EvalLoader, TrainLoader

PLAIN: dict[str, Any] = {"batch_size": 32, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def by_torchvision(image, size):
    """[3, *size] float: the whole image, its aspect ignored."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)
    return functional.resize(pixels, list(size), antialias=True).float() / 255


@pytest.mark.parametrize(("image_size", "whole"), [((80, 40), False), ((72, 72), True)])
def test_evaluation_of_tall_inputs_and_where_it_is_said_sees_the_whole_image(photographs, image_size, whole):
    loader = EvalLoader(photographs, "train", image_size=image_size, whole=whole, **PLAIN)
    for batch in loader:
        for seen, row in zip(batch.images, batch.rows, strict=True):
            expected = by_torchvision(photographs.images.image(int(row)), image_size)
            torch.testing.assert_close(seen, expected, atol=0.005, rtol=0)


def test_a_resized_crop_is_torchvisions_resize_then_a_window(photographs):
    """As person re-identification trains: to 90 x 45 px, of which 72 x 36 at random."""
    size, canvas = (72, 36), (90, 45)
    for flip in (0.0, 1.0):
        augment = AugmentConfig(crop="resized", resize=1.25, horizontal_flip=flip)
        batch = next(TrainLoader(photographs, image_size=size, augment=augment, seed=0, **PLAIN).epoch(0))
        places = set()
        for seen, row in zip(batch.images, batch.rows, strict=True):
            resized = by_torchvision(photographs.images.image(int(row)), canvas)
            windows = resized.unfold(1, size[0], 1).unfold(2, size[1], 1).permute(1, 2, 0, 3, 4)
            off = ((seen.flip(2) if flip else seen) - windows).abs().amax(dim=(2, 3, 4))
            assert off.min() < 0.005
            places.add(int(off.argmin()))
        assert len(places) > 5


def test_evaluation_sees_the_centre(photographs):
    """At 72 px of images kept at 80 px: 72 / 0.875 = 82, so 70 of 80 px, enlarged."""
    size = 72
    loader = EvalLoader(photographs, "train", image_size=size, **PLAIN)
    row = int(loader.rows[0])
    seen = next(iter(loader)).images[0]
    image = photographs.images.image(row)
    side = round(min(image.shape[:2]) * size / 82)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = (
        torch.from_numpy(image[top : top + side, left : left + side].copy()).permute(2, 0, 1)[None].float()
    )
    resized = torch.nn.functional.interpolate(square, (size, size), mode="bilinear", antialias=True)[0] / 255
    torch.testing.assert_close(seen, resized, atol=0.005, rtol=0)
