import numpy as np
import pytest
from PIL import Image
from torchvision.transforms.v2 import functional

from platform.datasets.batches.crop_windows import Gather, cut, mirrored
from platform.datasets.geometry import evaluation_frame
from platform.datasets.image_size import Size


def pictures(count=6, height=9, width=9, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (count, height, width, 3), dtype=np.uint8)


def whole(pixels, side):
    return Gather(pixels, (0, 0), Size(side, side), Size(side, side), "reflect")


@pytest.mark.parametrize("size", [Size(9, 9), Size(9, 5)], ids=str)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_a_gather_is_padding_cropping_and_flipping_one_by_one(mode, size):
    pixels, padding = pictures(6, *size), 4
    random = np.random.default_rng(1)
    places = random.integers(0, len(pixels), 40)
    shifts = random.integers(-padding, padding + 1, (40, 2))
    flip = random.random(40) < 0.5
    gathered = Gather(pixels, (0, 0), size, size, mode)(places, shifts, flip)
    for number, place in enumerate(places):
        padded = np.pad(pixels[place], ((padding, padding), (padding, padding), (0, 0)), mode=mode)
        y, x = shifts[number] + padding
        expected = padded[y : y + size.height, x : x + size.width]
        assert np.array_equal(gathered[number], expected[:, ::-1] if flip[number] else expected)


def test_padding_wider_than_the_image_is_reflected_again_and_again():
    pixels = pictures(1, 3, 3)
    padded = np.pad(pixels[0], ((7, 7), (7, 7), (0, 0)), mode="reflect")
    gathered = whole(pixels, 3)(np.array([0]), np.array([[-7, 7]]), np.array([False]))
    assert np.array_equal(gathered[0], padded[:3, 14:17])


def test_a_gather_out_of_the_middle_of_larger_images():
    pixels = pictures(3, 8, 12)
    gathered = Gather(pixels, (0, 2), Size(8, 8), Size(8, 8), "edge")(
        np.array([2, 0]), np.zeros((2, 2), dtype=int), np.array([False] * 2)
    )
    assert np.array_equal(gathered, pixels[[2, 0], :, 2:10])


def test_a_gather_of_windows_smaller_than_the_canvas():
    pixels, shifts = pictures(3, 12, 10), np.array([[2, 1], [0, 3], [5, 0]])
    gather = Gather(pixels, (1, 2), Size(11, 8), Size(6, 5), "constant")
    gathered = gather(np.array([0, 1, 2]), shifts, np.array([False, True, False]))
    for picture, image, (down, right), is_flipped in zip(
        gathered, pixels, shifts, (False, True, False), strict=True
    ):
        expected = image[1 + down : 7 + down, 2 + right : 7 + right]
        assert np.array_equal(picture, expected[:, ::-1] if is_flipped else expected)


def test_a_gather_reads_pixels_that_may_not_be_written():
    pixels = pictures()
    pixels.flags.writeable = False
    gathered = whole(pixels, 9)(np.array([1]), np.array([[1, 0]]), np.array([True]))
    assert gathered.flags.writeable


@pytest.mark.parametrize("size", [Size(30, 30), Size(24, 12)], ids=str)
@pytest.mark.parametrize("box", [(3, 5, 40, 52), (0, 0, 60, 80), (10, 10, 7, 9), (1, 2, 30, 30)])
def test_a_cut_is_the_resized_crop_of_torchvision_and_of_pillow(box, size):
    image = np.asarray(
        Image.fromarray(pictures(1, 6, 8)[0]).resize((80, 60), Image.Resampling.BICUBIC)
    )  # read-only, as images from a shared store are
    top, left, height, width = box
    found = cut(image, np.array(box), size)
    crop = Image.fromarray(image[top : top + height, left : left + width])
    by_pillow = functional.resize(crop, list(size))
    assert abs(found.astype(int) - np.asarray(by_pillow).astype(int)).max() <= 1


def test_a_mirrored_picture():
    picture = pictures(1)[0]
    assert np.array_equal(mirrored(picture), picture[:, ::-1])
    picture.flags.writeable = False
    assert np.array_equal(mirrored(picture), picture[:, ::-1])


@pytest.mark.parametrize(
    ("image_size", "shape", "box"),
    [
        (224, (256, 341), (16, 58, 224, 224)),  # what torchvision's Resize(256), CenterCrop(224) cuts
        (224, (512, 341), (107, 21, 298, 298)),
        (32, (32, 32), (0, 0, 32, 32)),
        (32, (32, 50), (0, 9, 32, 32)),
        (16, (8, 8), (0, 0, 8, 8)),
    ],
)
def test_the_centre_that_evaluation_sees(image_size, shape, box):
    frame = evaluation_frame(Size(image_size, image_size), whole=False)
    assert tuple(frame.boxes(np.array([shape]))[0].tolist()) == box


@pytest.mark.parametrize(("size", "whole"), [(Size(256, 128), False), (Size(224, 224), True)])
def test_evaluation_of_tall_inputs_and_where_it_is_said_sees_the_whole_image(size, whole):
    frame = evaluation_frame(size, whole=whole)
    assert frame.canvas == size
    assert frame.boxes(np.array([[300, 200], [50, 80]])).tolist() == [[0, 0, 300, 200], [0, 0, 50, 80]]
