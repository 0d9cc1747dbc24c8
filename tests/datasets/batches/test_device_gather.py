"""The gather for GPUs, run on the CPU: the same crops as NumPy's, bit for bit."""

import numpy as np
import pytest
import torch

from platform.datasets.batches.crop_windows import Gather
from platform.datasets.batches.device_gather import DeviceGather
from platform.datasets.image_size import Size

CPU = torch.device("cpu")


def arguments(images, count=200, reach=9):
    random = np.random.default_rng(0)
    places = random.integers(0, images, count)
    return places, random.integers(-reach, reach + 1, (count, 2)), random.random(count) < 0.5


def whole(pixels, side, mode):
    return Gather(pixels, (0, 0), Size(side, side), Size(side, side), mode)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
@pytest.mark.parametrize(
    ("shape", "corner", "canvas", "size"),
    [
        ((8, 8), (0, 0), (8, 8), (8, 8)),
        ((9, 14), (1, 3), (7, 7), (7, 7)),
        ((5, 1), (2, 0), (1, 1), (1, 1)),
        ((9, 14), (1, 3), (8, 4), (8, 4)),
        ((9, 14), (0, 1), (9, 10), (6, 8)),
    ],
)
def test_it_gives_what_numpy_gives(mode, shape, corner, canvas, size):
    pixels = np.random.default_rng(1).integers(0, 256, (20, *shape, 3), dtype=np.uint8)
    gather = Gather(pixels, corner, Size(*canvas), Size(*size), mode)
    places, shifts, flip = arguments(20)
    there = DeviceGather(gather, CPU)(*(torch.from_numpy(values) for values in (places, shifts, flip)))
    assert there.dtype == torch.uint8
    assert np.array_equal(there.numpy(), gather(places, shifts, flip))


def test_pixels_that_may_not_be_written_to_are_taken_and_kept_once():
    pixels = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    pixels.flags.writeable = False
    one = DeviceGather(whole(pixels, 8, "reflect"), CPU)
    two = DeviceGather(whole(pixels, 6, "edge"), CPU)
    assert one._there.data_ptr() == two._there.data_ptr()


def test_it_pays_on_a_gpu_up_to_a_size(monkeypatch):
    gather = whole(np.zeros((2, 8, 8, 3), dtype=np.uint8), 8, "reflect")
    assert DeviceGather.pays(gather, torch.device("cuda"))
    assert not DeviceGather.pays(gather, CPU)
    monkeypatch.setattr("platform.datasets.batches.device_gather.LIMIT_BYTES", gather.flat.nbytes - 1)
    assert not DeviceGather.pays(gather, torch.device("cuda"))
